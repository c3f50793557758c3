"""End holds whose time is up: what was drawn counts, the rest is free again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from autorisen.kit.problems import InvalidInput
from autorisen.kit.unit import Unit
from autorisen.kit.work import Job, Recurring, enqueue
from autorisen.subscriptions.holds import store
from autorisen.subscriptions.holds.model import Hold
from autorisen.subscriptions.holds.record_use import record_use

log = structlog.get_logger(__name__)

QUOTAS_AT_ONCE = 20
HOLDS_AT_ONCE = 10


async def expire_overdue(unit: Unit, customer_id: UUID, meter: str) -> int:
    """End the overdue holds of one quota, which the caller has locked; some of them, if there are many."""
    ended = await store.overdue(unit.tx, customer_id, meter, unit.wall_now, HOLDS_AT_ONCE)
    for each in ended:
        await expire(unit, each.at(unit.wall_now))
    return len(ended)


async def expire(unit: Unit, expired: Hold) -> None:
    """Write that a hold has expired, and count what was drawn of it.

    An event that can't be counted is kept among metering's refused ones, and never keeps the hold alive: a hold that
    could not end would stop its whole meter.
    """
    if expired.used:
        try:
            results = (await record_use(unit, expired, {})).results
            reason = results[0].reason if results else None
        except InvalidInput as problem:  # meters that exclude each other; nothing was written yet
            reason = problem.errors[0].rule
        if reason is not None:
            log.warning("hold.use_not_counted", hold=expired.public_id, used=str(expired.used), reason=reason)
    await store.update_hold(unit.tx, expired)


async def expire_holds(unit: Unit, payload: dict[str, Any]) -> None:
    """End overdue holds of all customers. All locks are taken before the first event is written: so no deadlock."""
    locked = await store.lock_overdue(unit.tx, unit.wall_now, QUOTAS_AT_ONCE)
    full = len(locked) == QUOTAS_AT_ONCE
    for customer_id, meter in locked:
        full = await expire_overdue(unit, customer_id, meter) == HOLDS_AT_ONCE or full
    if full:
        await enqueue(unit, EXPIRE_HOLDS_JOB.kind)


EXPIRE_HOLDS_JOB = Job("subscriptions.expire_holds", expire_holds)
EXPIRE_HOLDS = Recurring("subscriptions.expire_holds", EXPIRE_HOLDS_JOB.kind, every=timedelta(minutes=1))
