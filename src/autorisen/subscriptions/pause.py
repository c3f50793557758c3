"""Pause a subscription, with its period or at once, and resume it.

A pause is free of charge and gives nothing back: paused at once, the period that is paid runs on, and who resumes
within it is back in it, with the same allowance and without a new fee. After it the pause goes on in periods without a
fee, and resuming starts a new period, to be paid in advance.
"""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from autorisen.kit.unit import Unit
from autorisen.kit.work import record
from autorisen.subscriptions import store
from autorisen.subscriptions.cancel import require_paid_plan
from autorisen.subscriptions.facts import PauseRequested, SubscriptionPaused, SubscriptionResumed
from autorisen.subscriptions.model import INSTANT, Period, Subscription, Trigger, next_status
from autorisen.subscriptions.open_period import cut_period, open_period
from autorisen.subscriptions.reach import reach


async def request_pause(unit: Unit, subscription_id: UUID) -> Subscription:
    """Let the subscription pause when its period is over. Asked twice, nothing changes twice.

    It replaces whatever else was to happen with the period. Raises `TransitionRefused`.
    """
    before = await store.subscription(unit.tx, subscription_id, lock=True)
    next_status(before.status, Trigger.REQUEST_PAUSE)
    if before.pause_at_period_end:
        return before
    await require_paid_plan(unit, before)
    before, running = await reach(unit, before, unit.now)
    after = replace(before.kept, status=next_status(before.status, Trigger.REQUEST_PAUSE), pause_at_period_end=True)
    await store.update_subscription(unit.tx, after)
    await record(unit, PauseRequested(after.id, after.customer_id, running.end_at))
    return after


async def pause_now(unit: Unit, subscription_id: UUID) -> Subscription:
    """Pause at once. Raises `TransitionRefused`, also for the default plan."""
    before = await store.subscription(unit.tx, subscription_id, lock=True)
    next_status(before.status, Trigger.PAUSE)
    await require_paid_plan(unit, before)
    before, _ = await reach(unit, before, unit.now)
    after = replace(before.kept, status=next_status(before.status, Trigger.PAUSE))
    await store.update_subscription(unit.tx, after)
    await record(unit, SubscriptionPaused(after.id, after.customer_id, unit.now))
    return after


async def end_pause(unit: Unit, subscription_id: UUID) -> Period | None:
    """Resume now. Gives the period that begins with it, whose fee is to be invoiced; None inside a paid period.

    Raises `TransitionRefused` for one that is not paused.
    """
    before = await store.subscription(unit.tx, subscription_id, lock=True)
    next_status(before.status, Trigger.RESUME)
    before, running = await reach(unit, before, unit.now)
    status = next_status(before.status, Trigger.RESUME)
    if running.kind == "paid":
        after = replace(before.kept, status=status)
        await store.update_subscription(unit.tx, after)
        await record(unit, SubscriptionResumed(after.id, after.customer_id, unit.now, running.end_at))
        return None
    cut_at = max(unit.now, running.start_at + INSTANT)
    await cut_period(unit, running, cut_at)
    after = replace(before.kept, status=status, anchor_at=cut_at)
    await store.update_subscription(unit.tx, after)
    await record(unit, SubscriptionResumed(after.id, after.customer_id, cut_at, None))
    return await open_period(unit, after, start_at=cut_at, ordinal=1, follows=True, fee_invoiced=True)
