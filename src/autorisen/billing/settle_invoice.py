"""A payment arrived: pay the invoice that it names, and let happen what waited for it."""

from __future__ import annotations

from uuid import UUID

from autorisen import ledger, payments, subscriptions
from autorisen.billing import store, store_paid
from autorisen.billing.facts import InvoicePaid
from autorisen.billing.invoice_reference import invoice_of
from autorisen.billing.issue_invoice import finalise_invoice
from autorisen.billing.lifecycle.first_payment import begin, is_first
from autorisen.billing.lock_invoice import lock_invoice
from autorisen.billing.model import Invoice, InvoiceStatus
from autorisen.billing.tax import tax_in_due
from autorisen.billing.unapplied.keep_unapplied import keep_unapplied
from autorisen.billing.upgrades.apply_change import apply_change, too_late
from autorisen.billing.upgrades.store import change_of_invoice
from autorisen.billing.wallet import top_up_of
from autorisen.kit.money import Money
from autorisen.kit.unit import Unit
from autorisen.kit.work import record


async def settle_invoice(unit: Unit, fact: payments.PaymentSucceeded) -> None:
    """Settle the invoice that the payment names, once, if amount and currency are exactly what it asks.

    Anything else is kept as an unapplied payment: in the ledger as owed to the payer, and in front of the operator.
    """
    if top_up_of(fact.reference) is not None or await store_paid.invoice_paid_by(unit.tx, fact.payment_id) is not None:
        return
    invoice = await lock_invoice(unit.tx, invoice_of(fact.reference))
    if invoice is None:
        await keep_unapplied(unit, fact, "there is no such invoice")
        return
    change = await change_of_invoice(unit.tx, invoice.id) if invoice.status is InvoiceStatus.DRAFT else None
    reason = why_not(invoice, fact)
    if reason is None and change is not None:
        reason = await too_late(unit, change, paid_at=fact.succeeded_at)
    if reason is None and is_first(invoice):
        reason = await begin(unit, invoice)
    if reason is not None:
        await keep_unapplied(unit, fact, reason)
        return
    if change is not None:
        await apply_change(unit, change, invoice)
    if invoice.status is InvoiceStatus.DRAFT:
        invoice = await finalise_invoice(unit, invoice)
    await _pay(unit, invoice, fact)


def why_not(invoice: Invoice, fact: payments.PaymentSucceeded) -> str | None:
    """Why a payment can't settle an invoice, or None when it can. Pure."""
    if invoice.customer_id != fact.customer_id:
        return "the invoice is another customer's"
    if invoice.status is not InvoiceStatus.DRAFT and not invoice.may_become(InvoiceStatus.PAID):
        return f"the invoice is {invoice.status}"
    asked = invoice.total - invoice.amount_paid - invoice.credited_due
    if (asked.minor, asked.currency) != (fact.amount_minor, fact.currency):
        return f"the invoice asks for {asked}"
    return None


async def _pay(unit: Unit, invoice: Invoice, fact: payments.PaymentSucceeded) -> None:
    if invoice.status is InvoiceStatus.UNCOLLECTIBLE:
        await _recover(unit, invoice)
    await store_paid.insert_payment(
        unit.tx,
        payment_id=fact.payment_id,
        invoice_id=invoice.id,
        amount_minor=fact.amount_minor,
        gateway=fact.gateway,
        at=unit.now,
    )
    await store.mark_paid(unit.tx, invoice.id, unit.now)
    assert invoice.number is not None, "only a numbered invoice is paid"
    payment = ledger.postings.payment_settled(
        payment_id=fact.payment_id,
        customer_id=invoice.customer_id,
        gateway=fact.gateway,
        amount=Money(fact.amount_minor, fact.currency),
        number=invoice.number,
    )
    await ledger.post_fact(unit, payment, occurred_at=fact.succeeded_at)
    await record(
        unit,
        InvoicePaid(invoice.id, invoice.customer_id, invoice.number, invoice.total.minor, invoice.currency, unit.now),
    )
    await mark_active_when_all_is_paid(unit, invoice.subscription_id)


async def _recover(unit: Unit, invoice: Invoice) -> None:
    """A written-off claim stands again, with its VAT, in the moment in which it is paid."""
    assert invoice.number is not None, "only an issued invoice is written off"
    recovered = ledger.postings.write_off_recovered(
        invoice_id=invoice.id,
        number=invoice.number,
        customer_id=invoice.customer_id,
        owed=invoice.amount_due,
        tax=tax_in_due(invoice),
    )
    await ledger.post_fact(unit, recovered, occurred_at=unit.now)


async def mark_active_when_all_is_paid(unit: Unit, subscription_id: UUID) -> None:
    """No invoice of the subscription waits any more: it is not past due."""
    # Under the lock, so that a dispute that comes at the same time is either seen here or has the last word.
    await subscriptions.subscription(unit.tx, subscription_id, lock=True)
    if await store.open_invoices(unit.tx, subscription_id):
        return
    if await store.disputed_number(unit.tx, subscription_id) is None:
        await subscriptions.mark_active(unit, subscription_id)
