"""Try a plan without paying, and end the trial: once per customer and plan, for ever."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from autorisen import catalog
from autorisen.catalog import Interval, PlanVersion
from autorisen.kit.unit import Unit
from autorisen.kit.work import record
from autorisen.subscriptions import store
from autorisen.subscriptions.close_and_open_next import start_default
from autorisen.subscriptions.errors import TrialRefused
from autorisen.subscriptions.facts import TrialEnded, TrialStarted
from autorisen.subscriptions.model import INSTANT, Period, Status, Subscription, Trigger, next_status
from autorisen.subscriptions.open_period import cut_period, open_period, store_period
from autorisen.subscriptions.periods import days_after
from autorisen.subscriptions.reach import reach
from autorisen.subscriptions.renewal import plan_changed, require_sold


async def start_trial(unit: Unit, subscription_id: UUID, *, plan: PlanVersion, interval: Interval) -> Period:
    """Put the customer of the default plan on trial now; `interval` is the cycle of the paid time after it.

    Raises `TrialRefused` where the plan offers none or was tried before, `TransitionRefused`, and `PlanNotSold`.
    """
    before = await store.subscription(unit.tx, subscription_id, lock=True)
    next_status(before.status, Trigger.START_TRIAL)
    require_sold(plan, before.currency, interval)
    before, running = await reach(unit, before, unit.now)
    await _require_trial(unit, before, plan)
    assert plan.trial_days is not None, "required above"
    cut_at = max(unit.now, running.start_at + INSTANT)
    await cut_period(unit, running, cut_at)
    after = replace(
        before.kept,
        plan_version_id=plan.id,
        plan_key=plan.plan_key,
        interval=interval,
        status=next_status(before.status, Trigger.START_TRIAL),
        anchor_at=cut_at,
    )
    await store.update_subscription(unit.tx, after)
    trial = await store_period(
        unit,
        after,
        start_at=cut_at,
        end_at=days_after(cut_at, plan.trial_days, after.time_zone),
        ordinal=1,
        follows=True,
        fee_invoiced=False,
        interval="month",
        kind="trial",
    )
    if not await store.insert_trial(unit.tx, trial, plan.plan_key):
        raise TrialRefused(f"{plan.name} was tried before; it can be tried once")
    await record(unit, plan_changed(before, after, cut_at))
    await record(unit, TrialStarted(after.id, after.customer_id, plan.plan_key, trial.end_at))
    return trial


async def end_trial(unit: Unit, subscription_id: UUID, *, paid_on: bool) -> Period | None:
    """What follows a trial that is over: with `paid_on` the paid time, whose period is given, to be invoiced.

    Without it, or when it was cancelled, the customer is back on the default plan from that instant, and nothing is
    charged. None for a trial that runs on, or that was ended before: it may be repeated.
    """
    before = await store.subscription(unit.tx, subscription_id, lock=True)
    trial = await store.current_period(unit.tx, subscription_id)
    if before.status is not Status.TRIALING or unit.now < trial.end_at:
        return None
    paid_on = paid_on and not before.cancel_at_period_end
    await record(unit, TrialEnded(before.id, before.customer_id, before.plan_key, paid_on))
    if paid_on:
        status = next_status(before.status, Trigger.END_TRIAL)
        after = replace(before, status=status, anchor_at=trial.end_at)
        await store.update_subscription(unit.tx, after)
        return await open_period(unit, after, start_at=trial.end_at, ordinal=1, follows=True, fee_invoiced=True)
    status = next_status(before.status, Trigger.CANCEL_NOW)
    after = replace(before.kept, status=status, ended_at=trial.end_at)
    await store.update_subscription(unit.tx, after)
    await start_default(unit, after, trial.end_at)
    return None


async def _require_trial(unit: Unit, present: Subscription, plan: PlanVersion) -> None:
    if plan.trial_days is None:
        raise TrialRefused(f"{plan.name} has no trial")
    if not (await catalog.plan_version(unit.tx, present.plan_version_id)).is_default:
        raise TrialRefused("a plan is tried from the free plan; change yours instead")
