"""Work whose rows are a table of its owner: in order of time with the jobs, shared by workers, never in the way.

Method: a backlog of texts in a table of the test; performing one leaves it among the effects.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from autorisen.kit.clock import FrozenClock
from autorisen.kit.database import Tx
from autorisen.kit.settings import Settings
from autorisen.kit.unit import Runtime, Unit
from autorisen.kit.work import Backlog, Fact, Job, Registry, Worker, enqueue, enqueue_many, record_many, store

TABLES = """
CREATE TABLE public.waiting (what text, due_at timestamptz);
CREATE TABLE public.effects (place serial, what text)
"""
NEXT = "SELECT min(due_at) FROM public.waiting WHERE due_at > coalesce(%s, '-infinity'::timestamptz)"
TAKE = """
DELETE FROM public.waiting WHERE ctid = (
    SELECT ctid FROM public.waiting WHERE due_at <= %s ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING what
"""


async def next_due(tx: Tx, settings: Settings, after: datetime | None) -> datetime | None:
    row = await (await tx.execute(NEXT, (after,))).fetchone()
    return None if row is None else row[0]


async def perform(runtime: Runtime) -> int:
    async with runtime.unit() as unit:
        taken = await (await unit.tx.execute(TAKE, (unit.now,))).fetchall()
        for (what,) in taken:
            await leave(unit, {"what": what})
    return len(taken)


async def leave(unit: Unit, payload: dict[str, Any]) -> None:
    await unit.tx.execute("INSERT INTO public.effects (what) VALUES (%s)", (payload["what"],))


@dataclass(frozen=True)
class LeafFell(Fact):
    number: int


@dataclass(frozen=True)
class NobodyCared(Fact):
    number: int


async def sweep(unit: Unit, fact: LeafFell) -> None:
    await leave(unit, {"what": f"swept {fact.number}"})


REGISTRY = Registry(
    (Job("effect", leave),),
    {LeafFell: (sweep,), NobodyCared: ()},
    (),
    (Backlog("waiting", next_due, perform),),
)


@dataclass
class Wall:
    runtime: Runtime
    worker: Worker = field(init=False)

    def __post_init__(self) -> None:
        self.worker = Worker(self.runtime, REGISTRY)

    async def wait(self, what: str, due_at: datetime) -> None:
        async with self.runtime.unit() as unit:
            await unit.tx.execute("INSERT INTO public.waiting VALUES (%s, %s)", (what, due_at))

    async def effects(self) -> list[str]:
        async with self.runtime.database.read() as tx:
            found = await (await tx.execute("SELECT what FROM public.effects ORDER BY place")).fetchall()
        return [what for (what,) in found]


@pytest.fixture
async def wall(runtime: Runtime) -> Wall:
    async with runtime.unit() as unit:
        await unit.tx.execute(TABLES)
    return Wall(runtime)


async def test_jobs_and_rows_of_a_backlog_are_performed_in_the_order_of_time(wall: Wall, clock: FrozenClock) -> None:
    now = clock.now()
    async with wall.runtime.unit() as unit:
        for minute in (1, 3):
            await enqueue(unit, "effect", {"what": f"job {minute}"}, due_at=now + timedelta(minutes=minute))
    for minute in (0, 2, 4):
        await wall.wait(f"row {minute}", now + timedelta(minutes=minute))
    clock.advance(timedelta(minutes=4))
    assert await wall.worker.is_work_due()
    assert await wall.worker.drain() == 5
    assert await wall.effects() == ["row 0", "job 1", "row 2", "job 3", "row 4"]
    assert not await wall.worker.is_work_due()


async def test_the_clock_stops_where_a_row_falls_due(wall: Wall, clock: FrozenClock) -> None:
    due_at = clock.now() + timedelta(minutes=7)
    await wall.wait("later", due_at)
    assert await wall.worker.drain() == 0
    assert await wall.worker.next_due() == due_at
    assert not await wall.worker.is_work_due()
    clock.set(due_at)
    assert await wall.worker.next_due() is None
    assert await wall.worker.drain() == 1


async def test_rows_that_another_holds_keep_no_job_waiting(wall: Wall, clock: FrozenClock) -> None:
    await wall.wait("held", clock.now() - timedelta(days=1))
    async with wall.runtime.unit() as unit:
        await enqueue(unit, "effect", {"what": "job"})
    async with wall.runtime.unit() as other:
        assert await (await other.tx.execute(TAKE, (other.now,))).fetchall() == [("held",)]
        assert await wall.worker.drain() == 1
    assert await wall.effects() == ["job"]


async def test_many_workers_take_each_row_once(wall: Wall, clock: FrozenClock) -> None:
    for number in range(20):
        await wall.wait(str(number), clock.now())
    assert sum(await asyncio.gather(*(Worker(wall.runtime, REGISTRY).drain() for _ in range(4)))) == 20
    assert sorted(await wall.effects(), key=int) == [str(number) for number in range(20)]


async def test_many_facts_are_one_job_and_are_handled_one_by_one(wall: Wall) -> None:
    async with wall.runtime.unit() as unit:
        await record_many(unit, [LeafFell(1), NobodyCared(2), LeafFell(3)])
        await record_many(unit, [])
        await enqueue_many(unit, "effect", [])
        assert len(await store.list_jobs(unit.tx, state="waiting")) == 1
        assert [each.name for each in await store.recent_facts(unit.tx)] == ["LeafFell", "NobodyCared", "LeafFell"]
    assert await wall.worker.drain() == 3
    assert await wall.effects() == ["swept 1", "swept 3"]
