"""Many holders at once, and holders that are killed: never more than there is, and nothing leaks."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest

from autorisen.accounts import Customer
from autorisen.kit.clock import monotonic
from autorisen.kit.database import Database
from autorisen.kit.open_runtime import make_runtime
from autorisen.kit.settings import Settings
from autorisen.kit.unit import Runtime
from autorisen.subscriptions import (
    Hold,
    HoldKeyTaken,
    Quota,
    QuotaExceeded,
    draw_hold,
    hold_quota,
    quota,
    release_hold,
    settle_hold,
)
from autorisen.subscriptions.holds.expire_holds import expire_holds
from tests.factories.subscriptions import subscribe

TOKENS = "llm.output_tokens"
INCLUDED = 50_000
TENTH = Decimal(INCLUDED // 10)


async def free_customer(runtime: Runtime) -> Customer:
    async with runtime.unit() as unit:
        customer, _ = await subscribe(unit, plan_key="free")
        return customer


@asynccontextmanager
async def several_pools(runtime: Runtime, pools: int, connections: int) -> AsyncIterator[list[Runtime]]:
    """The runtime as so many processes would have it, each with connections of its own."""
    databases = [Database(runtime.database.url, max_size=connections) for _ in range(pools)]
    for database in databases:
        await database.open()
    try:
        yield [replace(runtime, database=database) for database in databases]
    finally:
        for database in databases:
            await database.close()


async def take(runtime: Runtime, customer_id: UUID, key: str, quantity: Decimal = TENTH) -> Hold | None:
    try:
        async with runtime.unit() as unit:
            return await hold_quota(
                unit,
                customer_id=customer_id,
                meter=TOKENS,
                quantity=quantity,
                key=key,
                expires_in=timedelta(minutes=5),
            )
    except QuotaExceeded:
        return None


async def standing(runtime: Runtime, customer_id: UUID) -> Quota:
    async with runtime.unit() as unit:
        return await quota(unit.tx, customer_id=customer_id, meter=TOKENS, now=unit.now, wall_now=unit.wall_now)


async def test_fifty_holders_against_room_for_ten(runtime: Runtime) -> None:
    customer = await free_customer(runtime)
    async with several_pools(runtime, 5, 5) as processes:
        answers = await asyncio.gather(
            *(take(processes[number % 5], customer.id, f"holder-{number}") for number in range(50))
        )
        granted = [each for each in answers if each is not None]
        assert len(granted) == 10
        assert sorted(each.remaining or Decimal(0) for each in granted) == [TENTH * n for n in range(10)]
        full = await standing(runtime, customer.id)
        assert (full.held, full.left) == (Decimal(INCLUDED), Decimal(0))

        async def settle(number: int, made: Hold) -> None:
            async with processes[number % 5].unit() as unit:
                await settle_hold(unit, made.id, quantity=TENTH, data={})

        # Each settled twice at once, as an impatient client does.
        await asyncio.gather(*(settle(n + more, made) for n, made in enumerate(granted) for more in (0, 1)))
    used = await standing(runtime, customer.id)
    assert (used.used, used.held, used.left) == (Decimal(INCLUDED), Decimal(0), Decimal(0))
    assert await take(runtime, customer.id, "late", Decimal("0.000000000001")) is None


async def test_one_key_from_many_sides_is_one_hold(runtime: Runtime) -> None:
    customer = await free_customer(runtime)
    async with several_pools(runtime, 4, 3) as processes:
        answers = await asyncio.gather(*(take(processes[n % 4], customer.id, "same") for n in range(12)))
    assert len({each.id for each in answers if each is not None}) == 1
    assert (await standing(runtime, customer.id)).held == TENTH


async def test_one_key_for_two_meters_at_once_is_one_hold(runtime: Runtime) -> None:
    customer = await free_customer(runtime)

    async def hold(meter: str) -> bool:
        try:
            async with runtime.unit() as unit:
                await hold_quota(
                    unit,
                    customer_id=customer.id,
                    meter=meter,
                    quantity=Decimal(5),
                    key="same",
                    expires_in=timedelta(minutes=5),
                )
                await asyncio.sleep(0.05)
        except HoldKeyTaken:
            return False
        return True

    for meters in (("agent.execution", TOKENS), (TOKENS, "agent.execution")):
        assert (await asyncio.gather(*map(hold, meters))).count(True) == 1


async def test_drawing_and_releasing_from_many_sides(runtime: Runtime) -> None:
    customer = await free_customer(runtime)
    made = await take(runtime, customer.id, "a")
    assert made is not None
    async with several_pools(runtime, 4, 3) as processes:

        async def draw(number: int) -> None:
            async with processes[number % 4].unit() as unit:
                await draw_hold(unit, made.id, quantity=Decimal(10), sequence=number // 2 + 1)

        await asyncio.gather(*(draw(number) for number in range(20)))

        async def release(number: int) -> Hold:
            async with processes[number % 4].unit() as unit:
                return await release_hold(unit, made.id)

        ended = await asyncio.gather(*map(release, range(8)))
    assert {each.used for each in ended} == {Decimal(100)}
    now = await standing(runtime, customer.id)
    assert (now.used, now.held) == (Decimal(100), Decimal(0))


HOLDER = """
import asyncio, itertools, sys
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from autorisen.kit.open_runtime import make_runtime
from autorisen.kit.settings import Settings
from autorisen.subscriptions import draw_hold, hold_quota, settle_hold

