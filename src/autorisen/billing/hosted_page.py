"""The page of one invoice for whoever has its link: what it says, its document, and a way to pay it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from autorisen import payments
from autorisen.billing.checkout_news import checkout_news
from autorisen.billing.checkout_state import CheckoutState, checkout_state
from autorisen.billing.credit_notes.model import CreditNote
from autorisen.billing.credit_notes.store import credit_notes_of
from autorisen.billing.document.invoice_pdf import invoice_pdf
from autorisen.billing.document.pdf_response import pdf_response
from autorisen.billing.document.present import LineRow, headline, line_rows, status_word
from autorisen.billing.invoice_link import hosted_path, read_token
from autorisen.billing.model import Invoice, InvoiceStatus
from autorisen.billing.pay_invoice import pay_invoice
from autorisen.billing.read_invoices import invoice as issued_invoice
from autorisen.billing.tax import document_title, percent, tax_statement
from autorisen.kit.http import RuntimeDep
from autorisen.kit.unit import Runtime
from autorisen.ui import render
from autorisen.ui.render import is_partial

router = APIRouter(prefix="/i")

# The address is the key: no other site may learn it from a browser, and no search engine may keep it.
_PRIVATE = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}


@dataclass(frozen=True)
class HostedInvoicePage:
    """Context of billing/hosted.html. `status` is the invoice's own, or `overdue`."""

    invoice: Invoice
    title: str
    status: str
    figure: str
    note: str
    here: str
    lines: tuple[LineRow, ...]
    credit_notes: tuple[CreditNote, ...]
    vat_label: str
    tax_note: str
    can_pay: bool
    is_collecting: bool
    checkout: CheckoutState | None


def hosted_status(invoice: Invoice, now: datetime) -> str:
    """As the badge says it: an open invoice whose day has passed is overdue."""
    status = status_word(invoice)
    is_late = status == InvoiceStatus.OPEN and invoice.due_at is not None and invoice.due_at < now
    return "overdue" if is_late else status


@router.get("/{token}.pdf")
async def hosted_document(token: str, runtime: RuntimeDep) -> Response:
    """The invoice as a PDF, for whoever has its link."""
    invoice = await _invoice(runtime, token)
    return _private(pdf_response(str(invoice.number), invoice_pdf(invoice)))


@router.get("/{token}")
async def hosted_page(token: str, request: Request, runtime: RuntimeDep, checkout: str = "") -> Response:
    """One invoice, for whoever has its link, with a pay button while something is due."""
    invoice = await _invoice(runtime, token)
    here = hosted_path(invoice.id, runtime.settings.secret_key)
    async with runtime.database.read() as tx:
        attempts = await payments.payments_for(tx, invoice.reference)
        notes = await credit_notes_of(tx, invoice.id)
        state = await checkout_state(tx, customer_id=invoice.customer_id, checkout=checkout)
    if state is not None and (is_partial(request) or state.state == "done"):
        return _private(checkout_news(request, state, here))
    is_collecting = any(each.is_live and each.kind == payments.PaymentKind.SAVED_METHOD for each in attempts)
    head = headline(invoice)
    page = HostedInvoicePage(
        invoice=invoice,
        title=document_title(invoice),
        status=hosted_status(invoice, runtime.clock.now()),
        figure=head.amount,
        note=f"{head.label} {head.note}",
        here=here,
        lines=line_rows(invoice.lines, invoice.time_zone),
        credit_notes=tuple(notes),
        vat_label=f"VAT {percent(invoice.tax_terms.rate)}",
        tax_note=tax_statement(invoice.tax_terms),
        can_pay=bool(invoice.amount_due) and not is_collecting,
        is_collecting=is_collecting,
        checkout=state,
    )
    return _private(render(request, "billing/hosted.html", page))


@router.post("/{token}/pay")
async def hosted_pay(token: str, runtime: RuntimeDep) -> Response:
    """To the gateway's page; the invoice is paid when the gateway says so, not before."""
    invoice = await _invoice(runtime, token)
    here = hosted_path(invoice.id, runtime.settings.secret_key)
    checkout = await pay_invoice(runtime, customer_id=invoice.customer_id, invoice_id=invoice.id, return_url=here)
    return _private(RedirectResponse(checkout.url, 303))


async def _invoice(runtime: Runtime, token: str) -> Invoice:
    invoice_id = read_token(token, runtime.settings.secret_key)
    async with runtime.database.read() as tx:
        return await issued_invoice(tx, invoice_id)


def _private(response: Response) -> Response:
    response.headers.update(_PRIVATE)
    return response
