"""Open a period: the one place where its end is computed, once, and stored."""

from __future__ import annotations

from datetime import datetime

from autorisen.kit.unit import Unit
from autorisen.kit.work import record
from autorisen.subscriptions import store
from autorisen.subscriptions.facts import PeriodCut, PeriodOpened
from autorisen.subscriptions.model import Period, Subscription
from autorisen.subscriptions.periods import next_period_end


async def open_period(
    unit: Unit, subscription: Subscription, *, start_at: datetime, ordinal: int, follows: bool, fee_invoiced: bool
) -> Period:
    """Store the period number `ordinal` since the subscription's anchor and record `PeriodOpened`."""
    anchor, interval = subscription.anchor_at, subscription.interval
    end_at = next_period_end(anchor, interval, ordinal, subscription.time_zone)
    period = Period(
        id=unit.ids.new(),
        subscription_id=subscription.id,
        customer_id=subscription.customer_id,
        plan_version_id=subscription.plan_version_id,
        interval=interval,
        ordinal=ordinal,
        start_at=start_at,
        end_at=end_at,
        planned_end_at=end_at,
        status="open",
        fee_invoiced=fee_invoiced,
    )
    await store.insert_period(unit.tx, period, start_at if follows else None)
    await record(unit, PeriodOpened(period.id, subscription.id, subscription.customer_id, start_at, end_at))
    return period


async def open_following(unit: Unit, subscription: Subscription, before: Period) -> Period:
    """Open the period that renews the subscription where `before` ends."""
    return await open_period(
        unit, subscription, start_at=before.end_at, ordinal=before.ordinal + 1, follows=True, fee_invoiced=False
    )


async def cut_period(unit: Unit, period: Period, end_at: datetime) -> None:
    """End a period earlier than planned and record `PeriodCut`; its closing may now come earlier."""
    await store.cut_period(unit.tx, period.id, end_at)
    await record(unit, PeriodCut(period.id, period.subscription_id, period.customer_id, period.start_at, end_at))
