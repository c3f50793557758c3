"""Find issued invoices. Drafts are not shown to anybody: they are no claims yet."""

from __future__ import annotations

from uuid import UUID

from autorisen.billing import store
from autorisen.billing.errors import InvoiceNotFound
from autorisen.billing.model import Invoice
from autorisen.kit.database import Tx
from autorisen.kit.ids import public_id


async def invoice(tx: Tx, id: UUID) -> Invoice:
    """An issued invoice with its lines. Raises `InvoiceNotFound`."""
    found = await store.find_invoice(tx, id)
    if found is None or found.issued_at is None:
        raise InvoiceNotFound(f"there is no {public_id('inv', id)}")
    return found


async def customer_invoice(tx: Tx, *, customer_id: UUID, invoice_id: UUID) -> Invoice:
    """An issued invoice of this customer. Raises `InvoiceNotFound` also for one of another customer."""
    found = await invoice(tx, invoice_id)
    if found.customer_id != customer_id:
        raise InvoiceNotFound(f"there is no {public_id('inv', invoice_id)}")
    return found
