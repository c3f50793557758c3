"""Prepaid credits pay invoices: planned before the numbers, booked with them; a covered invoice is paid at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from autorisen.billing import wallet
from autorisen.billing.facts import InvoicePaid
from autorisen.billing.new_invoice import NewInvoice
from autorisen.kit.unit import Unit
from autorisen.kit.work import record_many


async def plan_credits(unit: Unit, invoices: Sequence[NewInvoice]) -> Mapping[UUID, wallet.InvoiceDraws]:
    """What their customers' credits pay of these invoices, by invoice; held until the transaction ends."""
    bills = [wallet.Bill(each.id, each.draft.customer_id, each.draft.total) for each in invoices]
    return await wallet.plan_for(unit, bills)


async def book_credits(unit: Unit, paid: Sequence[tuple[NewInvoice, str, wallet.InvoiceDraws]]) -> None:
    """Move and post what the credits pay of issued invoices; one without a rest is paid, and no gateway is asked."""
    await wallet.write_draws(unit, [(draws, number) for _, number, draws in paid])
    covered = [
        InvoicePaid(new.id, new.draft.customer_id, number, draws.total.minor, new.draft.currency, unit.now)
        for new, number, draws in paid
        if draws.total == new.draft.total
    ]
    await record_many(unit, covered)
