"""Get an open invoice paid: charge the saved card, or ask the customer by mail."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from autorisen import payments
from autorisen.billing import store
from autorisen.billing.mail_invoice import mail_invoice
from autorisen.billing.model import Invoice
from autorisen.kit.unit import Unit
from autorisen.kit.work import Job

COLLECT = "billing.collect"


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


async def _collect(unit: Unit, payload: dict[str, Any]) -> None:
    """What a closing leaves to be done for each of its invoices: documents and mails take longer than the closing."""
    invoice = await store.find_invoice(unit.tx, UUID(payload["invoice_id"]))
    assert invoice is not None, "invoices are never deleted"
    await collect(unit, invoice)


COLLECT_JOB = Job(COLLECT, _collect)
