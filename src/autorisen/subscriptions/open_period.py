"""Open a period: the one place where its end is computed, once, and stored."""

from __future__ import annotations

from datetime import datetime

from autorisen.catalog import Interval
from autorisen.kit.unit import Unit
from autorisen.kit.work import record
from autorisen.subscriptions import store
from autorisen.subscriptions.facts import PeriodCut, PeriodOpened
from autorisen.subscriptions.model import Following, Period, PeriodKind, Subscription
from autorisen.subscriptions.periods import next_period_end


async def open_period(
    unit: Unit, subscription: Subscription, *, start_at: datetime, ordinal: int, follows: bool, fee_invoiced: bool
) -> Period:
    """Store the period number `ordinal` since the subscription's anchor and record `PeriodOpened`."""
    end_at = next_period_end(subscription.anchor_at, subscription.interval, ordinal, subscription.time_zone)
    return await store_period(
        unit,
        subscription,
        start_at=start_at,
        end_at=end_at,
        ordinal=ordinal,
        follows=follows,
        fee_invoiced=fee_invoiced,
        interval=subscription.interval,
    )


async def open_following(unit: Unit, after: Following, before: Period) -> Period:
    """Open the period that comes after `before`, where it ends; `after` is what the pure rule says of it."""
    subscription = after.subscription
    end_at = next_period_end(subscription.anchor_at, after.interval, after.ordinal, subscription.time_zone)
    return await store_period(
        unit,
        subscription,
        start_at=before.end_at,
        end_at=end_at,
        ordinal=after.ordinal,
        follows=True,
        fee_invoiced=False,
        interval=after.interval,
        kind=after.kind,
    )


async def store_period(
    unit: Unit,
    subscription: Subscription,
    *,
    start_at: datetime,
    end_at: datetime,
    ordinal: int,
    follows: bool,
    fee_invoiced: bool,
    interval: Interval,
    kind: PeriodKind = "paid",
) -> Period:
    """Store a period whose end is known and record `PeriodOpened`."""
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
        kind=kind,
    )
    await store.insert_period(unit.tx, period, start_at if follows else None)
    await record(unit, PeriodOpened(period.id, subscription.id, subscription.customer_id, start_at, end_at))
    return period


async def cut_period(unit: Unit, period: Period, end_at: datetime) -> None:
    """End a period earlier than planned and record `PeriodCut`; its closing may now come earlier."""
    await store.cut_period(unit.tx, period.id, end_at)
    await record(unit, PeriodCut(period.id, period.subscription_id, period.customer_id, period.start_at, end_at))
