"""Prepaid credits pay an invoice: taken for the draft, booked with its number; a covered one is paid at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from autorisen.billing import store, wallet
from autorisen.billing.facts import InvoicePaid
from autorisen.billing.model import Invoice, InvoiceStatus
from autorisen.kit.unit import Unit
from autorisen.kit.work import record


async def take_credits(unit: Unit, draft: Invoice) -> tuple[wallet.Movement, ...]:
    """Take what a stored draft can be paid with from its customer's credits."""
    return await wallet.draw(unit, customer_id=draft.customer_id, invoice_id=draft.id, due=draft.total)


async def book_credits(unit: Unit, issued: Invoice, drawn: Sequence[wallet.Movement]) -> Invoice:
    """Post what the credits pay of an issued invoice; without a rest it is paid, and no gateway is asked."""
    if not drawn:
        return issued
    assert issued.number is not None, "an issued invoice has a number"
    await wallet.post_draws(unit, drawn, issued.number)
    if issued.amount_due:
        return issued
    await store.mark_paid(unit.tx, issued.id, unit.now)
    paid = InvoicePaid(issued.id, issued.customer_id, issued.number, issued.total.minor, issued.currency, unit.now)
    await record(unit, paid)
    return replace(issued, status=InvoiceStatus.PAID, paid_at=unit.now)
