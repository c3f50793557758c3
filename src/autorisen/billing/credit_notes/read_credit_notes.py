"""Find credit notes with their lines and the invoice that they take back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from autorisen.billing.credit_notes import store
from autorisen.billing.credit_notes.errors import CreditNoteNotFound
from autorisen.billing.credit_notes.model import CreditNote
from autorisen.billing.model import Invoice
from autorisen.billing.read_invoices import invoice
from autorisen.kit.database import Tx
from autorisen.kit.ids import public_id


@dataclass(frozen=True)
class CreditDocument:
    """A credit note as a whole: its lines are those of its invoice, and so are its parties."""

    note: CreditNote
    invoice: Invoice


async def credit_document(tx: Tx, id: UUID) -> CreditDocument:
    """A credit note with its lines. Raises `CreditNoteNotFound`."""
    note = await store.find_credit_note(tx, id)
    if note is None:
        raise CreditNoteNotFound(f"there is no {public_id('crn', id)}")
    of = await invoice(tx, note.invoice_id)
    return CreditDocument(replace(note, lines=await store.credit_lines(tx, note, of)), of)


async def customer_credit_document(tx: Tx, *, customer_id: UUID, id: UUID) -> CreditDocument:
    """A credit note of this customer. Raises `CreditNoteNotFound` also for another customer's."""
    found = await credit_document(tx, id)
    if found.note.customer_id != customer_id:
        raise CreditNoteNotFound(f"there is no {public_id('crn', id)}")
    return found
