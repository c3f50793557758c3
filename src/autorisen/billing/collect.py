"""Get an open invoice paid: charge the saved card, or ask the customer by mail."""

from __future__ import annotations

from autorisen import payments
from autorisen.billing.mail_invoice import mail_invoice
from autorisen.billing.model import Invoice
from autorisen.kit.unit import Unit


async def collect(unit: Unit, invoice: Invoice) -> None:
    """Start the collection in the caller's transaction; the gateway is asked by a job after the commit."""
    if not invoice.amount_due:
        return  # Credits have paid it; the receipt goes out by the fact.
    if await payments.default_method(unit.tx, invoice.customer_id) is None:
        await mail_invoice(unit, invoice)
        return
    await payments.charge_saved_method(
        unit,
        customer_id=invoice.customer_id,
        reference=invoice.reference,
        amount=invoice.amount_due,
        description=f"Invoice {invoice.number}",
    )
