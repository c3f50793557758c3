"""What other news about payments means for invoices: a failure, a refund, a dispute, and thanks for a payment."""

from __future__ import annotations

from uuid import UUID

from autorisen import ledger, payments, subscriptions
from autorisen.billing import dunning, store, store_paid
from autorisen.billing.facts import InvoicePaid, InvoicePaymentFailed
from autorisen.billing.invoice_reference import invoice_of
from autorisen.billing.lock_invoice import lock_invoice
from autorisen.billing.mail_invoice import mail_receipt
from autorisen.billing.model import Invoice, InvoiceStatus
from autorisen.billing.read_invoices import invoice as issued_invoice
from autorisen.billing.settle_invoice import mark_active_when_all_is_paid
from autorisen.billing.unapplied import store as unapplied
from autorisen.billing.wallet import await_success, bought_credits, give_back_credits
from autorisen.kit.money import Money
from autorisen.kit.unit import Unit
from autorisen.kit.work import record


async def send_receipt(unit: Unit, fact: InvoicePaid) -> None:
    """Thank the payer, with the document; what credit notes settled was not paid."""
    invoice = await issued_invoice(unit.tx, fact.invoice_id)
    if invoice.amount_paid:
        await mail_receipt(unit, invoice)


async def on_payment_failed(unit: Unit, fact: payments.PaymentFailed) -> None:
    """Keep the invoice open, mark the subscription past due, and begin to chase it, or go on.

    A failed checkout of an upgrade changes nothing: its payer stands before the gateway's page and sees it. Neither
    does a page that was left before the invoice is overdue: the payer still has time.
    """
    invoice = await lock_invoice(unit.tx, invoice_of(fact.reference))
    if invoice is None or invoice.status is not InvoiceStatus.OPEN:
        return
    assert invoice.number is not None, "an open invoice has a number"
    assert invoice.due_at is not None, "an open invoice has a due date"
    if fact.kind == payments.PaymentKind.CHECKOUT and unit.now <= invoice.due_at:
        return
    await subscriptions.mark_past_due(unit, invoice.subscription_id)
    await record(unit, InvoicePaymentFailed(invoice.id, invoice.customer_id, invoice.number, fact.reason))
    await dunning.on_charge_failed(unit, invoice, fact.reason)


async def on_payment_refunded(unit: Unit, fact: payments.PaymentRefunded) -> None:
    """Book the money that went back. Access that it paid for ends when all of it has.

    Until a credit note takes the claim back, the refund stands in an account of its own and can't be overlooked.
    """
    await await_success(unit.tx, fact.payment_id)
    if await bought_credits(unit.tx, fact.payment_id) is not None:
        return
    invoice = await _paid_invoice(unit, fact.payment_id)
    amount, refunded = Money(fact.amount_minor, fact.currency), fact.refunded_minor or fact.amount_minor
    refund = ledger.postings.payment_refunded(
        payment_id=fact.payment_id,
        customer_id=fact.customer_id,
        gateway=fact.gateway,
        amount=amount,
        number=None if invoice is None else invoice.number,
        was_disputed=await payments.left_dispute(unit.tx, fact),
        before=Money(refunded, fact.currency) - amount,
    )
    await ledger.post_fact(unit, refund, occurred_at=unit.now)
    payment = await payments.payment(unit.tx, fact.payment_id)
    assert payment is not None, "what went back was a payment"
    if refunded < payment.amount.minor:
        return
    await unapplied.mark_refunded(unit.tx, fact.payment_id, unit.now)
    if invoice is not None and await store.mark_refunded(unit.tx, invoice.id, unit.now):
        await _end_access(unit, invoice)


async def on_payment_disputed(unit: Unit, fact: payments.PaymentDisputed) -> None:
    """The bank asks for the money back: the subscription counts as unpaid until a person has answered.

    The money stands apart in the books, and buys nothing more: it is no credit for unused time.
    """
    await await_success(unit.tx, fact.payment_id)
    if await bought_credits(unit.tx, fact.payment_id) is not None:
        return
    invoice = await _paid_invoice(unit, fact.payment_id)
    dispute = ledger.postings.dispute_opened(
        payment_id=fact.payment_id,
        gateway=fact.gateway,
        amount=Money(fact.amount_minor, fact.currency),
        number=None if invoice is None else invoice.number,
        ordinal=fact.ordinal,
    )
    await ledger.post_fact(unit, dispute, occurred_at=unit.now)
    if invoice is None:
        return
    payment = await payments.payment(unit.tx, fact.payment_id)
    assert payment is not None, "what paid an invoice is a payment"
    # The news of its end may be heard first.
    if payment.disputes_won < fact.ordinal:
        await store.mark_disputed(unit.tx, invoice.id, unit.now)
        await subscriptions.mark_past_due(unit, invoice.subscription_id)


async def on_dispute_won(unit: Unit, fact: payments.PaymentDisputeWon) -> None:
    """The bank gave in: the money is ours, and pays again for what it had paid for."""
    await await_success(unit.tx, fact.payment_id)
    grant = await bought_credits(unit.tx, fact.payment_id)
    if grant is not None:
        await give_back_credits(unit, fact, grant.id)
        return
    won = ledger.postings.dispute_won(
        payment_id=fact.payment_id,
        gateway=fact.gateway,
        amount=Money(fact.amount_minor, fact.currency),
        ordinal=fact.ordinal,
    )
    await ledger.post_fact(unit, won, occurred_at=unit.now)
    invoice = await _paid_invoice(unit, fact.payment_id)
    if invoice is None:
        return
    payment = await payments.payment(unit.tx, fact.payment_id)
    assert payment is not None, "what paid an invoice is a payment"
    # Until this is heard it may have been asked back again.
    if payment.status is not payments.PaymentStatus.DISPUTED:
        await store.clear_disputed(unit.tx, invoice.id)
        await mark_active_when_all_is_paid(unit, invoice.subscription_id)


async def _paid_invoice(unit: Unit, payment_id: UUID) -> Invoice | None:
    return await lock_invoice(unit.tx, await store_paid.invoice_paid_by(unit.tx, payment_id))


async def _end_access(unit: Unit, invoice: Invoice) -> None:
    """Stop the subscription when the refunded invoice is the one that paid for the period that runs.

    Of an earlier period it ends a dispute: what is past due because of that alone is not any more.
    """
    subscription = await subscriptions.subscription(unit.tx, invoice.subscription_id, lock=True)
    if not subscription.is_live:
        return
    running = await subscriptions.current_period(unit.tx, subscription.id)
    if await store.fee_invoice(unit.tx, running.id) == invoice.id:
        await subscriptions.cancel_now(unit, subscription.id)
    elif subscription.status is subscriptions.Status.PAST_DUE:
        await mark_active_when_all_is_paid(unit, subscription.id)
