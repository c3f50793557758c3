"""Tell the customer of a credit note, with the document."""

from __future__ import annotations

from autorisen.billing.credit_notes.credit_note_pdf import credit_note_pdf
from autorisen.billing.credit_notes.present import settlement_text
from autorisen.billing.credit_notes.read_credit_notes import credit_document
from autorisen.billing.facts import CreditNoteIssued
from autorisen.billing.invoice_link import invoice_url
from autorisen.kit.mail import Attachment, Message, send
from autorisen.kit.unit import Unit


async def mail_credit_note(unit: Unit, fact: CreditNoteIssued) -> None:
    """What was taken back, why, and what becomes of the money."""
    document = await credit_document(unit.tx, fact.credit_note_id)
    note, invoice = document.note, document.invoice
    text = (
        f"Dear {invoice.customer.name},\n\n"
        f"We credit you {note.total.format()} of invoice {invoice.number}: {note.reason}\n"
        f"It is {settlement_text(note)}.\n\n"
        f"The credit note {note.number} is attached, and beside its invoice:\n\n"
        f"  {invoice_url(invoice, unit.settings)}\n\n"
        f"  Credited, of which VAT {note.tax.format()}: {note.total.format()}\n\n"
        f"{invoice.supplier.name}\n"
    )
    attached = Attachment(f"{note.number}.pdf", "application/pdf", credit_note_pdf(document))
    subject = f"Credit note {note.number}: {note.total.format()} of invoice {invoice.number}"
    await send(unit, Message(invoice.customer.email, subject, text, attachments=(attached,)))
