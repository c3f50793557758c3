"""What the database itself refuses of credits: each rule is broken once, by hand."""

from __future__ import annotations

from typing import LiteralString
from uuid import UUID

import psycopg
import pytest

from autorisen.kit.unit import Runtime
from tests.factories.billing import Shop
from tests.factories.wallet import Purse

REFUSED = (
    psycopg.errors.RestrictViolation,
    psycopg.errors.CheckViolation,
    psycopg.errors.UniqueViolation,
    psycopg.errors.ForeignKeyViolation,
)
MOVE: LiteralString = """
INSERT INTO billing.wallet_movements (id, grant_id, customer_id, kind, amount_minor, invoice_id, reason, at)
VALUES (%(new)s, %(grant)s, %(customer)s, %(kind)s, %(minor)s, %(invoice)s, '', '2026-03-01')
"""


async def _refuses(runtime: Runtime, statement: LiteralString, **values: object) -> None:
    with pytest.raises(REFUSED):
        async with runtime.unit() as unit:
            await unit.tx.execute(statement, values | {"new": unit.ids.new()})


async def test_a_grant_and_its_movements_are_final(shop: Shop, purse: Purse) -> None:
    grant = await purse.give(1_000, days=5)
    forever = await purse.give(1_000)
    statements: list[LiteralString] = [
        "UPDATE billing.wallet_grants SET remaining_minor = 5 WHERE id = %(id)s",
        "UPDATE billing.wallet_grants SET amount_minor = 5000 WHERE id = %(id)s",
        "UPDATE billing.wallet_grants SET priority = 0 WHERE id = %(id)s",
        "UPDATE billing.wallet_grants SET expires_at = expires_at - interval '1 day' WHERE id = %(id)s",
        "UPDATE billing.wallet_grants SET expires_at = NULL WHERE id = %(id)s",
        "UPDATE billing.wallet_grants SET expires_at = granted_at + interval '1 day' WHERE id = %(other)s",
        "DELETE FROM billing.wallet_grants WHERE id = %(id)s",
        "TRUNCATE billing.wallet_grants CASCADE",
        "UPDATE billing.wallet_movements SET amount_minor = 5",
        "DELETE FROM billing.wallet_movements",
        "TRUNCATE billing.wallet_movements",
        """INSERT INTO billing.wallet_grants (id, customer_id, currency, kind, priority, amount_minor, remaining_minor,
               source, reason, granted_at)
           SELECT %(new)s, customer_id, currency, kind, priority, 5, 5, 'tests', '', granted_at
           FROM billing.wallet_grants WHERE id = %(id)s""",
    ]
    for statement in statements:
        await _refuses(shop.runtime, statement, id=grant.id, other=forever.id)
    assert await purse.balance() == 2_000


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "draw", "minor": -1_001},
        {"kind": "expire", "minor": -1_001, "invoice": None},
        {"kind": "void", "minor": -1_001, "invoice": None},
        {"kind": "return", "minor": 1},
        {"kind": "grant", "minor": 1, "invoice": None},
        {"kind": "draw", "minor": 1},
        {"kind": "draw", "minor": 0},
        {"kind": "draw", "minor": -1, "invoice": None},
        {"kind": "void", "minor": -1},
        {"kind": "draw", "minor": -1, "customer": UUID(int=9)},
        {"kind": "draw", "minor": -1, "grant": UUID(int=9)},
        {"kind": "spend", "minor": -1},
        # The invoice would not say so.
        {"kind": "draw", "minor": -1},
    ],
)
async def test_a_movement_that_can_not_be_is_refused(shop: Shop, purse: Purse, change: dict[str, object]) -> None:
    grant, draft = await purse.give(1_000), await purse.draft(500)
    values = {"grant": grant.id, "customer": purse.customer.id, "invoice": draft.id}
    await _refuses(shop.runtime, MOVE, **(values | change))
    assert await purse.balance() == 1_000


async def test_another_customers_credits_can_not_be_drawn(shop: Shop, purse: Purse) -> None:
    other = Purse(shop, await shop.customer("other"))
    theirs, draft = await other.give(1_000), await purse.draft(500)
    await _refuses(
        shop.runtime, MOVE, grant=theirs.id, customer=purse.customer.id, invoice=draft.id, kind="draw", minor=-1
    )


async def test_an_invoice_says_what_was_drawn_for_it(shop: Shop, purse: Purse) -> None:
    await purse.give(1_000)
    draft = await purse.draft(5_000)
    statement: LiteralString = (
        "UPDATE billing.invoices SET credits_minor = 300, amount_paid_minor = %(paid)s WHERE id = %(id)s"
    )
    await _refuses(shop.runtime, statement, id=draft.id, paid=300)
    await _refuses(shop.runtime, statement, id=draft.id, paid=299)
    issued = await purse.invoice(5_000)
    await _refuses(shop.runtime, "UPDATE billing.invoices SET credits_minor = 0 WHERE id = %(id)s", id=issued.id)
