"""What the database itself refuses: each rule is broken once, by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest

from autorisen import billing
from autorisen.billing import InvoiceStatus, Purpose, store
from autorisen.billing.issue_invoice import store_draft
from autorisen.billing.model import MOVES
from autorisen.kit.unit import Runtime
from tests.factories.billing import Shop, a_draft_like, a_line

REFUSED = (psycopg.errors.RestrictViolation, psycopg.errors.CheckViolation, psycopg.errors.UniqueViolation)


async def _paid(shop: Shop) -> billing.Invoice:
    customer = await shop.customer()
    await shop.upgrade(customer)
    return (await shop.invoices(customer))[0]


async def _refuses(runtime: Runtime, statement: LiteralString, **values: object) -> None:
    with pytest.raises(REFUSED):
        async with runtime.unit() as unit:
            await unit.tx.execute(statement, values)


async def test_a_final_invoice_and_its_lines_stay_as_they_are(shop: Shop) -> None:
    invoice = await _paid(shop)
    statements: list[LiteralString] = [
        "UPDATE billing.invoices SET total_minor = 1, subtotal_minor = 1, tax_minor = 0 WHERE id = %(id)s",
        "UPDATE billing.invoices SET number = 'INV-2026-00099' WHERE id = %(id)s",
        "UPDATE billing.invoices SET customer = '{}' WHERE id = %(id)s",
        "UPDATE billing.invoices SET paid_at = paid_at + interval '1 day' WHERE id = %(id)s",
        "UPDATE billing.invoices SET amount_paid_minor = 0 WHERE id = %(id)s",
        "UPDATE billing.invoices SET status = 'open', paid_at = NULL WHERE id = %(id)s",
        "UPDATE billing.invoices SET status = 'open', disputed_at = paid_at WHERE id = %(id)s",
        "DELETE FROM billing.invoices WHERE id = %(id)s",
        "UPDATE billing.invoice_lines SET amount_minor = 1 WHERE invoice_id = %(id)s",
        "UPDATE billing.invoice_lines SET period_end = period_start WHERE invoice_id = %(id)s",
        "DELETE FROM billing.invoice_lines WHERE invoice_id = %(id)s",
        "TRUNCATE billing.invoices CASCADE",
        "TRUNCATE billing.invoice_lines CASCADE",
        "UPDATE billing.period_fees SET line_id = line_id",
        "DELETE FROM billing.invoice_payments",
    ]
    for statement in statements:
        await _refuses(shop.runtime, statement, id=invoice.id)
    async with shop.runtime.database.read() as tx:
        assert await billing.invoice(tx, invoice.id) == invoice


async def test_a_line_can_not_be_added_to_a_final_invoice(shop: Shop) -> None:
    invoice = await _paid(shop)
    copy: LiteralString = """
    INSERT INTO billing.invoice_lines
    SELECT %(new)s, invoice_id, 2, kind, description, quantity, included, unit_amount, unit_label, 0, 0, period_start,
        period_end, price_id, meter, rated_usage_id
    FROM billing.invoice_lines WHERE invoice_id = %(id)s
    """
    await _refuses(shop.runtime, copy, id=invoice.id, new=UUID(int=1))


@pytest.mark.parametrize(
    "change",
    [
        "total_minor = total_minor + 1, subtotal_minor = subtotal_minor + 1",
        "tax_minor = tax_minor + 1, subtotal_minor = subtotal_minor - 1",
    ],
)
async def test_lines_that_do_not_sum_up_never_commit(shop: Shop, change: str) -> None:
    draft = a_draft_like(await _paid(shop))

    async def commit() -> None:
        async with shop.runtime.unit() as unit:
            await store_draft(unit, draft)
            await unit.tx.execute(f"UPDATE billing.invoices SET {change} WHERE status = 'draft'".encode())

    with pytest.raises(psycopg.errors.CheckViolation, match="do not sum up"):
        await commit()


async def test_a_drafts_line_can_be_dated_anew_and_nothing_else(shop: Shop) -> None:
    invoice = await _paid(shop)
    async with shop.runtime.unit() as unit:
        draft_id = (await store_draft(unit, a_draft_like(invoice))).id
        await store.redate_fee(unit.tx, draft_id, start=unit.now, end=unit.now + timedelta(days=1))
    await _refuses(
        shop.runtime, "UPDATE billing.invoice_lines SET description = 'x' WHERE invoice_id = %(id)s", id=draft_id
    )


async def test_a_period_is_billed_once(shop: Shop) -> None:
    invoice = await _paid(shop)
    close = a_draft_like(invoice, purpose=Purpose.PERIOD_CLOSE)
    async with shop.runtime.unit() as unit:
        await billing.issue_invoice(unit, close)
    with pytest.raises(psycopg.errors.UniqueViolation):
        async with shop.runtime.unit() as unit:
            await billing.issue_invoice(unit, close)


async def test_nothing_is_issued_for_less_than_nothing(shop: Shop) -> None:
    invoice = await _paid(shop)
    price_id = invoice.lines[0].price_id
    draft = a_draft_like(invoice, lines=(replace(a_line(-5), price_id=price_id),))
    with pytest.raises(psycopg.errors.CheckViolation):
        async with shop.runtime.unit() as unit:
            await billing.issue_invoice(unit, draft)


async def test_the_database_knows_the_same_ways_between_states(shop: Shop) -> None:
    invoice = await _paid(shop)
    at = {
        "paid": ", paid_at = now(), amount_paid_minor = total_minor",
        "void": ", voided_at = now(), void_reason = CASE WHEN status = 'open' THEN 'why' END",
        "uncollectible": ", written_off_at = now(), write_off_reason = 'why'",
    }
    for status, following in MOVES.items():
        for wanted in InvoiceStatus:
            if wanted is status:
                continue
            allowed = await _try_move(shop, invoice, status, wanted, at)
            assert allowed == (wanted in following), (status, wanted)


async def _try_move(
    shop: Shop, model: billing.Invoice, status: InvoiceStatus, wanted: InvoiceStatus, extra: dict[str, str]
) -> bool:
    """Bring a new invoice into `status` by allowed ways, then try to move it; rolled back either way."""
    ways: dict[InvoiceStatus, list[str]] = {
        InvoiceStatus.DRAFT: [],
        InvoiceStatus.OPEN: ["open"],
        InvoiceStatus.PAID: ["open", "paid"],
        InvoiceStatus.VOID: ["open", "void"],
        InvoiceStatus.UNCOLLECTIBLE: ["open", "uncollectible"],
    }
    async with shop.runtime.unit() as unit, unit.tx.transaction(force_rollback=True):
        draft_id = (await store_draft(unit, a_draft_like(model))).id

        async def move(to: str) -> None:
            number = ", number = 'INV-0', issued_at = now(), due_at = now()" if to == "open" else ""
            statement = f"UPDATE billing.invoices SET status = '{to}'{extra.get(to, '')}{number} WHERE id = %s"
            await unit.tx.execute(statement.encode(), (draft_id,))

        for step in ways[status]:
            await move(step)
        try:
            await move(wanted)
        except REFUSED:
            return False
        return True
