"""Cancel a subscription with its period or at once, and take back what was to happen with the period."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from autorisen import catalog
from autorisen.kit.unit import Unit
from autorisen.kit.work import record
from autorisen.subscriptions import store
from autorisen.subscriptions.close_and_open_next import start_default
from autorisen.subscriptions.errors import TransitionRefused
from autorisen.subscriptions.facts import CancelRequested, CancelWithdrawn, ChangeWithdrawn, SubscriptionCancelled
from autorisen.subscriptions.model import INSTANT, Status, Subscription, Trigger, next_status
from autorisen.subscriptions.open_period import cut_period
from autorisen.subscriptions.reach import reach


async def request_cancel(unit: Unit, subscription_id: UUID) -> Subscription:
    """Let the subscription end with its period; until then nothing changes. Asked twice, nothing changes twice.

    It replaces whatever else was to happen with the period. A trial ends so without costing anything. Raises
    `TransitionRefused` for one that is not live, and for the default plan, which there is nothing below.
    """
    before = await store.subscription(unit.tx, subscription_id, lock=True)
    next_status(before.status, Trigger.REQUEST_CANCEL)
    if before.cancel_at_period_end:
        return before
    await require_paid_plan(unit, before)
    before, running = await reach(unit, before, unit.now)
    status = next_status(before.status, Trigger.REQUEST_CANCEL)
    after = replace(before.kept, status=status, cancel_at_period_end=True)
    await store.update_subscription(unit.tx, after)
    await record(unit, CancelRequested(after.id, after.customer_id, running.end_at))
    return after


async def keep(unit: Unit, subscription_id: UUID) -> Subscription:
    """Take back what was to happen with the period: a cancellation, a pause, a change. Without one, nothing changes.

    Raises `TransitionRefused` for a subscription that is not live, or whose last period is over.
    """
    before = await store.subscription(unit.tx, subscription_id, lock=True)
    status = next_status(before.status, Trigger.KEEP)
    if before == before.kept:
        return before
    last = await store.current_period(unit.tx, subscription_id)
    if unit.now >= last.end_at:
        raise TransitionRefused(f"it ended at {last.end_at.isoformat()}; choose a plan again")
    # Another version of its own plan is the operator's decision, not the customer's.
    if (before.next_plan_key, before.next_interval) == (before.plan_key, before.interval):
        raise TransitionRefused("new prices of the plan are announced; change or cancel it to have it otherwise")
    after = replace(before.kept, status=status)
    await store.update_subscription(unit.tx, after)
    if before.cancel_at_period_end:
        await record(unit, CancelWithdrawn(after.id, after.customer_id))
    else:
        await record(unit, ChangeWithdrawn(after.id, after.customer_id))
    return after


async def cancel_now(
    unit: Unit, subscription_id: UUID, *, at: datetime | None = None, unpaid: bool = False
) -> Subscription:
    """Stop a live subscription at once and start the default plan at the same instant; one only wanted just ends.

    The period ends here and stays open for closing, which ends the subscription. What was paid for the rest of it is
    not given back; that is for a refund to do. Raises `TransitionRefused`.
    """
    before = await store.subscription(unit.tx, subscription_id, lock=True)
    status = next_status(before.status, Trigger.CANCEL_NOW)
    if status is Status.ENDED:
        after = replace(before, status=status, ended_at=at or unit.now)
        await store.update_subscription(unit.tx, after)
        return after
    before, running = await reach(unit, before, at or unit.now, or_its_end=True)
    status = next_status(before.status, Trigger.CANCEL_NOW)
    cut_at = min(max(at or unit.now, running.start_at + INSTANT), running.end_at)
    if cut_at < running.end_at:
        await cut_period(unit, running, cut_at)
    after = replace(before.kept, status=status, ended_at=cut_at)
    await store.update_subscription(unit.tx, after)
    await record(unit, SubscriptionCancelled(after.id, after.customer_id, cut_at, unpaid))
    await start_default(unit, after, cut_at)
    return after


async def require_paid_plan(unit: Unit, subscription: Subscription) -> None:
    """Raises `TransitionRefused` on the default plan, which can neither be cancelled nor paused."""
    if (await catalog.plan_version(unit.tx, subscription.plan_version_id)).is_default:
        raise TransitionRefused("this plan costs nothing and is what a cancelled subscription falls back to")
