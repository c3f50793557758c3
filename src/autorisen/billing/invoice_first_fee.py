"""Invoice the fee of a first period, for customers who are put on a paid plan without a checkout."""

from __future__ import annotations

from autorisen import subscriptions
from autorisen.billing import store
from autorisen.billing.collect import collect
from autorisen.billing.coupons import use_coupons, uses_of
from autorisen.billing.draft_invoice import draft_start, fee_of
from autorisen.billing.issue_invoice import issue_invoice
from autorisen.billing.model import fee_line_id
from autorisen.kit.unit import Unit


async def invoice_first_fee(unit: Unit, fact: subscriptions.SubscriptionStarted) -> None:
    """Invoice and collect the first period's fee in advance; nothing for a free plan. The fact arrives once."""
    subscription = await subscriptions.subscription(unit.tx, fact.subscription_id, lock=True)
    first = (await subscriptions.periods_of(unit.tx, subscription.id))[0]
    fee = await fee_of(unit.tx, first, subscription.currency)
    if fee is None or first.fee_invoiced or await store.fee_invoice(unit.tx, first.id) is not None:
        return
    draft = await draft_start(unit.tx, unit.settings, subscription, first.id, fee, unit.now)
    if not draft.total:
        # A coupon pays all of it: nothing is asked for, and the coupon is used.
        await use_coupons(unit, uses_of(draft, None))
        return
    invoice = await issue_invoice(unit, draft)
    await store.insert_fees(unit.tx, [(first.id, invoice.id, fee_line_id(invoice))])
    await collect(unit, invoice)
