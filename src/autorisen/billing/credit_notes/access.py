"""Which credit notes a request of the machine interface may see."""

from __future__ import annotations

from autorisen.accounts import Principal
from autorisen.billing.credit_notes.errors import CreditNoteNotFound
from autorisen.billing.credit_notes.read_credit_notes import CreditDocument, credit_document
from autorisen.kit.ids import parse_public_id
from autorisen.kit.unit import Runtime


async def visible_credit_note(runtime: Runtime, principal: Principal, text: str) -> CreditDocument:
    """A credit note that the caller may see. Raises `CreditNoteNotFound`."""
    async with runtime.database.read() as tx:
        found = await credit_document(tx, parse_public_id("crn", text))
    if not principal.sees(found.note.customer_id):
        raise CreditNoteNotFound(f"there is no {text}")
    return found
