"""What every invoice begins with: the parties, the tax, the fee of a plan. Pure."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from autorisen import accounts, catalog, subscriptions
from autorisen.billing.build_invoice import Fee
from autorisen.billing.model import Draft, Party, Purpose
from autorisen.billing.parties import customer_party
from autorisen.billing.tax import tax_terms


def fee_between(
    plan: catalog.PlanVersion, currency: str, interval: catalog.Interval, start_at: datetime, end_at: datetime
) -> Fee | None:
    """The flat fee of a plan for a stretch of time; None when it costs nothing."""
    price = plan.flat_price(currency, interval)
    if price is None or not price.amount:
        return None
    return Fee(plan.name, interval, price.amount, price.id, start_at, end_at, plan.plan_key)


def empty_draft(
    subscription: subscriptions.Subscription,
    customer: accounts.Customer,
    supplier: Party,
    *,
    period_id: UUID,
    purpose: Purpose,
    at: datetime,
) -> Draft:
    """An invoice without lines: who owes whom, under which tax."""
    recipient = customer_party(customer)
    return Draft(
        customer_id=subscription.customer_id,
        subscription_id=subscription.id,
        period_id=period_id,
        purpose=purpose,
        currency=subscription.currency,
        tax_terms=tax_terms(supplier=supplier, customer=recipient, currency=subscription.currency, at=at),
        supplier=supplier,
        customer=recipient,
        time_zone=subscription.time_zone,
        lines=(),
    )
