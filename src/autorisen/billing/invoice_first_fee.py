"""Invoice the fee of a first period, for customers who are put on a paid plan without a checkout."""

from __future__ import annotations

from autorisen import subscriptions
from autorisen.billing import store
from autorisen.billing.lifecycle.invoice_fee import invoice_fee
from autorisen.kit.unit import Unit


async def invoice_first_fee(unit: Unit, fact: subscriptions.SubscriptionStarted) -> None:
    """Invoice and collect the first period's fee in advance; nothing for a free plan. The fact arrives once."""
    subscription = await subscriptions.subscription(unit.tx, fact.subscription_id, lock=True)
    first = (await subscriptions.periods_of(unit.tx, subscription.id))[0]
    if not first.fee_invoiced and await store.fee_invoice(unit.tx, first.id) is None:
        await invoice_fee(unit, first)
