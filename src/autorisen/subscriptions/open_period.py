"""Open a period: the one place where its end is computed, once, and stored."""

from __future__ import annotations

from datetime import datetime

from autorisen.catalog import Interval
from autorisen.kit.unit import Unit
from autorisen.kit.work import record
from autorisen.subscriptions import store
from autorisen.subscriptions.facts import PeriodCut
from autorisen.subscriptions.model import Following, Period, PeriodKind, Subscription
from autorisen.subscriptions.periods import next_period_end
from autorisen.subscriptions.renewal import opening_of, period_after, period_of


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
    period = period_after(after, before, unit.ids.new())
    await _store(unit, period, follows=True)
    return period


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
    period = period_of(
        subscription,
        unit.ids.new(),
        start_at=start_at,
        end_at=end_at,
        ordinal=ordinal,
        interval=interval,
        kind=kind,
        fee_invoiced=fee_invoiced,
    )
    await _store(unit, period, follows=follows)
    return period


async def _store(unit: Unit, period: Period, *, follows: bool) -> None:
    await store.insert_period(unit.tx, period, period.start_at if follows else None)
    await record(unit, opening_of(period))


async def cut_period(unit: Unit, period: Period, end_at: datetime) -> None:
    """End a period earlier than planned and record `PeriodCut`; its closing may now come earlier."""
    await store.cut_period(unit.tx, period.id, end_at)
    await record(unit, PeriodCut(period.id, period.subscription_id, period.customer_id, period.start_at, end_at))
