"""The two ends of an open invoice besides its payment: void, as if it never was, and written off, as if lost."""

from __future__ import annotations

from uuid import UUID

from autorisen import accounts, ledger, payments
from autorisen.billing import store_ends, wallet
from autorisen.billing.errors import InvoiceNotFound, NotOpen, PaymentUnderWay, ReasonMissing
from autorisen.billing.facts import InvoiceVoided, InvoiceWrittenOff
from autorisen.billing.issue_invoice import nets_by_account
from autorisen.billing.lock_invoice import lock_invoice
from autorisen.billing.model import Invoice, InvoiceStatus
from autorisen.billing.settle_invoice import mark_active_when_all_is_paid
from autorisen.billing.tax import tax_in_due
from autorisen.kit.ids import public_id
from autorisen.kit.problems import FieldError
from autorisen.kit.unit import Unit
from autorisen.kit.work import record

REASON_LENGTH_MAX = 500


async def void_invoice(unit: Unit, invoice_id: UUID, *, reason: str, actor: str) -> None:
    """End an open invoice as if it never was: it keeps its number and says why, and its posting is turned around.

    Nothing of it is billed again, and credits that paid a part are back. For one of which nothing is credited: what a
    customer has booked already is corrected by a credit note.
    Raises `InvoiceNotFound`, `NotOpen`, `PaymentUnderWay`, `ReasonMissing`.
    """
    invoice, reason = await _open_invoice(unit, invoice_id, reason)
    assert invoice.number is not None, "an open invoice has a number"
    if invoice.credited:
        raise NotOpen(f"a part of {invoice.number} is credited; take the rest back by a credit note")
    await store_ends.void(unit.tx, invoice.id, reason=reason, at=unit.now)
    posting = ledger.postings.invoice_voided(
        invoice_id=invoice.id,
        number=invoice.number,
        customer_id=invoice.customer_id,
        total=invoice.total,
        nets=nets_by_account(invoice.lines, invoice.currency),
        tax=invoice.tax,
    )
    await ledger.post_fact(unit, posting, occurred_at=unit.now)
    await wallet.return_draws(unit, customer_id=invoice.customer_id, invoice_id=invoice.id, number=invoice.number)
    await record(unit, InvoiceVoided(invoice.id, invoice.customer_id, invoice.number, unit.now))
    await _note(unit, invoice, "invoice.voided", reason, actor)
    await mark_active_when_all_is_paid(unit, invoice.subscription_id)


async def write_off_invoice(unit: Unit, invoice_id: UUID, *, reason: str, actor: str) -> None:
    """Expect what is due of an open invoice no more: a bad debt, of which the VAT need not be paid (VAT Act s22(1)).

    The customer still owes it: a payment that comes after all is taken, and its VAT is due again (s22(2)).
    Raises `InvoiceNotFound`, `NotOpen`, `PaymentUnderWay`, `ReasonMissing`.
    """
    invoice, reason = await _open_invoice(unit, invoice_id, reason)
    assert invoice.number is not None, "an open invoice has a number"
    await store_ends.write_off(unit.tx, invoice.id, reason=reason, at=unit.now)
    posting = ledger.postings.invoice_written_off(
        invoice_id=invoice.id,
        number=invoice.number,
        customer_id=invoice.customer_id,
        owed=invoice.amount_due,
        tax=tax_in_due(invoice),
    )
    await ledger.post_fact(unit, posting, occurred_at=unit.now)
    about = (invoice.id, invoice.customer_id, invoice.number, invoice.amount_due.minor, invoice.currency, unit.now)
    await record(unit, InvoiceWrittenOff(*about))
    await _note(unit, invoice, "invoice.written_off", reason, actor)


async def _open_invoice(unit: Unit, invoice_id: UUID, reason: str) -> tuple[Invoice, str]:
    said = reason.strip()
    if not said or len(said) > REASON_LENGTH_MAX:
        rule = f"must say why, in {REASON_LENGTH_MAX} characters at most"
        raise ReasonMissing(errors=[FieldError("/reason", rule)])
    invoice = await lock_invoice(unit.tx, invoice_id)
    if invoice is None or invoice.number is None:
        raise InvoiceNotFound(f"there is no {public_id('inv', invoice_id)}")
    if invoice.status is not InvoiceStatus.OPEN:
        raise NotOpen(f"{invoice.number} is {invoice.status}")
    for attempt in await payments.payments_for(unit.tx, invoice.reference):
        if attempt.is_live:
            raise PaymentUnderWay(f"{attempt.amount} is on its way; try again when it has come or failed")
    return invoice, said


async def _note(unit: Unit, invoice: Invoice, action: str, reason: str, actor: str) -> None:
    detail = {"number": invoice.number, "reason": reason}
    await accounts.record_audit(unit, actor=actor, action=action, target=invoice.public_id, detail=detail)
