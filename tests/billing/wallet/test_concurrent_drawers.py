"""Fifty invoices of one customer at once, from two processes' pools: the credits are drawn to the cent, and no further.

The rows are held while one draws; and should somebody forget to, the constraint refuses what is not there.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

import psycopg

from autorisen.billing.issue_invoice import issue_invoice
from autorisen.billing.wallet import Movement, MovementKind, store
from autorisen.kit.database import Database
from autorisen.kit.money import Money
from autorisen.kit.unit import Runtime
from tests.factories.billing import Shop
from tests.factories.wallet import Purse

DRAWERS = 50


async def test_fifty_drawers_take_exactly_what_there_is(shop: Shop, purse: Purse, database_url: str) -> None:
    await purse.give(6_000, days=5)
    await purse.give(4_050)
    async with shop.runtime.unit() as unit:
        bill = await purse.bill(unit, 300)
    second = Database(database_url, max_size=10)
    await second.open()
    workers = [shop.runtime, replace(shop.runtime, database=second)]

    async def draw(number: int) -> int:
        async with workers[number % 2].unit() as unit:
            return (await issue_invoice(unit, bill)).amount_paid.minor

    try:
        taken = await asyncio.gather(*(draw(number) for number in range(DRAWERS)))
    finally:
        await second.close()
    assert sorted(taken) == [0] * 16 + [150] + [300] * 33
    assert await purse.left() == [0, 0]
    assert await purse.balance() == 0


async def test_without_the_lock_the_constraint_refuses_what_is_not_there(shop: Shop, purse: Purse) -> None:
    grant = await purse.give(1_000)
    drafts = [await purse.draft(300) for _ in range(8)]

    async def rush(invoice_id: UUID) -> bool:
        try:
            await _draw_unlocked(shop.runtime, grant.id, purse.customer.id, invoice_id)
        except psycopg.errors.CheckViolation:
            return False
        return True

    assert sum(await asyncio.gather(*(rush(draft.id) for draft in drafts))) == 3
    assert await purse.left() == [100]


async def _draw_unlocked(runtime: Runtime, grant_id: UUID, customer_id: UUID, invoice_id: UUID) -> None:
    async with runtime.unit() as unit:
        moved = Movement(
            unit.ids.new(), grant_id, customer_id, MovementKind.DRAW, Money(-300, "ZAR"), invoice_id, "", unit.now
        )
        await store.insert_movements(unit.tx, [moved])
        await unit.tx.execute(
            "UPDATE billing.invoices SET credits_minor = 300, amount_paid_minor = 300 WHERE id = %s", [invoice_id]
        )
