"""A subscription that is wanted: it starts when its first payment comes, and expires when it does not.

Meanwhile the customer stays on the default plan, and nothing else changes.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from autorisen import catalog
from autorisen.accounts import Customer
from autorisen.catalog import Interval, PlanVersion
from autorisen.kit.unit import Unit
from autorisen.kit.work import record
from autorisen.subscriptions import store
from autorisen.subscriptions.errors import AlreadySubscribed, TransitionRefused
from autorisen.subscriptions.facts import SubscriptionCancelled, SubscriptionExpired, SubscriptionStarted
from autorisen.subscriptions.model import INSTANT, Period, Status, Subscription, Trigger, next_status
from autorisen.subscriptions.open_period import cut_period, open_period
from autorisen.subscriptions.reach import reach
from autorisen.subscriptions.renewal import require_sold
from autorisen.subscriptions.start_subscription import insert_on

# How long a first payment may take, with its reminder and the bank's step; then it is asked for anew.
FIRST_PAYMENT_WITHIN = timedelta(hours=23)


async def want_subscription(unit: Unit, *, customer: Customer, plan: PlanVersion, interval: Interval) -> Subscription:
    """Note that a customer of the default plan wants a paid one: incomplete until its first payment.

    Raises `AlreadySubscribed` for a customer on another plan, or one that has a wanted subscription; `PlanNotSold`.
    """
    require_sold(plan, customer.currency, interval)
    await default_subscription(unit, customer.id)
    wanted = await insert_on(unit, customer, plan, interval=interval, start_at=unit.now, status=Status.INCOMPLETE)
    if wanted is None:
        raise AlreadySubscribed("a subscription waits for its first payment; pay or cancel it first")
    return wanted


async def default_subscription(unit: Unit, customer_id: UUID) -> Subscription:
    """The customer's subscription to the default plan, locked. Raises `AlreadySubscribed` when it is on another."""
    found = await store.subscription_of(unit.tx, customer_id)
    if found is not None:
        found = await store.subscription(unit.tx, found.id, lock=True)
    if found is None or found.status is not Status.ACTIVE or not await _is_default(unit, found):
        raise AlreadySubscribed("change the plan of the live subscription instead")
    return found


async def begin_wanted(unit: Unit, subscription_id: UUID) -> Period:
    """The first payment came: the default plan ends here, and the first period begins, whose fee is paid.

    Raises `TransitionRefused` once it has ended, and `AlreadySubscribed` when the customer is on another plan by now.
    """
    wanted = await store.subscription(unit.tx, subscription_id, lock=True)
    if wanted.status is not Status.INCOMPLETE:
        raise TransitionRefused("its first payment came too late, or came before")
    status = next_status(wanted.status, Trigger.PAID)
    free, running = await reach(unit, await default_subscription(unit, wanted.customer_id), unit.now)
    cut_at = max(unit.now, running.start_at + INSTANT)
    await cut_period(unit, running, cut_at)
    stopped = replace(free.kept, status=next_status(free.status, Trigger.CANCEL_NOW), ended_at=cut_at)
    await store.update_subscription(unit.tx, stopped)
    await record(unit, SubscriptionCancelled(stopped.id, stopped.customer_id, cut_at))
    started = replace(wanted, status=status, started_at=cut_at, anchor_at=cut_at)
    await store.start_wanted(unit.tx, started)
    await record(unit, SubscriptionStarted(started.id, started.customer_id, started.plan_key, cut_at))
    return await open_period(unit, started, start_at=cut_at, ordinal=1, follows=False, fee_invoiced=True)


async def expire_wanted(unit: Unit, subscription_id: UUID) -> bool:
    """End a subscription whose first payment did not come in time; False for one that started or ended meanwhile."""
    before = await store.subscription(unit.tx, subscription_id, lock=True)
    if before.status is not Status.INCOMPLETE:
        return False
    after = replace(before, status=next_status(before.status, Trigger.EXPIRE), ended_at=unit.now)
    await store.update_subscription(unit.tx, after)
    await record(unit, SubscriptionExpired(after.id, after.customer_id))
    return True


async def _is_default(unit: Unit, subscription: Subscription) -> bool:
    return (await catalog.plan_version(unit.tx, subscription.plan_version_id)).is_default
