"""Change the plan or the cycle at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from autorisen.catalog import Interval, PlanVersion
from autorisen.kit.unit import Unit
from autorisen.kit.work import record
from autorisen.subscriptions import store
from autorisen.subscriptions.errors import PeriodNotBegun
from autorisen.subscriptions.facts import PlanChanged
from autorisen.subscriptions.model import INSTANT, Period, Subscription, Trigger, next_status
from autorisen.subscriptions.open_period import cut_period, open_following, open_period
from autorisen.subscriptions.start_subscription import require_sold


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
    period's fee has been invoiced ahead. A wish to cancel is withdrawn by it. Raises `TransitionRefused`,
    `PlanNotSold`, and `PeriodNotBegun` before the subscription starts.
    """
    before = await store.subscription(unit.tx, subscription_id, lock=True)
    status = next_status(before.status, Trigger.CHANGE_PLAN)
    cycle = interval or before.interval
    require_sold(plan_version, before.currency, cycle)
    running = await period_at(unit, before, at)
    cut_at = max(at, running.start_at + INSTANT)
    await cut_period(unit, running, cut_at)
    after = replace(
        before,
        plan_version_id=plan_version.id,
        plan_key=plan_version.plan_key,
        interval=cycle,
        status=status,
        cancel_at_period_end=False,
        anchor_at=cut_at,
    )
    await store.update_subscription(unit.tx, after)
    await record(
        unit, PlanChanged(before.id, before.customer_id, before.plan_version_id, after.plan_version_id, cut_at)
    )
    return await open_period(unit, after, start_at=cut_at, ordinal=1, follows=True, fee_invoiced=fee_invoiced)


async def period_at(unit: Unit, subscription: Subscription, at: datetime) -> Period:
    """The newest period, once it reaches `at`: renewals that have fallen due before `at` are opened first.

    It may begin after `at`: time does not run backwards over a change that has been made.
    """
    if at < subscription.started_at:
        raise PeriodNotBegun(f"the subscription starts at {subscription.started_at.isoformat()}")
    running = await store.current_period(unit.tx, subscription.id)
    while running.end_at <= at:
        running = await open_following(unit, subscription, running)
    return running
