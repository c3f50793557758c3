"""Cancel a subscription with its period or at once, and take a cancellation back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from autorisen import catalog
from autorisen.kit.unit import Unit
from autorisen.kit.work import record
from autorisen.subscriptions import store
from autorisen.subscriptions.change_plan import period_at
from autorisen.subscriptions.close_and_open_next import start_default
from autorisen.subscriptions.errors import TransitionRefused
from autorisen.subscriptions.facts import CancelRequested, CancelWithdrawn
from autorisen.subscriptions.model import INSTANT, Status, Subscription, Trigger, next_status
from autorisen.subscriptions.open_period import cut_period


async def request_cancel(unit: Unit, subscription_id: UUID) -> Subscription:
    """Let the subscription end with its period; until then nothing changes. Asked twice, nothing changes twice.

    Raises `TransitionRefused` for one that is not live, and for the default plan, which there is nothing below.
    """
    before = await store.subscription(unit.tx, subscription_id, lock=True)
    status = next_status(before.status, Trigger.REQUEST_CANCEL)
    if before.cancel_at_period_end:
        return before
    if (await catalog.plan_version(unit.tx, before.plan_version_id)).is_default:
        raise TransitionRefused("this plan costs nothing and is what a cancelled subscription falls back to")
    running = await period_at(unit, before, unit.now)
    after = replace(before, status=status, cancel_at_period_end=True)
    await store.update_subscription(unit.tx, after)
    await record(unit, CancelRequested(after.id, after.customer_id, running.end_at))
    return after


async def resume(unit: Unit, subscription_id: UUID) -> Subscription:
    """Take a cancellation at period end back, as long as the period runs. Without one, nothing changes.

    Raises `TransitionRefused` for a subscription that is not live, or whose last period is over.
    """
    before = await store.subscription(unit.tx, subscription_id, lock=True)
    status = next_status(before.status, Trigger.RESUME)
    if not before.cancel_at_period_end:
        return before
    last = await store.current_period(unit.tx, subscription_id)
    if unit.now >= last.end_at:
        raise TransitionRefused(f"it ended at {last.end_at.isoformat()}; choose a plan again")
    after = replace(before, status=status, cancel_at_period_end=False)
    await store.update_subscription(unit.tx, after)
    await record(unit, CancelWithdrawn(after.id, after.customer_id))
    return after


async def cancel_now(unit: Unit, subscription_id: UUID, *, at: datetime | None = None) -> Subscription:
    """Stop a live subscription at once and start the default plan at the same instant.

    The period ends here and stays open for closing, which ends the subscription. Raises `TransitionRefused`.
    """
    before = await store.subscription(unit.tx, subscription_id, lock=True)
    status = next_status(before.status, Trigger.CANCEL_NOW)
    if status is Status.ENDED:
        after = replace(before, status=status, ended_at=at or unit.now)
        await store.update_subscription(unit.tx, after)
        return after
    running = await period_at(unit, before, at or unit.now)
    cut_at = max(at or unit.now, running.start_at + INSTANT)
    await cut_period(unit, running, cut_at)
    after = replace(before, status=status, ended_at=cut_at)
    await store.update_subscription(unit.tx, after)
    await start_default(unit, after, cut_at)
    return after
