"""Drafts: what an invoice would say now. The close, the upgrade and the previews all build them here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from autorisen import accounts, catalog, subscriptions
from autorisen.billing.build_invoice import Fee, LateUsage, close_lines, fee_line, upgrade_lines
from autorisen.billing.model import Draft, Purpose, TaxTerms
from autorisen.billing.parties import customer_party, supplier_party
from autorisen.billing.rate_period import RatingTerms, served_share
from autorisen.billing.rated_usage import RatedUsage
from autorisen.billing.tax import tax_terms
from autorisen.kit.database import Tx
from autorisen.kit.settings import Settings


async def rating_terms(tx: Tx, period: subscriptions.Period, currency: str) -> RatingTerms:
    """The prices and the time under which a period's usage is rated."""
    return RatingTerms(
        period_id=period.id,
        customer_id=period.customer_id,
        plan=subscriptions.plan_charged_in(await catalog.plan_version(tx, period.plan_version_id), period.kind),
        currency=currency,
        interval=period.interval,
        start_at=period.start_at,
        end_at=period.end_at,
        share=served_share(period),
        kind=period.kind,
    )


async def fee_of(tx: Tx, period: subscriptions.Period, currency: str) -> Fee | None:
    """The flat fee of a period; None when its plan is free."""
    plan = await catalog.plan_version(tx, period.plan_version_id)
    return fee_between(plan, currency, period.interval, period.start_at, period.planned_end_at)


def fee_between(
    plan: catalog.PlanVersion, currency: str, interval: catalog.Interval, start_at: datetime, end_at: datetime
) -> Fee | None:
    """The flat fee of a plan for a stretch of time; None when it costs nothing."""
    price = plan.flat_price(currency, interval)
    if price is None or not price.amount:
        return None
    return Fee(plan.name, interval, price.amount, price.id, start_at, end_at)


async def draft_close(
    tx: Tx,
    settings: Settings,
    subscription: subscriptions.Subscription,
    terms: RatingTerms,
    *,
    usage: Sequence[RatedUsage],
    late: Sequence[LateUsage],
    fee: Fee | None,
    at: datetime,
) -> Draft:
    """The invoice of a period's end; its total may be zero."""
    empty = await _empty(tx, settings, subscription, terms.period_id, Purpose.PERIOD_CLOSE, at)
    return replace(empty, lines=close_lines(usage=usage, late=late, fee=fee, terms=empty.tax_terms))


async def draft_start(
    tx: Tx, settings: Settings, subscription: subscriptions.Subscription, period_id: UUID, fee: Fee, at: datetime
) -> Draft:
    """The invoice of a first period's fee."""
    empty = await _empty(tx, settings, subscription, period_id, Purpose.START, at)
    return replace(empty, lines=(fee_line(fee, empty.tax_terms),))


async def draft_upgrade(
    tx: Tx,
    settings: Settings,
    subscription: subscriptions.Subscription,
    period_id: UUID,
    *,
    new_fee: Fee,
    paid_fee: Fee | None,
    at: datetime,
) -> Draft:
    """The invoice of a plan change: the new fee, less the unused part of what was paid."""
    empty = await _empty(tx, settings, subscription, period_id, Purpose.UPGRADE, at)
    lines = upgrade_lines(new_fee=new_fee, paid_fee=paid_fee, at=at, terms=empty.tax_terms)
    return replace(empty, lines=lines)


async def _empty(
    tx: Tx,
    settings: Settings,
    subscription: subscriptions.Subscription,
    period_id: UUID,
    purpose: Purpose,
    at: datetime,
) -> Draft:
    customer = customer_party(await accounts.customer(tx, subscription.customer_id))
    supplier = supplier_party(settings)
    tax: TaxTerms = tax_terms(supplier=supplier, customer=customer, currency=subscription.currency, at=at)
    return Draft(
        customer_id=subscription.customer_id,
        subscription_id=subscription.id,
        period_id=period_id,
        purpose=purpose,
        currency=subscription.currency,
        tax_terms=tax,
        supplier=supplier,
        customer=customer,
        time_zone=subscription.time_zone,
        lines=(),
    )
