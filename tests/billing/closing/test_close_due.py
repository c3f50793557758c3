"""Many periods in one transaction: all of them, once, without a gap in numbers, and none waits for another."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import LiteralString

import pytest

from autorisen import billing, subscriptions
from autorisen.billing import CLOSINGS, close_due
from autorisen.billing.closing import Closed
from autorisen.billing.closing.close_periods import next_closing
from autorisen.billing.closing.store import FailedClosing, failures
from autorisen.billing.number_invoice import invoice_number
from autorisen.billing.rating import store as store_rated
from autorisen.kit.clock import FrozenClock
from autorisen.kit.problems import Unavailable
from autorisen.kit.unit import Runtime
from autorisen.kit.work.store import list_jobs
from autorisen.subscriptions import Status
from tests.factories.billing import START, Shop
from tests.factories.closing import (
    GRACE,
    REFUSE_ALL,
    REFUSE_FUNCTION,
    closed_once,
    numbers,
    refuse_none,
    run_agents,
    subscribers,
)
from tests.factories.subscriptions import move_to

ZONE: LiteralString = "UPDATE subscriptions.subscriptions SET time_zone = %(zone)s WHERE id = %(id)s"
AT_ONCE: LiteralString = """
CREATE TRIGGER refuse BEFORE INSERT ON billing.closings FOR EACH ROW
WHEN (NEW.customer_id = '%s') EXECUTE FUNCTION public.refuse()
"""
AT_COMMIT: LiteralString = """
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON billing.closings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
WHEN (NEW.customer_id = '%s') EXECUTE FUNCTION public.refuse()
"""


async def drained(runtime: Runtime, limit: int = 100) -> list[int]:
    """How many each batch closed, until nothing was due."""
    found = []
    while (done := await close_due(runtime, limit=limit)).tried:
        found.append(done.closed)
    return found


async def the_failures(runtime: Runtime) -> list[FailedClosing]:
    async with runtime.database.read() as tx:
        return await failures(tx, 10)


async def set_zone(runtime: Runtime, subscription: subscriptions.Subscription, zone: str) -> None:
    """What no verb and no statement of ours can do: a time zone that nobody knows."""
    async with runtime.unit() as unit:
        await unit.tx.execute("SET LOCAL session_replication_role = replica")
        await unit.tx.execute(ZONE, {"zone": zone, "id": subscription.id})


async def test_what_is_due_is_closed_together_and_numbered_in_order(runtime: Runtime, clock: FrozenClock) -> None:
    found = await subscribers(runtime, 7, plans=("pro", "free", "enterprise"))
    clock.set(found[4].period.end_at + GRACE)
    await run_agents(runtime, found[0].customer, 2_004, at=START + timedelta(days=3))
    assert await drained(runtime) == [5]
    async with runtime.database.read() as tx:
        assert await numbers(tx) == [invoice_number(2026, n) for n in (1, 2, 3)]
        closings = [await store_rated.find_closing(tx, each.period.id) for each in found]
        invoices = [await billing.invoice(tx, each.invoice_id) for each in closings if each and each.invoice_id]
    assert [each is None for each in closings] == [False] * 5 + [True] * 2
    assert [each.number for each in invoices] == [invoice_number(2026, n) for n in (1, 2, 3)]
    assert [line.amount.minor for line in invoices[0].lines] == [100, 52_900]


async def test_it_is_work_and_each_invoice_is_collected_afterwards(shop: Shop) -> None:
    found = await subscribers(shop.runtime, 3)
    await shop.worker.drain()
    shop.clock.advance(timedelta(days=31, hours=2))
    assert await CLOSINGS.perform(shop.runtime) == 3
    async with shop.runtime.database.read() as tx:
        following = await subscriptions.current_period(tx, found[0].period.subscription_id)
        assert await next_closing(tx, shop.runtime.settings, None) == following.end_at + GRACE
    # The facts of the periods, and those of the invoices, are one job each.
    assert await the_jobs(shop.runtime) == ["billing.collect"] * 3 + ["facts"] * 2
    await shop.worker.drain()
    # What is left is due later: nobody has paid yet.
    assert await the_jobs(shop.runtime) == ["billing.dunning_step"] * 3


async def the_jobs(runtime: Runtime) -> list[str]:
    async with runtime.database.read() as tx:
        return sorted(job.kind for job in await list_jobs(tx, state="waiting"))


async def test_one_that_makes_no_sense_falls_out_and_is_tried_alone(runtime: Runtime, clock: FrozenClock) -> None:
    found = await subscribers(runtime, 5)
    odd = found[2]
    async with runtime.database.read() as tx:
        subscription = await subscriptions.subscription(tx, odd.period.subscription_id)
    await set_zone(runtime, subscription, "Mars/Olympus")
    clock.set(found[4].period.end_at + GRACE)
    assert await close_due(runtime) == Closed(tried=5, closed=4, failed=1)
    (failure,) = await the_failures(runtime)
    assert (failure.period_id, failure.attempts) == (odd.period.id, 1)
    assert "Mars/Olympus" in failure.reason
    assert clock.now() < failure.retry_at < clock.now() + timedelta(seconds=5)
    async with runtime.database.read() as tx:
        assert await next_closing(tx, runtime.settings, clock.now()) == failure.retry_at
        assert await numbers(tx) == [invoice_number(2026, n) for n in range(1, 5)]
    # It waits, and once more for longer; meanwhile nothing is due.
    assert (await close_due(runtime)).tried == 0
    clock.set(failure.retry_at)
    assert await close_due(runtime) == Closed(1, 0, 1)
    (again,) = await the_failures(runtime)
    assert again.attempts == 2
    assert again.retry_at - clock.now() > failure.retry_at - failure.failed_at
    # Put right, it is closed as the others were, and nothing is left of its trouble.
    await set_zone(runtime, subscription, subscription.time_zone)
    clock.set(again.retry_at)
    assert await drained(runtime) == [1]
    assert await the_failures(runtime) == []
    async with runtime.database.read() as tx:
        assert await closed_once(tx) == 5
        assert await numbers(tx) == [invoice_number(2026, n) for n in range(1, 6)]


@pytest.mark.parametrize("refusal", [AT_ONCE, AT_COMMIT])
async def test_one_that_the_database_refuses_leaves_no_gap_among_the_others(
    runtime: Runtime, clock: FrozenClock, refusal: LiteralString
) -> None:
    """Goal: what is refused when it is written, or only at the commit, takes nobody with it."""
    found = await subscribers(runtime, 6)
    async with runtime.unit() as unit:
        await unit.tx.execute(REFUSE_FUNCTION)
        await unit.tx.execute((refusal % found[3].customer.id).encode())
    clock.set(found[5].period.end_at + GRACE)
    assert await close_due(runtime) == Closed(tried=6, closed=5, failed=1)
    (failure,) = await the_failures(runtime)
    assert (failure.period_id, failure.reason.splitlines()[0]) == (
        found[3].period.id,
        "CheckViolation: not this one",
    )
    async with runtime.database.read() as tx:
        assert await closed_once(tx) == 5
        assert await numbers(tx) == [invoice_number(2026, n) for n in range(1, 6)]
        assert (await subscriptions.period(tx, found[3].period.id)).status == "open"


async def test_what_failed_is_tried_before_younger_periods_and_apart_from_them(
    runtime: Runtime, clock: FrozenClock
) -> None:
    found = await subscribers(runtime, 4)
    async with runtime.unit() as unit:
        await subscriptions.put_off(unit.tx, [found[1].period.id], found[2].period.end_at)
    clock.set(found[3].period.end_at + GRACE)
    # The first alone, since the put off one is next or the one after it; then that; then the rest.
    assert sorted(await drained(runtime)) == [1, 1, 2]


async def test_workers_at_once_close_each_period_once_and_leave_no_gap(runtime: Runtime, clock: FrozenClock) -> None:
    found = await subscribers(runtime, 24)
    clock.set(found[-1].period.end_at + GRACE)

    async def work() -> int:
        return sum(await drained(runtime, limit=3))

    assert sum(await asyncio.gather(*(work() for _ in range(4)))) == 24
    async with runtime.database.read() as tx:
        assert await closed_once(tx) == 24
        assert await numbers(tx) == [invoice_number(2026, n) for n in range(1, 25)]


async def test_periods_of_one_customer_are_closed_one_after_the_other(runtime: Runtime, clock: FrozenClock) -> None:
    """Goal: two upgrades in a day cut two periods; each closing knows what the one before it wrote."""
    (found, other) = await subscribers(runtime, 2)
    async with runtime.unit() as unit:
        subscription = await subscriptions.subscription(unit.tx, found.period.subscription_id)
        second = await move_to(unit, subscription, "enterprise", START + timedelta(days=3))
        await move_to(unit, subscription, "pro", START + timedelta(days=4))
    clock.set(START + timedelta(days=5))
    await run_agents(runtime, found.customer, 2_010, at=START + timedelta(days=1))
    await run_agents(runtime, found.customer, 5, at=START + timedelta(days=3, hours=1), prefix="second")
    assert await drained(runtime) == [1, 1]
    async with runtime.database.read() as tx:
        rated = await store_rated.latest_rated(tx, [found.period.id, second.id])
        assert [int(rated[each]["agent.execution", None].quantity) for each in (found.period.id, second.id)] == [
            2_010,
            5,
        ]
        assert (await subscriptions.period(tx, other.period.id)).status == "open"


async def test_a_subscription_that_ends_makes_way_for_the_default_plan(runtime: Runtime, clock: FrozenClock) -> None:
    found = await subscribers(runtime, 3)
    async with runtime.unit() as unit:
        await subscriptions.request_cancel(unit, found[1].period.subscription_id)
    clock.set(found[2].period.end_at + GRACE)
    assert await drained(runtime) == [3]
    async with runtime.database.read() as tx:
        live = await subscriptions.subscription_of(tx, found[1].customer.id)
        ended = await subscriptions.subscription(tx, found[1].period.subscription_id)
    assert live is not None
    assert (live.plan_key, live.started_at) == ("free", found[1].period.end_at)
    assert (ended.status, ended.ended_at) == (Status.ENDED, found[1].period.end_at)


async def test_without_a_default_plan_only_the_one_that_needs_it_waits(runtime: Runtime, clock: FrozenClock) -> None:
    found = await subscribers(runtime, 2)
    async with runtime.unit() as unit:
        await subscriptions.request_cancel(unit, found[0].period.subscription_id)
        await unit.tx.execute("SET LOCAL session_replication_role = replica")
        await unit.tx.execute("UPDATE catalog.plan_versions SET is_default = false")
    clock.set(found[1].period.end_at + GRACE)
    assert await close_due(runtime) == Closed(tried=2, closed=1, failed=1)
    assert "autorisen catalog apply" in (await the_failures(runtime))[0].reason


async def test_a_grace_time_that_grew_puts_off_what_waits(runtime: Runtime, clock: FrozenClock) -> None:
    (found,) = await subscribers(runtime, 1)
    clock.set(found.period.end_at + GRACE - timedelta(microseconds=1))
    assert (await close_due(runtime)).tried == 0
    clock.set(found.period.end_at + GRACE)
    assert (await close_due(runtime)).closed == 1


@pytest.mark.parametrize("refusal", ["", AT_COMMIT])
async def test_one_bad_period_among_five_hundred_takes_nobody_with_it(
    runtime: Runtime, clock: FrozenClock, refusal: LiteralString
) -> None:
    """Goal: whether it makes no sense or the database refuses it at the commit, 499 are closed at the first go."""
    found = await subscribers(runtime, 500)
    bad = found[333]
    async with runtime.unit() as unit:
        if refusal:
            await unit.tx.execute(REFUSE_FUNCTION)
            await unit.tx.execute((refusal % bad.customer.id).encode())
        subscription = await subscriptions.subscription(unit.tx, bad.period.subscription_id)
    if not refusal:
        await set_zone(runtime, subscription, "Mars/Olympus")
    clock.set(found[-1].period.end_at + GRACE)
    assert await drained(runtime, limit=250) == [250, 249]
    (failure,) = await the_failures(runtime)
    assert failure.period_id == bad.period.id
    async with runtime.database.read() as tx:
        assert await closed_once(tx) == 499
        assert await numbers(tx) == [invoice_number(2026, n) for n in range(1, 500)]


# A disk without room, and a connection that is lost: nobody's fault, whatever is being closed.
FULL = "RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'"
LOST = "PERFORM pg_terminate_backend(pg_backend_pid())"


@pytest.mark.parametrize("trouble", [FULL, LOST], ids=["full", "lost"])
async def test_trouble_of_the_database_is_no_periods_fault(
    runtime: Runtime, clock: FrozenClock, trouble: LiteralString
) -> None:
    """Goal: while the database has no room, or is gone, nothing is noted against a period; then all goes on."""
    found = await subscribers(runtime, 3)
    async with runtime.unit() as unit:
        body = f"BEGIN {trouble}; RETURN NEW; END"
        await unit.tx.execute(f"CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $${body}$$")
        await unit.tx.execute(REFUSE_ALL)
    clock.set(found[-1].period.end_at + GRACE)
    with pytest.raises(Unavailable):
        await close_due(runtime)
    assert await the_failures(runtime) == []
    await refuse_none(runtime)
    assert await drained(runtime) == [3]
    async with runtime.database.read() as tx:
        assert await numbers(tx) == [invoice_number(2026, n) for n in (1, 2, 3)]
