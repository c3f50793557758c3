"""Numbers without gaps and without doubles, whatever fails on the way."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from autorisen import billing
from autorisen.billing.number_invoice import invoice_number, number_invoices
from tests.factories.billing import Shop, a_draft_like


class Refused(Exception):
    """What goes wrong after the number was taken."""


async def test_fifty_issues_at_once_some_rolled_back_leave_no_gap_and_no_double(shop: Shop) -> None:
    """Regression 10: numbers come from a locked row, not from the highest one seen."""
    customer = await shop.customer()
    await shop.upgrade(customer)
    (model,) = await shop.invoices(customer)

    async def issue(turn: int) -> str | None:
        try:
            async with shop.runtime.unit() as unit:
                invoice = await billing.issue_invoice(unit, a_draft_like(model))
                if turn % 3 == 0:
                    raise Refused
        except Refused:
            return None
        return invoice.number

    numbers = [number for number in await asyncio.gather(*(issue(turn) for turn in range(50))) if number]
    assert len(numbers) == 33
    assert sorted(numbers) == [invoice_number(2026, sequence) for sequence in range(2, 35)]
    stored = [invoice.number for invoice in await shop.invoices(customer)]
    assert sorted(each or "" for each in stored) == [invoice_number(2026, sequence) for sequence in range(1, 35)]
    assert await shop.balance(f"receivable:{customer.id}") == 33 * 52_900


async def test_a_year_begins_anew_when_it_begins_in_south_africa(shop: Shop) -> None:
    found = []
    for hour in (21, 22):
        shop.clock.set(datetime(2026, 12, 31, hour, 0, tzinfo=UTC))
        async with shop.runtime.unit() as unit:
            found += await number_invoices(unit, 1)
    assert found == ["INV-2026-00001", "INV-2027-00001"]
    assert invoice_number(2026, 100_000) == "INV-2026-100000"
