"""A document as an HTTP answer, for the pages and for the machine interface."""

from __future__ import annotations

from starlette.responses import Response


def pdf_response(number: str, pdf: bytes) -> Response:
    """The document, named by its number, for nobody's cache."""
    headers = {"Content-Disposition": f'inline; filename="{number}.pdf"', "Cache-Control": "private, no-store"}
    return Response(pdf, media_type="application/pdf", headers=headers)
