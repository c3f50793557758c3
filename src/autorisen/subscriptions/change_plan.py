"""Change the plan or the cycle: at once, or with the period."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from autorisen.catalog import Interval, PlanVersion
from autorisen.kit.unit import Unit
from autorisen.kit.work import record
from autorisen.subscriptions import store
from autorisen.subscriptions.errors import TransitionRefused
from autorisen.subscriptions.facts import ChangeScheduled
from autorisen.subscriptions.model import INSTANT, Period, Subscription, Trigger, next_status
from autorisen.subscriptions.open_period import cut_period, open_period
from autorisen.subscriptions.reach import reach
from autorisen.subscriptions.renewal import plan_changed, require_sold


async def change_plan(
    unit: Unit,
    *,
    subscription_id: UUID,
    plan_version: PlanVersion,
    at: datetime,
    interval: Interval | None = None,
    fee_invoiced: bool = True,
) -> Period:
    """End the running period at `at` and open one of the new plan there, which becomes the anchor of those after it.

    The ended period stays open for closing: its usage is rated by its own plan. `fee_invoiced` says that the new
    period's fee has been invoiced ahead. Whatever was to happen with the period is taken back by it. Raises
    `TransitionRefused`, `PlanNotSold`, and `PeriodNotBegun` before the subscription starts.
    """
    before = await store.subscription(unit.tx, subscription_id, lock=True)
    next_status(before.status, Trigger.CHANGE_PLAN)
    require_sold(plan_version, before.currency, interval or before.interval)
    before, running = await reach(unit, before, at)
    status = next_status(before.status, Trigger.CHANGE_PLAN)
    cycle = interval or before.interval
    cut_at = max(at, running.start_at + INSTANT)
    await cut_period(unit, running, cut_at)
    after = replace(
        before.kept,
        plan_version_id=plan_version.id,
        plan_key=plan_version.plan_key,
        interval=cycle,
        status=status,
        anchor_at=cut_at,
    )
    await store.update_subscription(unit.tx, after)
    await record(unit, plan_changed(before, after, cut_at))
    return await open_period(unit, after, start_at=cut_at, ordinal=1, follows=True, fee_invoiced=fee_invoiced)


async def schedule_change(
    unit: Unit, subscription_id: UUID, *, plan_version: PlanVersion, interval: Interval
) -> Subscription:
    """Let the subscription go on as another plan or cycle when its period is over; until then nothing changes.

    The prices are agreed now: it is this version that will hold. It replaces whatever was to happen with the period.
    Raises `TransitionRefused`, also for the plan and cycle it has, and `PlanNotSold`.
    """
    before = await store.subscription(unit.tx, subscription_id, lock=True)
    next_status(before.status, Trigger.SCHEDULE_CHANGE)
    require_sold(plan_version, before.currency, interval)
    before, running = await reach(unit, before, unit.now)
    if (plan_version.plan_key, interval) == (before.plan_key, before.interval):
        raise TransitionRefused(f"{plan_version.name} by the {interval} is the present plan")
    after = replace(
        before.kept,
        status=next_status(before.status, Trigger.SCHEDULE_CHANGE),
        next_plan_version_id=plan_version.id,
        next_plan_key=plan_version.plan_key,
        next_interval=interval,
    )
    if after != before:
        await store.update_subscription(unit.tx, after)
        await record(unit, ChangeScheduled(after.id, after.customer_id, plan_version.id, interval, running.end_at))
    return after
