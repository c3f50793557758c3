"""The credit note as a PDF: what the VAT Act asks of one (s21(3)), set like the invoice that it takes back."""

from __future__ import annotations

from autorisen.billing.credit_notes.model import CreditLine
from autorisen.billing.credit_notes.present import settlement_text
from autorisen.billing.credit_notes.read_credit_notes import CreditDocument
from autorisen.billing.document.present import date_text, line_detail
from autorisen.billing.document.typeset import party_rows, typeset
from autorisen.billing.model import TaxTreatment
from autorisen.billing.tax import document_title, percent


def credit_note_pdf(document: CreditDocument) -> bytes:
    """The document of a credit note."""
    note, invoice = document.note, document.invoice
    zone = invoice.time_zone
    rows: dict[str, object] = {
        "title": "Credit note",
        "number": note.number,
        "supplier": party_rows(invoice.supplier),
        "customer": party_rows(invoice.customer),
        "customer_label": "Credited to",
        "headline": {"label": "Credited", "amount": note.total.format(), "note": f"of {invoice.number}"},
        "dates": [
            ["Issued", date_text(note.issued_at, zone)],
            [document_title(invoice), str(invoice.number)],
            ["of", date_text(invoice.issued_at, zone)],
            ["Currency", note.currency],
        ],
        "reason": note.reason,
        "lines": [_line(each, zone) for each in note.lines],
        "totals": [
            ["Subtotal without VAT", note.subtotal.format()],
            [f"VAT {percent(invoice.tax_terms.rate)}", note.tax.format()],
        ],
        "total": {"label": f"Credited {note.currency}", "amount": note.total.format()},
        "settled": [],
        "notes": [f"{settlement_text(note)}.", _tax_note(document)],
        "pay_url": "",
        "stamp": "",
    }
    return typeset(rows, note.issued_at)


def _line(each: CreditLine, zone: str) -> dict[str, object]:
    line = each.line
    whole = "" if each.amount == line.amount else f" \N{MIDDLE DOT} a part of {line.amount.format()}"
    return {
        "description": line.description,
        "detail": line_detail(line, zone) + whole,
        "quantity": "",
        "unit_price": "",
        "tax": each.tax.format(),
        "amount": each.amount.format(),
        "parts": [],
    }


def _tax_note(document: CreditDocument) -> str:
    invoice = document.invoice
    if invoice.tax_terms.treatment is TaxTreatment.STANDARD:
        return f"It takes back {document.note.tax.format()} of the VAT that {invoice.number} charged."
    return f"{invoice.number} charged no VAT, so none is taken back."
