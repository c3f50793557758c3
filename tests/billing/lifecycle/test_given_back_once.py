"""What the database itself refuses: to give the same part of a fee back twice, in whichever order."""

from __future__ import annotations

import psycopg
import pytest

from autorisen import billing
from autorisen.billing.credit_notes.errors import WrongCredit
from autorisen.billing.credit_notes.issue_credit_note import Request, issue_credit_note
from autorisen.billing.credit_notes.model import Wanted
from autorisen.kit.money import Money
from tests.factories.billing import Shop

APPLY = "UPDATE billing.pending_changes SET status = 'applied', settled_at = %s WHERE status = 'waiting'"
ONE_LINE_MORE = """
INSERT INTO billing.credit_note_lines (id, credit_note_id, position, invoice_line_id, amount_minor, tax_minor)
SELECT gen_random_uuid(), credit_note_id, 2, invoice_line_id, %s, 0 FROM billing.credit_note_lines
"""


async def test_after_a_credit_note_a_change_gives_back_less(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    await shop.advance(days=1)
    await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="enterprise", interval="month")
    await credit(shop, (await shop.invoices(customer))[0], 50_000)
    with pytest.raises(psycopg.errors.CheckViolation, match="more than is left of the fee"):
        async with shop.runtime.unit() as unit:
            await unit.tx.execute(APPLY, (unit.now,))


async def test_after_a_change_a_credit_note_gives_back_less(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    await shop.advance(days=15)
    await shop.upgrade(customer, "enterprise")
    first, second = await shop.invoices(customer)
    left = first.total.minor + second.lines[1].amount.minor
    assert 0 < left < first.total.minor
    with pytest.raises(WrongCredit):
        await credit(shop, first, left + 1)
    with pytest.raises(psycopg.errors.CheckViolation, match="given back in part by a change"):
        await credit(shop, first, left - 1, more=2)
    await credit(shop, first, left)


async def credit(shop: Shop, invoice: billing.Invoice, minor: int, *, more: int = 0) -> None:
    """A credit note, with a line for so many cents more put beside its verb."""
    async with shop.runtime.unit() as unit:
        request = Request("tests", Wanted(amount=Money(minor, "ZAR")))
        await issue_credit_note(unit, invoice.id, request, actor="tests")
        if more:
            await unit.tx.execute(ONE_LINE_MORE, (more,))
