"""The invoice's document as an HTTP answer, for the page and for the machine interface."""

from __future__ import annotations

from starlette.responses import Response

from autorisen.billing.invoice_pdf import invoice_pdf
from autorisen.billing.model import Invoice


def pdf_response(invoice: Invoice) -> Response:
    """The document, named by its number, for nobody's cache."""
    headers = {"Content-Disposition": f'inline; filename="{invoice.number}.pdf"', "Cache-Control": "private, no-store"}
    return Response(invoice_pdf(invoice), media_type="application/pdf", headers=headers)
