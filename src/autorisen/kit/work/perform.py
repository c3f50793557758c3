"""Perform one claimed job: in its own transaction, or under a lease."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import msgspec
import structlog

from autorisen.kit.problems import Unavailable
from autorisen.kit.unit import Runtime, Unit
from autorisen.kit.work import store
from autorisen.kit.work.enqueue import enqueue, enqueue_many
from autorisen.kit.work.lease import Lease, LeaseLost
from autorisen.kit.work.model import (
    FACT_KIND,
    FACTS_KIND,
    HANDLE_KIND,
    Backlog,
    Job,
    LeasedRun,
    Registry,
    Retry,
    TransactionRun,
    UnknownWork,
    name_of,
)

log = structlog.get_logger(__name__)

_ERROR_LENGTH_MAX = 2_000


async def perform_next(runtime: Runtime, registry: Registry) -> bool:
    """Claim the job that is due longest, or a backlog that is due before it, and perform it. False when none was."""
    return await _perform_next(runtime, registry, registry.backlogs)


async def _perform_next(runtime: Runtime, registry: Registry, backlogs: Sequence[Backlog]) -> bool:
    job = lease = None
    async with runtime.unit() as unit:
        row = await store.claim(unit.tx, unit.now)
        first = await _due_before(unit, backlogs, unit.now if row is None else row.due_at)
        if first is None:
            if row is None:
                return False
            job = _job_of(registry, row)
            if job is None or job.mode == "transaction":
                await _perform_in_transaction(unit, registry, row, job)
            elif row.attempts >= job.retry.attempts:
                error = RuntimeError("the lease ran out each time")
                await _fail(unit, row, row.fence, row.attempts, job.retry, error)
            else:
                fence = await store.take_lease(unit.tx, row.id, job.lease)
                lease = Lease(runtime, row.id, fence, job.lease)
    if first is not None:
        # When others hold all of a backlog, the jobs need not wait for them.
        others = [each for each in backlogs if each is not first]
        return await first.perform(runtime) > 0 or await _perform_next(runtime, registry, others)
    if lease is not None and row is not None and job is not None:
        await _perform_leased(runtime, row, job, lease)
    return True


async def _due_before(unit: Unit, backlogs: Sequence[Backlog], at: datetime) -> Backlog | None:
    """The backlog that has been due longest, if it was due by `at`."""
    due = [(await each.next_due(unit.tx, unit.settings, None), each) for each in backlogs]
    known = [(due_at, each) for due_at, each in due if due_at is not None and due_at <= at]
    return min(known, key=lambda pair: pair[0])[1] if known else None


def _job_of(registry: Registry, row: store.JobRow) -> Job | None:
    """The registered job; None for facts, which the worker performs itself, and for work of another release."""
    return next((job for job in registry.jobs if job.kind == row.kind), None)


async def _perform_in_transaction(unit: Unit, registry: Registry, row: store.JobRow, job: Job | None) -> None:
    retry = job.retry if job else Retry()
    try:
        # A savepoint: a failed handler's writes vanish, our note about the failure stays.
        async with unit.tx.transaction():
            await _dispatch(unit, registry, row)
            await store.delete(unit.tx, row.id, row.fence)
    except Unavailable:
        raise
    except Exception as error:
        if unit.tx.closed or unit.tx.broken:
            raise
        await _fail(unit, row, row.fence, row.attempts + 1, retry, error)


async def _dispatch(unit: Unit, registry: Registry, row: store.JobRow) -> None:
    if row.kind == FACT_KIND:
        for handler in registry.facts[registry.fact_type(row.payload["name"])]:
            await enqueue(unit, HANDLE_KIND, {**row.payload, "handler": name_of(handler)})
    elif row.kind == FACTS_KIND:
        payloads = []
        for each in await store.facts(unit.tx, [UUID(id) for id in row.payload["fact_ids"]]):
            payload = {"fact_id": each.id, "name": each.name, "data": each.payload}
            handlers = registry.facts[registry.fact_type(each.name)]
            payloads += [payload | {"handler": name_of(handler)} for handler in handlers]
        await enqueue_many(unit, HANDLE_KIND, payloads)
    elif row.kind == HANDLE_KIND:
        handler = registry.handler(row.payload["name"], row.payload["handler"])
        fact = msgspec.convert(row.payload["data"], registry.fact_type(row.payload["name"]), strict=False)
        await handler(unit, fact)
    else:
        await cast(TransactionRun, registry.job(row.kind).run)(unit, row.payload)


async def _perform_leased(runtime: Runtime, row: store.JobRow, job: Job, lease: Lease) -> None:
    beating = asyncio.create_task(_beat(lease, job.lease / 3))
    try:
        await cast(LeasedRun, job.run)(lease, row.payload)
        if not lease.finished:
            raise RuntimeError(f"{job.kind} returned without lease.finish()")
    except LeaseLost:
        log.warning("work.lease_lost", job_id=str(row.id), kind=row.kind, fence=lease.fence)
    except Unavailable:
        raise  # the lease runs out by itself and somebody takes over
    except Exception as error:
        async with runtime.unit() as unit:
            await _fail(unit, row, lease.fence, row.attempts + 1, job.retry, error)
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating


async def _beat(lease: Lease, every: timedelta) -> None:
    while True:
        await asyncio.sleep(every.total_seconds())
        with suppress(LeaseLost, Unavailable):
            await lease.heartbeat()


async def _fail(unit: Unit, row: store.JobRow, fence: int, attempts: int, retry: Retry, error: Exception) -> None:
    text = f"{type(error).__name__}: {error}"[:_ERROR_LENGTH_MAX].replace("\x00", "")
    context: dict[str, Any] = {"job_id": str(row.id), "kind": row.kind, "attempts": attempts}
    if attempts >= retry.attempts and not isinstance(error, UnknownWork):
        await store.bury(unit.tx, row.id, fence, now=unit.now, attempts=attempts, error=text)
        log.error("work.dead", **context, exc_info=error)
        return
    due_at = unit.now + retry.delay(attempts, unit.ids.bytes(1)[0])
    await store.retry(unit.tx, row.id, fence, due_at=due_at, attempts=attempts, error=text)
    log.warning("work.retry", **context, error=text, due_at=due_at.isoformat(), exc_info=error)
