"""Invoice the fee of a period that has just begun, and collect it."""

from __future__ import annotations

from autorisen import subscriptions
from autorisen.billing import store
from autorisen.billing.collect import collect
from autorisen.billing.coupons import use_coupons, uses_of
from autorisen.billing.draft_invoice import draft_start, fee_of
from autorisen.billing.issue_invoice import issue_invoice
from autorisen.billing.model import Invoice, fee_line_id
from autorisen.kit.unit import Unit


async def invoice_fee(unit: Unit, period: subscriptions.Period) -> Invoice | None:
    """The invoice of a period's fee in advance; None for a plan that costs nothing, or that a coupon pays."""
    subscription = await subscriptions.subscription(unit.tx, period.subscription_id, lock=True)
    fee = await fee_of(unit.tx, period, subscription.currency)
    if fee is None:
        return None
    draft = await draft_start(unit.tx, unit.settings, subscription, period.id, fee, unit.now)
    if not draft.total:
        # A coupon pays all of it: nothing is asked for, and the coupon is used.
        await use_coupons(unit, uses_of(draft, None))
        return None
    invoice = await issue_invoice(unit, draft)
    await store.insert_fees(unit.tx, [(period.id, invoice.id, fee_line_id(invoice))])
    await collect(unit, invoice)
    return invoice
