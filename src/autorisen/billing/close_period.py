"""Close a period: rate its usage, invoice it with the next period's fee, open what follows, collect.

All of it is one transaction: run twice it happens once, killed in the middle it has not happened.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from autorisen import metering, subscriptions
from autorisen.billing import store, store_rated
from autorisen.billing.build_invoice import billable_now
from autorisen.billing.collect import collect
from autorisen.billing.draft_invoice import draft_close, fee_of, rating_terms
from autorisen.billing.errors import MeterNotCounted, PeriodStillOpen
from autorisen.billing.find_late_usage import find_late_usage
from autorisen.billing.issue_invoice import issue_invoice
from autorisen.billing.model import Closing, Invoice, fee_line_id
from autorisen.billing.rate_period import RatingTerms, rate_period
from autorisen.kit.money import Money
from autorisen.kit.settings import Settings
from autorisen.kit.unit import Unit


def closes_at(end_at: datetime, settings: Settings) -> datetime:
    """When a period may be closed: at its end and after the grace time for late events."""
    return end_at + timedelta(minutes=settings.usage_grace_minutes)


async def close_period(unit: Unit, period_id: UUID) -> Closing:
    """Close a period once; asked again, what was closed then.

    Raises `PeriodStillOpen`, and `MeterNotCounted` while a meter that the plan prices is new and its events of old are
    being counted.
    """
    period = await subscriptions.period(unit.tx, period_id, lock=True)
    closed = await store_rated.find_closing(unit.tx, period_id)
    if closed is not None:
        return closed
    if unit.now < closes_at(period.end_at, unit.settings):
        raise PeriodStillOpen(f"it can be closed from {closes_at(period.end_at, unit.settings).isoformat()} on")
    subscription = await subscriptions.subscription(unit.tx, period.subscription_id)
    terms = await rating_terms(unit.tx, period, subscription.currency)
    await _meters_are_counted(unit, terms)
    usage = await rate_period(unit.tx, terms, at=unit.now, new_id=unit.ids.new)
    late = await find_late_usage(
        unit.tx, customer_id=period.customer_id, currency=terms.currency, at=unit.now, new_id=unit.ids.new
    )
    following = await subscriptions.close_and_open_next(unit, period_id)
    fee = None if following is None or following.fee_invoiced else await fee_of(unit.tx, following, terms.currency)
    corrections = billable_now(usage=usage, late=late, fee=fee, currency=terms.currency)
    await store_rated.insert_rated(unit.tx, [*usage, *(each.now for each in corrections)])
    draft = await draft_close(
        unit.tx, unit.settings, subscription, terms, usage=usage, late=corrections, fee=fee, at=unit.now
    )
    # An invoice of nothing is not issued; the usage stays rated and explained.
    invoice = await issue_invoice(unit, draft) if Money.zero(draft.currency) < draft.total else None
    if invoice is not None and following is not None and fee is not None:
        await note_fee(unit, following.id, invoice)
    closing = _closing(terms, period.subscription_id, invoice, unit.now)
    await store_rated.insert_closing(unit.tx, closing)
    if invoice is not None:
        await collect(unit, invoice)
    return closing


async def _meters_are_counted(unit: Unit, terms: RatingTerms) -> None:
    """A new meter reads as nothing until it is whole: what it counts would only be billed a period later."""
    building = {rebuild.meter.definition.key for rebuild in await metering.rebuilds(unit.tx)}
    priced = {price.meter for price in terms.plan.usage_prices(terms.currency)}
    live = {meter.key for meter in await metering.meters(unit.tx)} if building & priced else priced
    waits = sorted((building & priced) - live)
    if waits:
        raise MeterNotCounted(f"{', '.join(waits)}: see `autorisen meters list`")


async def note_fee(unit: Unit, period_id: UUID, invoice: Invoice) -> None:
    """Keep which line bills the fee of a period, so that none bills it again."""
    await store.insert_fee(unit.tx, period_id=period_id, invoice_id=invoice.id, line_id=fee_line_id(invoice))


def _closing(terms: RatingTerms, subscription_id: UUID, invoice: Invoice | None, at: datetime) -> Closing:
    return Closing(
        period_id=terms.period_id,
        customer_id=terms.customer_id,
        subscription_id=subscription_id,
        invoice_id=None if invoice is None else invoice.id,
        period_start=terms.start_at,
        period_end=terms.end_at,
        interval=terms.interval,
        currency=terms.currency,
        plan_version_id=terms.plan.id,
        closed_at=at,
        kind=terms.kind,
    )
