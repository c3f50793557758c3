"""Background entries of billing: thin, each calls a verb."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from autorisen import subscriptions
from autorisen.billing.close_period import close_period, closes_at
from autorisen.billing.errors import PeriodStillOpen
from autorisen.kit.unit import Unit
from autorisen.kit.work import Job, enqueue

CLOSE_PERIOD = "billing.close_period"


async def schedule_close(unit: Unit, fact: subscriptions.PeriodOpened) -> None:
    """Have the period closed after its end and the grace time."""
    due_at = closes_at(fact.end_at, unit.settings)
    await enqueue(unit, CLOSE_PERIOD, {"period_id": fact.period_id}, due_at=due_at, key=f"close:{fact.period_id}")


async def schedule_early_close(unit: Unit, fact: subscriptions.PeriodCut) -> None:
    """The period ends earlier: close it then. The first job will find it closed and change nothing."""
    due_at = closes_at(fact.end_at, unit.settings)
    await enqueue(unit, CLOSE_PERIOD, {"period_id": fact.period_id}, due_at=due_at, key=f"close:{fact.period_id}:cut")


async def _close_period(unit: Unit, payload: dict[str, Any]) -> None:
    period_id = UUID(payload["period_id"])
    try:
        await close_period(unit, period_id)
    except PeriodStillOpen:
        # The grace time was made longer after this job was queued; failing until it is dead would bill nothing.
        period = await subscriptions.period(unit.tx, period_id)
        due_at = closes_at(period.end_at, unit.settings)
        # A key of its own: this job still waits under its own until the transaction ends.
        key = f"close:{period_id}:{due_at.isoformat()}"
        await enqueue(unit, CLOSE_PERIOD, payload, due_at=due_at, key=key)


CLOSE_PERIOD_JOB = Job(CLOSE_PERIOD, _close_period)
