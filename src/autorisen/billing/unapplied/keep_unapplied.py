"""Keep money that fits nothing: owed to the payer, in front of the operator."""

from __future__ import annotations

from autorisen import ledger, payments
from autorisen.billing.facts import PaymentUnapplied
from autorisen.billing.unapplied import store as unapplied
from autorisen.kit.money import Money
from autorisen.kit.unit import Unit
from autorisen.kit.work import record


async def keep_unapplied(unit: Unit, fact: payments.PaymentSucceeded, reason: str) -> None:
    """Keep money that pays nothing we know: never lost, never silently used."""
    values = {
        "payment_id": fact.payment_id,
        "customer_id": fact.customer_id,
        "reference": fact.reference,
        "amount_minor": fact.amount_minor,
        "currency": fact.currency,
        "gateway": fact.gateway,
        "reason": reason,
        "at": unit.now,
    }
    if not await unapplied.insert_unapplied(unit.tx, values):
        return
    kept = ledger.postings.payment_unapplied(
        payment_id=fact.payment_id,
        customer_id=fact.customer_id,
        gateway=fact.gateway,
        amount=Money(fact.amount_minor, fact.currency),
        reason=reason,
    )
    await ledger.post_fact(unit, kept, occurred_at=fact.succeeded_at)
    await record(
        unit,
        PaymentUnapplied(fact.payment_id, fact.customer_id, fact.reference, fact.amount_minor, fact.currency, reason),
    )
