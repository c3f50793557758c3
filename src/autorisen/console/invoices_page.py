"""All invoices, by status, and one with its reasons and payments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from autorisen import accounts, billing, payments
from autorisen.accounts import Customer
from autorisen.billing import CreditNote, Invoice, InvoiceStatus, LineRow, Settlement, UnappliedPayment
from autorisen.console.access import Operator
from autorisen.console.paging import PAGE_SIZE, cursor, older_link
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import parse_public_id
from autorisen.kit.money import Money
from autorisen.payments import Payment
from autorisen.ui import render

router = APIRouter(prefix="/invoices")

_SHOWN = (InvoiceStatus.OPEN, InvoiceStatus.PAID, InvoiceStatus.UNCOLLECTIBLE, InvoiceStatus.VOID)


@dataclass(frozen=True)
class InvoicesPage:
    """Context of console/invoices.html."""

    invoices: Sequence[Invoice]
    customers: Mapping[UUID, Customer]
    status: InvoiceStatus | None
    choices: Sequence[tuple[str, str, bool]]
    older: str | None
    unapplied: Sequence[UnappliedPayment]


@dataclass(frozen=True)
class InvoicePage:
    """Context of console/invoice.html."""

    invoice: Invoice
    lines: Sequence[LineRow]
    customer: Customer
    payments: Sequence[Payment]
    credit_notes: Sequence[CreditNote]
    settlements: Mapping[Settlement, str]
    unexplained: Money
    can_credit: bool
    can_end: bool
    hosted_url: str
    missing: Sequence[billing.Particular]


@router.get("")
async def invoices_page(
    request: Request, runtime: RuntimeDep, _operator: Operator, status: str = "", after: str = ""
) -> Response:
    wanted = InvoiceStatus(status) if status in _SHOWN else None
    async with runtime.database.read() as tx:
        found = await billing.list_invoices(
            tx, customer_id=None, status=wanted, after=cursor("inv", after), limit=PAGE_SIZE
        )
        # On the first page only: it is what somebody has to decide about, not a part of the list.
        unapplied = [] if after else await billing.list_unapplied(tx, PAGE_SIZE)
        page = InvoicesPage(
            invoices=found,
            customers=await accounts.customers_by_id(tx, _customer_ids(found, unapplied)),
            status=wanted,
            choices=[
                ("/console/invoices", "All", wanted is None),
                *((f"/console/invoices?status={each}", each.capitalize(), each is wanted) for each in _SHOWN),
            ],
            older=older_link("/console/invoices", "inv", found, status=wanted or ""),
            unapplied=unapplied,
        )
    return render(request, "console/invoices.html", page)


def _customer_ids(invoices: Sequence[Invoice], unapplied: Sequence[UnappliedPayment]) -> set[UUID]:
    return {each.customer_id for each in invoices} | {each.customer_id for each in unapplied}


@router.get("/{invoice_id}")
async def invoice_page(request: Request, runtime: RuntimeDep, _operator: Operator, invoice_id: str) -> Response:
    async with runtime.database.read() as tx:
        invoice = await billing.invoice(tx, parse_public_id("inv", invoice_id))
        attempts = await payments.payments_for(tx, invoice.reference)
        notes = await billing.credit_notes_of(tx, invoice.id)
        page = InvoicePage(
            invoice=invoice,
            lines=billing.line_rows(invoice.lines, invoice.time_zone),
            customer=await accounts.customer(tx, invoice.customer_id),
            payments=attempts,
            credit_notes=notes,
            settlements=billing.SETTLEMENT_WORDS,
            unexplained=billing.refunded_without_note(invoice, attempts, notes),
            can_credit=invoice.status in billing.CREDITABLE and invoice.credited < invoice.total,
            can_end=invoice.status is InvoiceStatus.OPEN,
            missing=billing.missing_particulars(invoice),
            hosted_url=billing.invoice_url(invoice, runtime.settings),
        )
    return render(request, "console/invoice.html", page)


@router.get("/credit-notes/{credit_note_id}.pdf")
async def credit_note_document(runtime: RuntimeDep, _operator: Operator, credit_note_id: str) -> Response:
    async with runtime.database.read() as tx:
        document = await billing.credit_document(tx, parse_public_id("crn", credit_note_id))
    headers = {"Content-Disposition": f'attachment; filename="{document.note.number}.pdf"'}
    return Response(billing.credit_note_pdf(document), media_type="application/pdf", headers=headers)


@router.get("/credit-notes/{credit_note_id}")
async def credit_note_place(runtime: RuntimeDep, _operator: Operator, credit_note_id: str) -> Response:
    """A credit note is read on the page of the invoice that it is about."""
    async with runtime.database.read() as tx:
        document = await billing.credit_document(tx, parse_public_id("crn", credit_note_id))
    return RedirectResponse(f"/console/invoices/{document.invoice.public_id}#credit-notes", 303)


@router.get("/{invoice_id}/pdf")
async def invoice_document(runtime: RuntimeDep, _operator: Operator, invoice_id: str) -> Response:
    async with runtime.database.read() as tx:
        invoice = await billing.invoice(tx, parse_public_id("inv", invoice_id))
    disposition = f'attachment; filename="{invoice.number}.pdf"'
    return Response(
        billing.invoice_pdf(invoice), media_type="application/pdf", headers={"Content-Disposition": disposition}
    )
