"""The invoice as a PDF, set by Typst. The same invoice in the same state gives the same bytes."""

from __future__ import annotations

from autorisen.billing.document.present import (
    date_text,
    headline,
    line_detail,
    part_rows,
    quantity_text,
    unit_price_text,
)
from autorisen.billing.document.typeset import party_rows, typeset
from autorisen.billing.model import Invoice, InvoiceStatus, Line
from autorisen.billing.tax import document_title, percent, tax_statement


def invoice_pdf(invoice: Invoice) -> bytes:
    """The document of an issued invoice. Raises ValueError for a draft, which is no document yet."""
    if invoice.issued_at is None:
        raise ValueError("a draft has no document")
    return typeset(_document(invoice), invoice.issued_at)


def _document(invoice: Invoice) -> dict[str, object]:
    head = headline(invoice)
    return {
        "title": document_title(invoice),
        "number": invoice.number,
        "supplier": party_rows(invoice.supplier),
        "customer": party_rows(invoice.customer),
        "headline": {"label": head.label, "amount": head.amount, "note": head.note},
        "dates": _dates(invoice),
        "lines": [_line(line, invoice.time_zone) for line in invoice.lines],
        "totals": _totals(invoice),
        "total": {"label": f"Total {invoice.currency}", "amount": invoice.total.format()},
        "settled": _settled(invoice),
        "notes": _notes(invoice),
        "customer_label": "Billed to",
        "reason": "",
        "pay_url": "",
        "stamp": _stamp(invoice),
    }


def _dates(invoice: Invoice) -> list[list[str]]:
    rows = [
        ["Issued", date_text(invoice.issued_at, invoice.time_zone)],
        ["Due", date_text(invoice.due_at, invoice.time_zone)],
    ]
    if invoice.paid_at is not None:
        rows.append(["Paid", date_text(invoice.paid_at, invoice.time_zone)])
    return [*rows, ["Currency", invoice.currency]]


def _line(line: Line, time_zone: str) -> dict[str, object]:
    return {
        "description": line.description,
        "detail": line_detail(line, time_zone),
        "quantity": quantity_text(line.quantity),
        "unit_price": unit_price_text(line),
        "tax": line.tax.format(),
        "amount": line.amount.format(),
        "parts": [[part.words, part.amount.format()] for part in part_rows(line)],
    }


def _totals(invoice: Invoice) -> list[list[str]]:
    vat = f"VAT {percent(invoice.tax_terms.rate)}"
    return [["Subtotal without VAT", invoice.subtotal.format()], [vat, invoice.tax.format()]]


def _settled(invoice: Invoice) -> list[list[str]]:
    """What follows the total: what prepaid credits paid of it, and the payment once it has come."""
    rows = [["Paid from prepaid credits", (-invoice.credits).format()]] if invoice.credits else []
    if invoice.status is InvoiceStatus.PAID and invoice.amount_paid != invoice.credits:
        rows.append(["Paid", (invoice.credits - invoice.amount_paid).format()])
    if rows and invoice.status is not InvoiceStatus.VOID:
        rows.append(["Due", invoice.amount_due.format()])
    return rows


def _notes(invoice: Invoice) -> list[str]:
    notes = [tax_statement(invoice.tax_terms)]
    if invoice.status is InvoiceStatus.OPEN:
        notes.append(f"Please quote {invoice.number} with your payment.")
    return notes


def _stamp(invoice: Invoice) -> str:
    """The one word that nobody may overlook."""
    if invoice.status is InvoiceStatus.VOID:
        return "VOID"
    return "PAID" if invoice.status is InvoiceStatus.PAID and not invoice.credited else ""
