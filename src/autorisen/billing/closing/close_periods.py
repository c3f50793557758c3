"""Close periods: one that is named, or all that are due, many in one transaction.

Run twice it happens once, killed in the middle it has not happened. A period that can't be closed falls out of its
batch with the reason, and is tried again alone, later and later; the others are closed without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from psycopg import errors

from autorisen import subscriptions
from autorisen.billing.closing import store
from autorisen.billing.closing.decide_closing import decide_closing, require_counted, require_settled
from autorisen.billing.closing.load_closings import load_closings
from autorisen.billing.closing.model import ClosingDecision, Failure
from autorisen.billing.closing.write_closings import write_closings
from autorisen.billing.errors import PeriodStillOpen
from autorisen.billing.model import Closing
from autorisen.billing.rating import store as store_rated
from autorisen.kit.database import Tx
from autorisen.kit.settings import Settings
from autorisen.kit.unit import Runtime, Unit
from autorisen.kit.work import Backlog, Retry

log = structlog.get_logger(__name__)

PERIODS_AT_ONCE = 250
RETRY = Retry(longest=timedelta(days=1))
_REASON_LENGTH_MAX = 1_000


@dataclass(frozen=True)
class Closed:
    """What one batch came to. `tried` is none when nothing is due, or others hold all of it."""

    tried: int = 0
    closed: int = 0
    failed: int = 0


def closes_at(end_at: datetime, settings: Settings) -> datetime:
    """When a period may be closed: at its end and after the grace time for late events."""
    return end_at + timedelta(minutes=settings.usage_grace_minutes)


async def close_period(unit: Unit, period_id: UUID) -> Closing:
    """Close a period once; asked again, what was closed then.

    Raises `PeriodStillOpen`, `TrialBeingSettled`, and `MeterNotCounted` while a meter that the plan prices is new and
    its events of old are being counted.
    """
    period = await subscriptions.period(unit.tx, period_id, lock=True)
    closed = await store_rated.find_closing(unit.tx, period_id)
    if closed is not None:
        return closed
    if unit.now < closes_at(period.end_at, unit.settings):
        raise PeriodStillOpen(f"it can be closed from {closes_at(period.end_at, unit.settings).isoformat()} on")
    decisions, failures = await close_held(unit, [period_id])
    for failure in failures:
        raise failure.error
    return decisions[0].closing


async def close_due(runtime: Runtime, *, limit: int = PERIODS_AT_ONCE) -> Closed:
    """Close the periods that have been due longest, up to `limit`, in one transaction."""
    async with runtime.unit() as unit:
        ended_by = unit.now - timedelta(minutes=unit.settings.usage_grace_minutes)
        due = _together(await subscriptions.claim_due_periods(unit.tx, ended_by=ended_by, limit=limit))
        failures = await _close_or_split(unit, due) if due else []
        for failure in failures:
            await _put_off(unit, failure)
    return Closed(len(due), len(due) - len(failures), len(failures))


def _together(due: Sequence[subscriptions.DuePeriod]) -> list[UUID]:
    """The ones to close in one go: the first of each customer, since it decides on the next; what failed goes alone."""
    if due and due[0].was_put_off:
        return [due[0].id]
    first: dict[UUID, UUID] = {}
    for each in due:
        if each.was_put_off:
            break
        first.setdefault(each.customer_id, each.id)
    return list(first.values())


async def _close_or_split(unit: Unit, period_ids: Sequence[UUID]) -> list[Failure]:
    """Close these periods; where writing them fails, each half for itself, down to the one that can't be written."""
    try:
        async with unit.tx.transaction():
            _, failures = await close_held(unit, period_ids)
            await store.check_constraints(unit.tx)
    except Exception as error:
        if unit.tx.closed or unit.tx.broken or _lacks_room(error):
            raise
        if len(period_ids) == 1:
            return [Failure(period_ids[0], error)]
        log.warning("closing.split", periods=len(period_ids), error=f"{type(error).__name__}: {error}")
        half = len(period_ids) // 2
        first = await _close_or_split(unit, period_ids[:half])
        return first + await _close_or_split(unit, period_ids[half:])
    return failures


def _lacks_room(error: Exception) -> bool:
    """Whether the database ran out of disk, memory or the like (class 53): no period's fault, and soon over."""
    return isinstance(error, errors.Error) and (error.sqlstate or "").startswith("53")


async def close_held(unit: Unit, period_ids: Sequence[UUID]) -> tuple[list[ClosingDecision], list[Failure]]:
    """Close what this transaction holds."""
    ended = await subscriptions.ended_periods(unit.tx, period_ids, at=unit.now)
    rules, states = await load_closings(unit.tx, unit.settings, ended, at=unit.now)
    decisions, failures = [], []
    for state in states:
        try:
            require_counted(state, rules)
            require_settled(state)
            decisions.append(decide_closing(state, rules, new_id=unit.ids.new))
        except Exception as error:
            # Whatever is odd about one period, the others are not to wait for it.
            failures.append(Failure(state.terms.period_id, error))
    await write_closings(unit, decisions)
    return decisions, failures


async def _put_off(unit: Unit, failure: Failure) -> None:
    """Keep the reason, and try again later: as if the period had ended so much later."""
    reason = f"{type(failure.error).__name__}: {failure.error}"[:_REASON_LENGTH_MAX].replace("\x00", "")
    attempts = await store.note_failure(unit.tx, failure.period_id, reason, unit.now)
    retry_at = unit.now + RETRY.delay(attempts, unit.ids.bytes(1)[0])
    await store.set_retry(unit.tx, failure.period_id, retry_at)
    to = retry_at - timedelta(minutes=unit.settings.usage_grace_minutes)
    await subscriptions.put_off(unit.tx, [failure.period_id], to)
    log.warning(
        "closing.failed",
        period_id=str(failure.period_id),
        attempts=attempts,
        retry_at=retry_at.isoformat(),
        exc_info=failure.error,
    )


async def next_closing(tx: Tx, settings: Settings, after: datetime | None) -> datetime | None:
    """When the next period is due to be closed; with `after`, the next after that instant."""
    grace = timedelta(minutes=settings.usage_grace_minutes)
    ends_at = await subscriptions.next_end(tx, None if after is None else after - grace)
    return None if ends_at is None else closes_at(ends_at, settings)


async def _perform(runtime: Runtime) -> int:
    return (await close_due(runtime)).tried


CLOSINGS = Backlog("billing.closings", next_closing, _perform)
