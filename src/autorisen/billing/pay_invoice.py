"""Pay an open invoice on the gateway's page."""

from __future__ import annotations

from uuid import UUID

from autorisen import payments
from autorisen.billing.errors import NothingToPay
from autorisen.billing.read_invoices import customer_invoice
from autorisen.kit.unit import Runtime


async def pay_invoice(
    runtime: Runtime, *, customer_id: UUID, invoice_id: UUID, return_url: str | None = None
) -> payments.Checkout:
    """The checkout of an open invoice, the same one for a double click; back to the invoice's page, or `return_url`.

    Raises `InvoiceNotFound`, `NothingToPay`, and what `payments.start_checkout` raises.
    """
    async with runtime.database.read() as tx:
        invoice = await customer_invoice(tx, customer_id=customer_id, invoice_id=invoice_id)
    if not invoice.amount_due:
        raise NothingToPay(f"{invoice.number} is {invoice.status}")
    return await payments.start_checkout(
        runtime,
        customer_id=customer_id,
        reference=invoice.reference,
        amount=invoice.amount_due,
        description=f"Invoice {invoice.number}",
        return_url=return_url or f"/app/invoices/{invoice.public_id}",
    )
