"""The link that opens one invoice without a sign-in: its id, signed, so that nobody can guess it. Pure.

Nothing of it is stored. It opens for as long as the installation's secret is the same; whoever has it may read and pay
the invoice, and do nothing else.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from uuid import UUID

from autorisen.billing.errors import LinkNotValid
from autorisen.billing.model import Invoice
from autorisen.kit.crypto import derive_key, equal, keyed_digest, url_safe
from autorisen.kit.settings import Settings

_ID_BYTES = 16
# 160 bits: not to be guessed in the lifetime of an invoice, and the link still fits into a line of a mail.
_SIGNATURE_BYTES = 20


def invoice_token(invoice_id: UUID, secret_key: str) -> str:
    """The secret part of the address, 48 letters."""
    return url_safe(invoice_id.bytes + _signature(invoice_id, secret_key))


def read_token(token: str, secret_key: str) -> UUID:
    """The invoice that a token opens. Raises `LinkNotValid`."""
    try:
        found = urlsafe_b64decode(token.encode("ascii"))
    except ValueError:
        found = b""
    if len(found) == _ID_BYTES + _SIGNATURE_BYTES:
        invoice_id = UUID(bytes=found[:_ID_BYTES])
        if equal(found[_ID_BYTES:], _signature(invoice_id, secret_key)):
            return invoice_id
    raise LinkNotValid("it may have been cut off on its way; ask whoever sent it for the whole link")


def hosted_path(invoice_id: UUID, secret_key: str) -> str:
    """The path of the page."""
    return f"/i/{invoice_token(invoice_id, secret_key)}"


def invoice_url(invoice: Invoice, settings: Settings) -> str:
    """The page of an invoice, with its pay button while it is open; for whoever has the link."""
    return f"{settings.base_url}{hosted_path(invoice.id, settings.secret_key)}"


def _signature(invoice_id: UUID, secret_key: str) -> bytes:
    return keyed_digest(derive_key(secret_key, "invoice-link"), invoice_id.hex)[:_SIGNATURE_BYTES]
