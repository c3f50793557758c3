"""What news mean for the chase of an invoice: a charge that failed, a payment, a new card."""

from __future__ import annotations

from uuid import UUID

from autorisen import payments, subscriptions
from autorisen.billing.dunning import store
from autorisen.billing.dunning.mail_dunning import mail_failed, mail_restored
from autorisen.billing.dunning.model import Outcome, Stage
from autorisen.billing.dunning.take_step import begin_dunning, end_dunning, note, take_step, try_charge
from autorisen.billing.facts import InvoicePaid, InvoiceVoided, InvoiceWrittenOff
from autorisen.billing.lock_invoice import lock_invoice
from autorisen.billing.model import Invoice, InvoiceStatus
from autorisen.kit.unit import Unit


async def on_charge_failed(unit: Unit, invoice: Invoice, reason: str) -> None:
    """A charge came to nothing: begin to chase, or note it, and tell the customer what comes next.

    Call it under the invoice's lock.
    """
    before = await store.find_dunning(unit.tx, invoice.id, lock=True)
    if before is None:
        await begin_dunning(unit, invoice, first_charge_failed=True, reason=reason)
    else:
        await note(unit, before, "charge_failed", reason)
    dunning = await store.find_dunning(unit.tx, invoice.id)
    assert dunning is not None, "it has begun"
    await mail_failed(unit, invoice, dunning, reason)


async def on_invoice_paid(unit: Unit, fact: InvoicePaid) -> None:
    """Paid, whenever and however: nothing more is done, and whoever was suspended hears that it is over."""
    if await store.find_dunning(unit.tx, fact.invoice_id) is None:
        return
    invoice = await lock_invoice(unit.tx, fact.invoice_id)
    dunning = await store.find_dunning(unit.tx, fact.invoice_id, lock=True)
    assert invoice is not None, "it was paid"
    assert dunning is not None, "it was there, and is never deleted"
    if dunning.ended_at is not None:
        return
    await end_dunning(unit, dunning, Outcome.PAID)
    subscription = await subscriptions.subscription(unit.tx, invoice.subscription_id)
    if dunning.stage is Stage.SUSPENDED and subscription.is_live and subscription.suspended_at is None:
        await mail_restored(unit, invoice)


async def on_invoice_ended(unit: Unit, fact: InvoiceVoided | InvoiceWrittenOff) -> None:
    """Void or written off: the chase is over at once, a paused one too."""
    await take_step(unit, fact.invoice_id)


async def on_method_saved(unit: Unit, fact: payments.PaymentMethodSaved) -> None:
    """A new card may pay what the old one could not: try it at once on everything that is chased."""
    for invoice_id in await store.running_of(unit.tx, fact.customer_id):
        await _try_now(unit, invoice_id)


async def _try_now(unit: Unit, invoice_id: UUID) -> None:
    invoice = await lock_invoice(unit.tx, invoice_id)
    dunning = await store.find_dunning(unit.tx, invoice_id, lock=True)
    assert invoice is not None, "it is chased"
    assert dunning is not None, "it is chased"
    if invoice.status is not InvoiceStatus.OPEN or not dunning.is_running:
        return
    kind, detail, payment_id = await try_charge(unit, invoice)
    if payment_id is not None:
        await note(unit, dunning, kind, detail or "with the card that was just saved", payment_id=payment_id)
