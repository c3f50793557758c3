"""A hold belongs to the period it was made in, whenever it ends."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import httpx
import pytest

from autorisen import metering
from autorisen.accounts import Customer
from autorisen.billing import LineKind
from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from autorisen.subscriptions import (
    Hold,
    HoldStatus,
    Quota,
    QuotaExceeded,
    draw_hold,
    find_hold,
    hold_quota,
    quota,
    settle_hold,
)
from tests.factories.billing import Shop

RUNS = "agent.execution"
TOKENS = "llm.output_tokens"


@pytest.fixture
def shop(runtime: Runtime, worker: Worker, client: httpx.AsyncClient, clock: FrozenClock) -> Shop:
    return Shop(runtime, worker, client, clock)


async def hold(shop: Shop, customer: Customer, quantity: int, key: str, meter: str = RUNS) -> Hold:
    async with shop.runtime.unit() as unit:
        return await hold_quota(
            unit,
            customer_id=customer.id,
            meter=meter,
            quantity=Decimal(quantity),
            key=key,
            expires_in=timedelta(hours=24),
        )


async def standing(shop: Shop, customer: Customer, meter: str = RUNS) -> Quota:
    async with shop.runtime.unit() as unit:
        return await quota(unit.tx, customer_id=customer.id, meter=meter, now=unit.now, wall_now=unit.wall_now)


async def test_settled_after_the_close_it_is_late_usage_of_its_own_period(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    billed = await shop.period(customer)
    await shop.advance(days=1)
    await shop.use(customer, 1_990)
    await shop.advance(days=29, hours=23)
    made = await hold(shop, customer, 30, "over midnight")
    await shop.advance(hours=5)
    assert (await shop.period(customer)).start_at == billed.end_at
    assert (await standing(shop, customer)).held == 0, "it keeps nothing of the next period"
    async with shop.runtime.unit() as unit:
        settled = await settle_hold(unit, made.id, quantity=Decimal(30), data={})
    assert settled.status is HoldStatus.SETTLED
    async with shop.runtime.database.read() as tx:
        used = await metering.quantity(
            tx, customer_id=customer.id, meter=RUNS, start=billed.start_at, end=billed.end_at
        )
    assert used.quantity == 2_020
    assert (await standing(shop, customer)).used == 0
    await shop.advance(days=31)
    (line,) = [line for line in (await shop.invoices(customer))[-1].lines if line.kind is LineKind.USAGE_ADJUSTMENT]
    # 2 020 used, 2 000 included: 20 of the 30 late ones cost R0.25 each.
    assert (int(line.quantity), line.amount.minor) == (30, 500)
    assert (line.period_start, line.period_end) == (billed.start_at, billed.end_at)


async def test_the_next_period_has_all_its_room_and_lends_none_to_the_last(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.advance(days=30, hours=20)
    made = await hold(shop, customer, 45, "march")
    await shop.advance(hours=6)
    assert (await standing(shop, customer)).left == 50
    with pytest.raises(QuotaExceeded):
        async with shop.runtime.unit() as unit:
            await settle_hold(unit, made.id, quantity=Decimal(46), data={})
    async with shop.runtime.unit() as unit:
        await settle_hold(unit, made.id, quantity=Decimal(45), data={})
    assert (await standing(shop, customer)).left == 50


async def test_expired_over_the_end_its_draws_count_where_it_was_made(shop: Shop) -> None:
    customer = await shop.customer()
    first = await shop.period(customer)
    await shop.advance(days=30, hours=20)
    made = await hold(shop, customer, 40, "march")
    async with shop.runtime.unit() as unit:
        await draw_hold(unit, made.id, quantity=Decimal(7), sequence=1)
    await shop.advance(days=2)
    async with shop.runtime.database.read() as tx:
        ended = await find_hold(tx, made.id, wall_now=made.made_at)
        march = await metering.quantity(tx, customer_id=customer.id, meter=RUNS, start=first.start_at, end=first.end_at)
    assert (ended.status, ended.used) == (HoldStatus.EXPIRED, Decimal(7))
    assert march.quantity == 7
    assert (await standing(shop, customer)).used == 0


async def test_an_upgrade_opens_room_and_keeps_the_hold_where_it_was(shop: Shop) -> None:
    customer = await shop.customer()
    free = await shop.period(customer)
    await shop.advance(days=1)
    made = await hold(shop, customer, 50_000, "free", TOKENS)
    with pytest.raises(QuotaExceeded):
        await hold(shop, customer, 1, "more", TOKENS)
    await shop.advance(hours=1)
    await shop.upgrade(customer)
    assert (await hold(shop, customer, 600_000, "more", TOKENS)).remaining is None
    async with shop.runtime.unit() as unit:
        await settle_hold(unit, made.id, quantity=Decimal(50_000), data={})
    now = await standing(shop, customer, TOKENS)
    assert (now.used, now.held, now.left) == (Decimal(0), Decimal(600_000), Decimal(0))
    pro = await shop.period(customer)
    async with shop.runtime.database.read() as tx:
        before = await metering.quantity(
            tx, customer_id=customer.id, meter=TOKENS, start=free.start_at, end=pro.start_at
        )
    assert before.quantity == 50_000
