"""Credit notes as the machine interface shows them and takes them in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from autorisen.billing.credit_notes.issue_credit_note import Request
from autorisen.billing.credit_notes.model import (
    KEY_LENGTH_MAX,
    CreditDraft,
    CreditLine,
    CreditNote,
    Settlement,
    Wanted,
)
from autorisen.billing.model import Invoice
from autorisen.kit.http import Body
from autorisen.kit.ids import MalformedId, parse_public_id, public_id
from autorisen.kit.money import Money
from autorisen.kit.problems import FieldError, InvalidInput


class CreditLineView(BaseModel):
    """What one line of the invoice is taken back by; of the line's sign. Amounts are cents, VAT contained."""

    line: str
    description: str
    amount_minor: int
    tax_minor: int


class CreditNoteSummary(BaseModel):
    """A credit note without its lines. Amounts are cents.

    `due_minor` came off what was due; what is beyond it had been paid and is settled by `settlement`.
    """

    id: str
    number: str
    invoice: str
    customer: str
    currency: str
    reason: str
    settlement: Settlement
    subtotal_minor: int
    tax_minor: int
    total_minor: int
    due_minor: int
    issued_at: datetime


class CreditNoteView(CreditNoteSummary):
    """A credit note with its lines, which sum up to it."""

    lines: list[CreditLineView]


class CreditNoteList(BaseModel):
    """Newest first; `next` is the `after` of the following page, or null."""

    credit_notes: list[CreditNoteSummary]
    next: str | None


class CreditPreview(BaseModel):
    """What a credit note would say; nothing is stored."""

    currency: str
    lines: list[CreditLineView]
    subtotal_minor: int
    tax_minor: int
    total_minor: int
    due_minor: int


class LineAmount(Body):
    """How much of one line is taken back, in cents, VAT contained."""

    line: Annotated[str, Field(max_length=40)]
    amount_minor: int


class WantedBody(Body):
    """Lines by amount, or an amount of the whole, or, with neither, all that is left."""

    lines: list[LineAmount] | None = None
    amount_minor: int | None = None


class CreditBody(WantedBody):
    """What is taken back, why, and what becomes of a part that was paid. The same `key` again: the same credit note."""

    key: Annotated[str, Field(min_length=1, max_length=KEY_LENGTH_MAX)] | None = None
    reason: str
    settlement: Literal["refund", "credit"] = "refund"


def wanted(body: WantedBody, currency: str) -> Wanted:
    """What the body asks for. Raises `InvalidInput` for a line that can't be one, and for both ways at once."""
    if body.lines is not None and body.amount_minor is not None:
        raise InvalidInput(errors=[FieldError("/amount_minor", "can't be given beside lines")])
    if body.lines is None:
        return Wanted(amount=None if body.amount_minor is None else Money(body.amount_minor, currency))
    lines: dict[UUID, Money] = {}
    for position, each in enumerate(body.lines):
        id = _line_id(each.line, position)
        if id in lines:
            raise InvalidInput(errors=[FieldError(f"/lines/{position}/line", "must be named once")])
        lines[id] = Money(each.amount_minor, currency)
    return Wanted(lines=lines)


def request(body: CreditBody, currency: str) -> Request:
    return Request(body.reason, wanted(body, currency), Settlement(body.settlement), body.key)


def _line_id(text: str, position: int) -> UUID:
    try:
        return parse_public_id("iln", text)
    except MalformedId:
        raise InvalidInput(errors=[FieldError(f"/lines/{position}/line", "must be an iln_ id")]) from None


def credit_note_summary(note: CreditNote) -> CreditNoteSummary:
    return CreditNoteSummary(**_summary(note))


def credit_note_view(note: CreditNote) -> CreditNoteView:
    return CreditNoteView(**_summary(note), lines=[_line(each) for each in note.lines])


def preview_view(draft: CreditDraft, invoice: Invoice) -> CreditPreview:
    return CreditPreview(
        currency=invoice.currency,
        lines=[_line(each) for each in draft.lines],
        subtotal_minor=draft.subtotal.minor,
        tax_minor=draft.tax.minor,
        total_minor=draft.total.minor,
        due_minor=draft.due.minor,
    )


def _summary(note: CreditNote) -> dict[str, object]:
    return {
        "id": note.public_id,
        "number": note.number,
        "invoice": public_id("inv", note.invoice_id),
        "customer": public_id("cus", note.customer_id),
        "currency": note.currency,
        "reason": note.reason,
        "settlement": note.settlement,
        "subtotal_minor": note.subtotal.minor,
        "tax_minor": note.tax.minor,
        "total_minor": note.total.minor,
        "due_minor": note.due.minor,
        "issued_at": note.issued_at,
    }


def _line(each: CreditLine) -> CreditLineView:
    assert each.line.id is not None, "a stored line has an id"
    return CreditLineView(
        line=public_id("iln", each.line.id),
        description=each.line.description,
        amount_minor=each.amount.minor,
        tax_minor=each.tax.minor,
    )