url, customer, name, commits = sys.argv[1:]


async def main():
    runtime = make_runtime(Settings(secret_key="a-secret-key-for-tests-only-0123456789"), url)
    await runtime.database.open()
    for number in itertools.count():
        async with runtime.unit() as unit:
            made = await hold_quota(
                unit,
                customer_id=UUID(customer),
                meter="llm.output_tokens",
                quantity=Decimal(20),
                key=f"{name}/{number}",
                expires_in=timedelta(seconds=2),
            )
            if commits == "never":
                print("in the middle", flush=True)
                await asyncio.sleep(60)
        for sequence in (1, 2):
            async with runtime.unit() as unit:
                await draw_hold(unit, made.id, quantity=Decimal(3), sequence=sequence)
        if number % 3:
            async with runtime.unit() as unit:
                await settle_hold(unit, made.id, quantity=Decimal(15), data={"model": "small"})
        print(number, flush=True)


asyncio.run(main())
"""


async def start(url: str, customer: Customer, name: str, *, commits: str = "always") -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, url, str(customer.id), name, commits, stdout=PIPE, stderr=PIPE
    )


async def kill(process: Process) -> None:
    process.send_signal(signal.SIGKILL)
    assert await process.wait() == -signal.SIGKILL


async def lines(process: Process, count: int) -> None:
    assert process.stdout is not None
    assert process.stderr is not None
    for _ in range(count):
        if not await asyncio.wait_for(process.stdout.readline(), 60):
            raise AssertionError((await process.stderr.read()).decode())


@pytest.fixture
async def real_time(database_url: str) -> AsyncIterator[Runtime]:
    """A runtime on the machine's clock, as the processes have it."""
    runtime = make_runtime(Settings(secret_key="a-secret-key-for-tests-only-0123456789"), database_url)
    await runtime.database.open()
    yield runtime
    await runtime.database.close()


@pytest.mark.slow
async def test_kill_9_of_holders_leaks_no_hold(real_time: Runtime, database_url: str) -> None:
    customer = await free_customer(real_time)
    processes = [await start(database_url, customer, f"process-{n}") for n in range(3)]
    for number, process in enumerate(processes):
        await lines(process, 4 + number * 3)
        await kill(process)
    begun = monotonic()
    # No worker runs: only the clock gives the room back.
    while (now := await standing(real_time, customer.id)).held > 0 and monotonic() - begun < 15:
        if await overdue_only(database_url):
            break
        await asyncio.sleep(0.1)
    seconds = monotonic() - begun
    before = await standing(real_time, customer.id)
    async with real_time.unit() as unit:
        await expire_holds(unit, {})
    async with real_time.unit() as unit:
        await expire_holds(unit, {})
    now = await standing(real_time, customer.id)
    with psycopg.connect(database_url) as connection:
        held, used, holds = connection.execute(
            "SELECT count(*) FILTER (WHERE status = 'held'), sum(used), count(*) FROM subscriptions.holds"
        ).fetchone() or (None, None, None)
        events = connection.execute(
            "SELECT count(*), sum((data ->> 'output_tokens')::numeric) FROM metering.events"
        ).fetchone()
    figures = f"holds {holds}, leaked {held}, used {used}, counted {events}, room back after {seconds:.1f} s"
    assert held == 0, figures
    assert now.held == 0
    assert before.left == now.left, "the clock alone gave the same room as the worker's writing it down"
    assert now.used == used, figures
    assert events is not None
    assert events[1] == used
    assert seconds < 10


async def overdue_only(url: str) -> bool:
    """Whether no hold is left whose time is not up."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM subscriptions.holds WHERE status = 'held' AND expires_at > now()"
        ).fetchone()
    return row == (0,)


@pytest.mark.slow
async def test_kill_9_in_the_middle_of_a_hold_leaves_neither_hold_nor_lock(
    real_time: Runtime, database_url: str
) -> None:
    customer = await free_customer(real_time)
    process = await start(database_url, customer, "dying", commits="never")
    await lines(process, 1)
    await kill(process)
    begun = monotonic()
    made = await take(real_time, customer.id, "next", Decimal(INCLUDED))
    assert made is not None
    assert made.remaining == 0
    assert monotonic() - begun < 8
