"""A payment failed, or came after all."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from autorisen.kit.unit import Unit
from autorisen.kit.work import record
from autorisen.subscriptions import store
from autorisen.subscriptions.facts import SubscriptionPastDue, SubscriptionRecovered, SubscriptionSuspended
from autorisen.subscriptions.model import Status, Subscription, Trigger, next_status


async def mark_past_due(unit: Unit, subscription_id: UUID) -> Subscription:
    """A payment failed. Repeated, or after the end, it changes nothing."""
    before, after = await _apply(unit, subscription_id, Trigger.PAYMENT_FAILED)
    if before.status is not after.status:
        await record(unit, SubscriptionPastDue(after.id, after.customer_id))
    return after


async def mark_active(unit: Unit, subscription_id: UUID) -> Subscription:
    """All that was due is paid, and what was suspended may be used again.

    Repeated, or after the end, it changes nothing: an ended one is never revived.
    """
    before, after = await _apply(unit, subscription_id, Trigger.PAID)
    if before.status is Status.PAST_DUE and after.status is Status.ACTIVE:
        await record(unit, SubscriptionRecovered(after.id, after.customer_id))
    return after


async def suspend(unit: Unit, subscription_id: UUID) -> Subscription:
    """Let nothing be used until all that is due is paid. Repeated, or when it is not live, it changes nothing."""
    before = await store.subscription(unit.tx, subscription_id, lock=True)
    if not before.is_live or before.suspended_at is not None:
        return before
    after = replace(before, suspended_at=unit.now)
    await store.update_subscription(unit.tx, after)
    await record(unit, SubscriptionSuspended(after.id, after.customer_id))
    return after


async def _apply(unit: Unit, subscription_id: UUID, trigger: Trigger) -> tuple[Subscription, Subscription]:
    before = await store.subscription(unit.tx, subscription_id, lock=True)
    after = replace(before, status=next_status(before.status, trigger))
    if trigger is Trigger.PAID and before.is_live:
        after = replace(after, suspended_at=None)
    if after != before:
        await store.update_subscription(unit.tx, after)
    return before, after
