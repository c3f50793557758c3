"""The machine interface of credit notes, and of the two other ends of an invoice."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from autorisen.billing.access import (
    PDF,
    REFUSALS,
    Changes,
    CustomerName,
    Reads,
    cursor,
    listed_customer,
    require_operator,
    visible_invoice,
)
from autorisen.billing.credit_notes import views
from autorisen.billing.credit_notes.access import visible_credit_note
from autorisen.billing.credit_notes.credit_note_pdf import credit_note_pdf
from autorisen.billing.credit_notes.issue_credit_note import issue_credit_note, preview_credit_note
from autorisen.billing.credit_notes.store import list_credit_notes
from autorisen.billing.document.pdf_response import pdf_response
from autorisen.billing.end_invoice import void_invoice, write_off_invoice
from autorisen.billing.views import InvoiceView, invoice_view
from autorisen.kit.http import Body, RuntimeDep

router = APIRouter(prefix="/api", tags=["billing"], responses=REFUSALS)


class Why(Body):
    """What ends a claim says why."""

    reason: str


@router.get("/credit-notes")
async def read_credit_notes(
    runtime: RuntimeDep,
    principal: Reads,
    customer: CustomerName = None,
    invoice: Annotated[str | None, Query(max_length=40, description="Only those of this inv_ id")] = None,
    after: Annotated[str | None, Query(max_length=40, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> views.CreditNoteList:
    """Credit notes, newest first; of all customers for an operator who names none."""
    before = cursor("crn", after)
    of = None if invoice is None else await visible_invoice(runtime, principal, invoice)
    async with runtime.database.read() as tx:
        found = await list_credit_notes(
            tx,
            customer_id=await listed_customer(tx, principal, customer),
            invoice_id=None if of is None else of.id,
            after=before,
            limit=limit + 1,
        )
    page = found[:limit]
    more = page[-1].public_id if len(found) > limit else None
    return views.CreditNoteList(credit_notes=[views.credit_note_summary(each) for each in page], next=more)


# Before the next one: its path parameter would swallow the ending.
@router.get("/credit-notes/{credit_note_id}.pdf", response_class=Response, responses=PDF)
async def read_credit_note_pdf(credit_note_id: str, runtime: RuntimeDep, principal: Reads) -> Response:
    """The credit note as a PDF."""
    document = await visible_credit_note(runtime, principal, credit_note_id)
    return pdf_response(document.note.number, credit_note_pdf(document))


@router.get("/credit-notes/{credit_note_id}")
async def read_credit_note(credit_note_id: str, runtime: RuntimeDep, principal: Reads) -> views.CreditNoteView:
    """One credit note with its lines."""
    return views.credit_note_view((await visible_credit_note(runtime, principal, credit_note_id)).note)


@router.post("/invoices/{invoice_id}/credit-notes/preview")
async def preview_credit(
    invoice_id: str, body: views.WantedBody, runtime: RuntimeDep, principal: Changes
) -> views.CreditPreview:
    """What a credit note would say now, line by line. For operators; nothing is stored."""
    require_operator(principal, "takes claims back")
    invoice = await visible_invoice(runtime, principal, invoice_id)
    async with runtime.database.read() as tx:
        draft = await preview_credit_note(tx, invoice, views.wanted(body, invoice.currency))
    return views.preview_view(draft, invoice)


@router.post("/invoices/{invoice_id}/credit-notes", status_code=201)
async def issue_credit(
    invoice_id: str, body: views.CreditBody, runtime: RuntimeDep, principal: Changes
) -> views.CreditNoteView:
    """Take back a part of an invoice, or all that is left of it. For operators.

    What is due comes off first; what had been paid goes back through the gateway or stays as credit.
    """
    require_operator(principal, "takes claims back")
    invoice = await visible_invoice(runtime, principal, invoice_id)
    async with runtime.unit() as unit:
        note = await issue_credit_note(unit, invoice.id, views.request(body, invoice.currency), actor=principal.actor)
    return views.credit_note_view(note)


@router.post("/invoices/{invoice_id}/void")
async def void_open_invoice(invoice_id: str, body: Why, runtime: RuntimeDep, principal: Changes) -> InvoiceView:
    """End an open invoice as if it never was; it keeps its number. For operators."""
    require_operator(principal, "voids invoices")
    invoice = await visible_invoice(runtime, principal, invoice_id)
    async with runtime.unit() as unit:
        await void_invoice(unit, invoice.id, reason=body.reason, actor=principal.actor)
    return invoice_view(await visible_invoice(runtime, principal, invoice_id))


@router.post("/invoices/{invoice_id}/write-off")
async def write_off_open_invoice(invoice_id: str, body: Why, runtime: RuntimeDep, principal: Changes) -> InvoiceView:
    """Expect what is due of an open invoice no more; a later payment is still taken. For operators."""
    require_operator(principal, "writes invoices off")
    invoice = await visible_invoice(runtime, principal, invoice_id)
    async with runtime.unit() as unit:
        await write_off_invoice(unit, invoice.id, reason=body.reason, actor=principal.actor)
    return invoice_view(await visible_invoice(runtime, principal, invoice_id))
