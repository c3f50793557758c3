"""Move a subscription to another version of its plan, with the end of its period: the operator's decision."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from autorisen.catalog import PlanVersion
from autorisen.kit.unit import Unit
from autorisen.kit.work import record
from autorisen.subscriptions import store
from autorisen.subscriptions.errors import TransitionRefused
from autorisen.subscriptions.facts import ChangeScheduled
from autorisen.subscriptions.model import Subscription, Trigger, next_status
from autorisen.subscriptions.reach import reach
from autorisen.subscriptions.renewal import require_sold


async def move_version(unit: Unit, subscription_id: UUID, *, plan_version: PlanVersion) -> Subscription:
    """Let the subscription go on under another version of the plan it has when its period is over.

    What the customer has planned for the period's end is theirs and stays: then, and for another plan than the
    present one, `TransitionRefused`. Raises `PlanNotSold` where the version has no price in currency and cycle.
    """
    before = await store.subscription(unit.tx, subscription_id, lock=True)
    status = next_status(before.status, Trigger.SCHEDULE_CHANGE)
    require_sold(plan_version, before.currency, before.interval)
    before, running = await reach(unit, before, unit.now)
    if plan_version.plan_key != before.plan_key:
        raise TransitionRefused(f"it is on {before.plan_key} now")
    if before != before.kept:
        raise TransitionRefused("something else is planned for the end of its period")
    after = replace(
        before,
        status=status,
        next_plan_version_id=plan_version.id,
        next_plan_key=plan_version.plan_key,
        next_interval=before.interval,
    )
    await store.update_subscription(unit.tx, after)
    await record(unit, ChangeScheduled(after.id, after.customer_id, plan_version.id, after.interval, running.end_at))
    return after
