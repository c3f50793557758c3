"""Close a period and open the next one, or end the subscription with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from autorisen import accounts, catalog
from autorisen.kit.unit import Unit
from autorisen.kit.work import record
from autorisen.subscriptions import store
from autorisen.subscriptions.errors import PeriodStillRunning
from autorisen.subscriptions.facts import SubscriptionEnded
from autorisen.subscriptions.model import Period, Subscription, Trigger, following, next_status
from autorisen.subscriptions.reach import go_on
from autorisen.subscriptions.start_subscription import start_on


async def close_and_open_next(unit: Unit, period_id: UUID) -> Period | None:
    """Mark a period closed, for ever, and give the period that renews it, whose fee is now to be invoiced.

    The next one opens where this one ends, unless it exists already. A subscription that was to be cancelled with its
    period, or a trial that nobody pays on for, ends there, and the default plan starts at the same instant: then that
    plan's period is given. None when no fee is due: after a change of plan, which has one of its own, and in a pause.
    A closed period stays as it is and gives None, so it may be repeated. Raises `PeriodStillRunning` before its end.
    """
    period = await store.period(unit.tx, period_id, lock=True)
    if period.status == "closed":
        return None
    if unit.now < period.end_at:
        raise PeriodStillRunning(f"it runs until {period.end_at.isoformat()}")
    await store.close_period(unit.tx, period_id)
    subscription = await store.subscription(unit.tx, period.subscription_id)
    opened = await store.following_period(unit.tx, period)
    if opened is None and (after := following(subscription, period)) is not None:
        opened = await go_on(unit, subscription, after, period)
    if opened is not None:
        return opened if opened.owes_fee else None
    was_live = subscription.is_live
    await _end(unit, subscription, period.end_at)
    return await start_default(unit, subscription, period.end_at) if was_live else None


async def start_default(unit: Unit, ended: Subscription, start_at: datetime) -> Period:
    """Put the customer of an ended subscription on the default plan, without a gap."""
    customer = await accounts.customer(unit.tx, ended.customer_id)
    plan = await catalog.default_plan(unit.tx, unit.now)
    sold_alike = replace(customer, currency=ended.currency)
    started = await start_on(unit, sold_alike, plan, interval="month", start_at=start_at)
    return await store.current_period(unit.tx, started.id)


async def _end(unit: Unit, subscription: Subscription, ended_at: datetime) -> None:
    status = next_status(subscription.status, Trigger.END)
    # A subscription cancelled at once keeps the instant of its cancellation.
    final = replace(subscription, status=status, ended_at=subscription.ended_at or ended_at)
    await store.update_subscription(unit.tx, final)
    await record(unit, SubscriptionEnded(final.id, final.customer_id, ended_at))
