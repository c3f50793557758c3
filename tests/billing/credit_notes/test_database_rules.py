"""What the database itself refuses about credit notes, whatever the program does."""

from __future__ import annotations

import asyncio
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest

from autorisen import billing
from autorisen.billing import CreditNote, Settlement, Wanted
from autorisen.billing.credit_notes import store
from autorisen.kit.money import Money
from tests.factories.billing import Shop
from tests.factories.credit_notes import credit, now, paid_invoice, part


async def test_the_rule_holds_for_who_goes_past_the_verb(shop: Shop) -> None:
    """Several transactions insert at once, having looked before: the invoice's row lets one through."""
    customer, invoice = await paid_invoice(shop)
    async with shop.runtime.database.read() as tx:
        draft = await billing.preview_credit_note(tx, invoice, Wanted(amount=Money(30_000, "ZAR")))

    async def one(number: int) -> bool:
        try:
            async with shop.runtime.unit() as unit:
                note = CreditNote(
                    id=UUID(int=number),
                    number=f"CN-2026-1000{number}",
                    invoice_id=invoice.id,
                    customer_id=customer.id,
                    currency="ZAR",
                    reason="tests",
                    settlement=Settlement.REFUND,
                    subtotal=draft.subtotal,
                    tax=draft.tax,
                    total=draft.total,
                    due=draft.due,
                    issued_at=unit.now,
                    issued_by="tests",
                    lines=draft.lines,
                )
                await store.insert_credit_note(unit.tx, note, [UUID(int=number)])
        except psycopg.errors.CheckViolation:
            return False
        return True

    assert sorted(await asyncio.gather(*(one(number) for number in range(1, 6)))) == [False] * 4 + [True]
    assert (await now(shop, customer)).credited.minor == 30_000


STATEMENTS: list[LiteralString] = [
    "UPDATE billing.credit_notes SET reason = 'another'",
    "UPDATE billing.credit_notes SET total_minor = 1, subtotal_minor = 1, tax_minor = 0, due_minor = 0",
    "DELETE FROM billing.credit_notes",
    "TRUNCATE billing.credit_notes CASCADE",
    "UPDATE billing.credit_note_lines SET amount_minor = 1",
    "DELETE FROM billing.credit_note_lines",
    "UPDATE billing.invoices SET credited_minor = 0 WHERE credited_minor > 0",
    "UPDATE billing.invoices SET credited_tax_minor = 0 WHERE credited_minor > 0",
    "UPDATE billing.invoices SET credited_due_minor = 1 WHERE credited_minor > 0",
    "UPDATE billing.invoices SET void_reason = 'why'",
    "UPDATE billing.invoices SET written_off_at = now(), write_off_reason = 'why'",
    # A line that comes later, of another invoice, of another sign, or beyond what is left.
    "INSERT INTO billing.credit_note_lines SELECT gen_random_uuid(), credit_note_id, 2, invoice_line_id, 1, 0"
    " FROM billing.credit_note_lines",
]


@pytest.mark.parametrize("statement", STATEMENTS)
async def test_an_issued_credit_note_stays_as_it_is(shop: Shop, statement: LiteralString) -> None:
    _, invoice = await paid_invoice(shop)
    await credit(shop, invoice, part(20_000))
    with pytest.raises((psycopg.errors.RestrictViolation, psycopg.errors.CheckViolation)):
        async with shop.runtime.unit() as unit:
            await unit.tx.execute(statement)


@pytest.mark.parametrize("amount, tax", [(-1, 0), (52_901, 6_900), (52_900, 6_899), (100, 6_901), (100, -1)])
async def test_a_line_takes_back_what_it_charges_at_most(shop: Shop, amount: int, tax: int) -> None:
    _, invoice = await paid_invoice(shop)
    note: LiteralString = """
    INSERT INTO billing.credit_notes (id, number, invoice_id, customer_id, currency, reason, settlement, subtotal_minor,
        tax_minor, total_minor, due_minor, issued_at, issued_by)
    SELECT %(id)s, 'CN-1', id, customer_id, currency, 'why', 'refund', 100, 0, 100, 0, now(), 'tests'
    FROM billing.invoices WHERE id = %(invoice_id)s
    """
    line: LiteralString = """
    INSERT INTO billing.credit_note_lines SELECT %(id)s, %(id)s, 1, id, %(amount)s, %(tax)s
    FROM billing.invoice_lines WHERE invoice_id = %(invoice_id)s
    """
    values = {"id": UUID(int=1), "invoice_id": invoice.id, "amount": amount, "tax": tax}

    async def try_both(*statements: LiteralString) -> None:
        async with shop.runtime.unit() as unit:
            for statement in statements:
                await unit.tx.execute(statement, values)

    with pytest.raises(psycopg.errors.CheckViolation, match="more is taken back"):
        await try_both(note, line)
    with pytest.raises(psycopg.errors.CheckViolation, match="do not sum up"):
        await try_both(note)


async def test_fully_credited_its_vat_is_taken_back_to_the_cent(shop: Shop) -> None:
    """The constraint on the invoice's row, for a note whose lines and VAT agree with each other and not with it."""
    _, invoice = await paid_invoice(shop)
    note: LiteralString = """
    INSERT INTO billing.credit_notes (id, number, invoice_id, customer_id, currency, reason, settlement, subtotal_minor,
        tax_minor, total_minor, due_minor, issued_at, issued_by)
    SELECT %(id)s, 'CN-1', id, customer_id, currency, 'why', 'refund', total_minor - 6899, 6899, total_minor, 0, now(),
        'tests'
    FROM billing.invoices WHERE id = %(invoice_id)s
    """
    with pytest.raises(psycopg.errors.CheckViolation, match="invoices_credited_tax"):
        async with shop.runtime.unit() as unit:
            await unit.tx.execute(note, {"id": UUID(int=1), "invoice_id": invoice.id})
