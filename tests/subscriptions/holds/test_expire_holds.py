"""The worker ends holds whose time is up: what was drawn counts once, the rest is free."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest

from autorisen.accounts import Customer
from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from autorisen.metering import ingest, list_rejected, new_event
from autorisen.subscriptions import (
    Hold,
    HoldStatus,
    Quota,
    UsageNotRecorded,
    draw_hold,
    find_hold,
    hold_quota,
    quota,
    settle_hold,
    start_subscription,
)
from autorisen.subscriptions.holds import expire_holds, store
from tests.factories.accounts import make_customer
from tests.factories.catalog import apply_text
from tests.factories.subscriptions import subscribe

TOKENS = "llm.output_tokens"
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def acme(runtime: Runtime) -> Customer:
    async with runtime.unit() as unit:
        customer, _ = await subscribe(unit, plan_key="free")
        return customer


async def take(runtime: Runtime, customer: Customer, quantity: int, key: str, meter: str = TOKENS) -> Hold:
    async with runtime.unit() as unit:
        return await hold_quota(
            unit, customer_id=customer.id, meter=meter, quantity=Decimal(quantity), key=key, expires_in=MINUTE
        )


async def draw(runtime: Runtime, hold_id: UUID, quantity: int, sequence: int = 1) -> None:
    async with runtime.unit() as unit:
        await draw_hold(unit, hold_id, quantity=Decimal(quantity), sequence=sequence)


async def left(runtime: Runtime, customer: Customer, meter: str = TOKENS) -> Quota:
    async with runtime.unit() as unit:
        return await quota(unit.tx, customer_id=customer.id, meter=meter, now=unit.now, wall_now=unit.wall_now)


async def stored(runtime: Runtime, hold_id: UUID) -> Hold | None:
    async with runtime.unit() as unit:
        return await store.hold(unit.tx, hold_id)


async def test_the_worker_ends_what_is_overdue(
    runtime: Runtime, worker: Worker, clock: FrozenClock, acme: Customer
) -> None:
    drawn, untouched = await take(runtime, acme, 100, "a"), await take(runtime, acme, 200, "b")
    await draw(runtime, drawn.id, 30)
    clock.advance(MINUTE)
    later = await take(runtime, acme, 5, "c", "agent.execution")
    await worker.drain()
    ended = [await stored(runtime, each.id) for each in (drawn, untouched)]
    assert [(each.status, each.used, each.ended_at) for each in ended if each] == [
        (HoldStatus.EXPIRED, Decimal(30), drawn.expires_at),
        (HoldStatus.EXPIRED, Decimal(0), drawn.expires_at),
    ]
    still = await stored(runtime, later.id)
    assert still is not None
    assert still.status is HoldStatus.HELD
    now = await left(runtime, acme)
    assert (now.used, now.held, now.left) == (Decimal(30), Decimal(0), Decimal(49_970))


async def test_more_than_one_round_of_them(
    runtime: Runtime, worker: Worker, clock: FrozenClock, acme: Customer
) -> None:
    made = [await take(runtime, acme, 2, f"k{n}") for n in range(expire_holds.HOLDS_AT_ONCE * 2 + 1)]
    for each in made:
        await draw(runtime, each.id, 1)
    clock.advance(MINUTE)
    await worker.drain()
    ended = [await stored(runtime, each.id) for each in made]
    assert {each.status for each in ended if each} == {HoldStatus.EXPIRED}
    assert (await left(runtime, acme)).used == len(made)


async def test_a_quota_that_is_busy_is_left_for_later(runtime: Runtime, clock: FrozenClock, acme: Customer) -> None:
    made = await take(runtime, acme, 100, "a")
    clock.advance(MINUTE)
    async with runtime.unit() as busy:
        await store.lock_quota(busy.tx, acme.id, TOKENS)
        async with runtime.unit() as unit:
            await expire_holds.expire_holds(unit, {})
        assert (await find_hold(busy.tx, made.id, wall_now=made.made_at)).status is HoldStatus.HELD
    async with runtime.unit() as unit:
        await expire_holds.expire_holds(unit, {})
    async with runtime.unit() as unit:
        assert (await find_hold(unit.tx, made.id, wall_now=made.made_at)).status is HoldStatus.EXPIRED


async def test_use_that_cannot_be_counted_does_not_keep_the_hold_alive(
    runtime: Runtime, clock: FrozenClock, acme: Customer
) -> None:
    made = await take(runtime, acme, 100, "a")
    await draw(runtime, made.id, 10)
    async with runtime.unit() as unit:
        common = {"specversion": "1.0", "source": "/autorisen/holds", "subject": "acme", "type": "something.else"}
        await ingest(unit, None, [new_event(common | {"id": f"{made.public_id}/1"})])
    with pytest.raises(UsageNotRecorded):
        async with runtime.unit() as unit:
            await settle_hold(unit, made.id, quantity=Decimal(10), data={})
    clock.advance(MINUTE)
    async with runtime.unit() as unit:
        await expire_holds.expire_holds(unit, {})
    ended = await stored(runtime, made.id)
    assert ended is not None
    assert ended.status is HoldStatus.EXPIRED
    assert (await left(runtime, acme)).held == 0


async def test_meters_that_exclude_each_other_do_not_keep_the_hold_alive(runtime: Runtime, clock: FrozenClock) -> None:
    table = (
        '[[meter]]\nkey = "{0}"\nname = "{0}"\nevent_type = "t"\naggregation = "sum"\nunit = "u"\nvalue_path = "{1}"\n'
    )
    plan = (
        '[[plan]]\nkey = "free"\nname = "F"\ntagline = "t"\nrank = 0\ndefault = true\nfeatures = []\n'
        "[plan.limits]\nagents = 1\nexecutions = 1\nprojects = 1\nstorage_mb = 1\nsupport_hours = 1\n"
        '[[plan.price]]\ncurrency = "ZAR"\ninterval = "month"\namount = "0.00"\n'
        '[[plan.price]]\ncurrency = "USD"\ninterval = "month"\namount = "0.00"\n'
        '[[plan.usage]]\nmeter = "deep"\nincluded = 100\noverage = false\n'
    )
    async with runtime.unit() as unit:
        await apply_text(unit, table.format("deep", "a.b") + plan)
        customer = await make_customer(unit)
    async with runtime.unit() as unit:
        await start_subscription(unit, customer=customer, plan_key="free")
    made = await take(runtime, customer, 100, "a", "deep")
    await draw(runtime, made.id, 10)
    async with runtime.unit() as unit:
        await apply_text(unit, table.format("deep", "a.b") + table.format("flat", "a") + plan)
    clock.advance(MINUTE)
    async with runtime.unit() as unit:
        await expire_holds.expire_holds(unit, {})
    ended = await stored(runtime, made.id)
    assert ended is not None
    assert (ended.status, ended.used) == (HoldStatus.EXPIRED, Decimal(10))
    async with runtime.unit() as unit:
        assert (await list_rejected(unit.tx, tenant=None)).events == ()


async def test_what_ended_is_final_in_the_database(
    runtime: Runtime, clock: FrozenClock, acme: Customer, database_url: str
) -> None:
    made = await take(runtime, acme, 100, "a")
    await draw(runtime, made.id, 10)
    with psycopg.connect(database_url, autocommit=True) as connection:
        for fault in (
            "UPDATE subscriptions.holds SET quantity = 200",
            "UPDATE subscriptions.holds SET drawn = 9",
            "UPDATE subscriptions.holds SET drawn = 101",
            "UPDATE subscriptions.holds SET status = 'released', used = 11, ended_at = made_at",
            "UPDATE subscriptions.holds SET status = 'expired'",
            "DELETE FROM subscriptions.holds",
            "UPDATE subscriptions.hold_draws SET quantity = 1",
        ):
            with pytest.raises(psycopg.Error):
                connection.execute(fault.encode())
        clock.advance(MINUTE)
        async with runtime.unit() as unit:
            await expire_holds.expire_holds(unit, {})
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute("UPDATE subscriptions.holds SET status = 'held', used = NULL, ended_at = NULL")
