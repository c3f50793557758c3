"""The invoice as a PDF, set by Typst. The same invoice in the same state gives the same bytes."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import typst

from autorisen.billing.model import Invoice, InvoiceStatus, Line, Party
from autorisen.billing.present import date_text, headline, line_detail, part_rows, quantity_text, unit_price_text
from autorisen.billing.tax import document_title, percent, tax_statement

_TEMPLATE = Path(__file__).parent / "templates" / "invoice.typ"


@cache
def _compiler() -> typst.Compiler:
    # Kept: it has read the fonts. Only the fonts of the wheel, so that every machine sets the same page.
    return typst.Compiler(str(_TEMPLATE), ignore_system_fonts=True)


def invoice_pdf(invoice: Invoice) -> bytes:
    """The document of an issued invoice. Raises ValueError for a draft, which is no document yet."""
    if invoice.issued_at is None:
        raise ValueError("a draft has no document")
    pdf = _compiler().compile(
        sys_inputs={"invoice": json.dumps(_document(invoice))},
        format="pdf",
        timestamp=int(invoice.issued_at.timestamp()),
    )
    assert isinstance(pdf, bytes), "one document of format pdf is one bytes object"
    return pdf


def _document(invoice: Invoice) -> dict[str, object]:
    head = headline(invoice)
    return {
        "title": document_title(invoice),
        "number": invoice.number,
        "supplier": _party(invoice.supplier),
        "customer": _party(invoice.customer),
        "headline": {"label": head.label, "amount": head.amount, "note": head.note},
        "dates": _dates(invoice),
        "lines": [_line(line, invoice.time_zone) for line in invoice.lines],
        "totals": _totals(invoice),
        "total": {"label": f"Total {invoice.currency}", "amount": invoice.total.format()},
        "settled": _settled(invoice),
        "notes": _notes(invoice),
    }


def _party(party: Party) -> dict[str, object]:
    address = [each.strip() for each in party.address.replace("|", "\n").splitlines() if each.strip()]
    return {"name": party.name, "lines": [*address, party.email], "vat_number": party.vat_number}


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
