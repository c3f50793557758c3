"""Work on real PostgreSQL: exactly one effect, retries, dead letters, leases with fencing, facts, the schedule.

Method: jobs whose effect is a row in a table of the test; whatever happens around them, the rows are counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from autorisen.kit.clock import FrozenClock
from autorisen.kit.database import Database
from autorisen.kit.embedded_postgres import EmbeddedPostgres
from autorisen.kit.migrate import migrate
from autorisen.kit.unit import Runtime, Unit
from autorisen.kit.work import Fact, Job, Lease, LeaseLost, Recurring, Registry, Retry, Worker, enqueue, record, store

EFFECT = "INSERT INTO public.effects (what) VALUES (%(what)s)"
COUNT = "SELECT what, count(*) FROM public.effects GROUP BY what ORDER BY what"


@pytest.fixture(autouse=True)
async def effects(runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        await unit.tx.execute("CREATE TABLE public.effects (what text NOT NULL)")


async def effects_of(runtime: Runtime) -> dict[str, int]:
    async with runtime.unit() as unit:
        return dict(await (await unit.tx.execute(COUNT)).fetchall())


async def leave_an_effect(unit: Unit, payload: dict[str, Any]) -> None:
    await unit.tx.execute(EFFECT, {"what": payload["what"]})


async def leave_an_effect_then_fail(unit: Unit, payload: dict[str, Any]) -> None:
    await leave_an_effect(unit, payload)
    raise ValueError(f"no luck with {payload['what']}")


async def lease_an_effect(lease: Lease, payload: dict[str, Any]) -> None:
    async with lease.finish() as unit:
        await leave_an_effect(unit, payload)


@dataclass(frozen=True)
class PaintDried(Fact):
    wall_id: UUID
    coats: int


async def admire(unit: Unit, fact: PaintDried) -> None:
    assert isinstance(fact.wall_id, UUID)
    await unit.tx.execute(EFFECT, {"what": f"admired {fact.coats}"})


async def invoice(unit: Unit, fact: PaintDried) -> None:
    await unit.tx.execute(EFFECT, {"what": "invoiced"})


REGISTRY = Registry(
    jobs=(
        Job("effect", leave_an_effect),
        Job("fail", leave_an_effect_then_fail, retry=Retry(attempts=3, base=timedelta(seconds=10))),
        Job("leased", lease_an_effect, mode="leased"),
    ),
    facts={PaintDried: (admire, invoice)},
    schedule=(Recurring("nightly", "effect", timedelta(days=1), timedelta(hours=2)),),
)
QUIET = replace(REGISTRY, schedule=())


async def test_a_job_exists_only_if_its_cause_commits(runtime: Runtime) -> None:
    async def change_my_mind() -> None:
        async with runtime.unit() as unit:
            await enqueue(unit, "effect", {"what": "never"})
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        await change_my_mind()
    assert await Worker(runtime, QUIET).drain() == 0
    assert await effects_of(runtime) == {}


async def test_jobs_run_in_order_of_their_due_time_and_not_before(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        await enqueue(unit, "effect", {"what": "later"}, due_at=unit.now + timedelta(hours=1))
        await enqueue(unit, "effect", {"what": "now"})
    worker = Worker(runtime, QUIET)
    assert await worker.drain() == 1
    assert await worker.next_due() == clock.now() + timedelta(hours=1)
    clock.advance(timedelta(hours=1))
    assert await worker.drain() == 1
    assert await effects_of(runtime) == {"now": 1, "later": 1}
    assert await worker.next_due() is None


async def test_a_key_keeps_a_second_waiting_job_out_and_no_later_one(runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        assert await enqueue(unit, "effect", {"what": "once"}, key="k")
        assert not await enqueue(unit, "effect", {"what": "twice"}, key="k")
    await Worker(runtime, QUIET).drain()
    async with runtime.unit() as unit:
        assert await enqueue(unit, "effect", {"what": "again"}, key="k")
    await Worker(runtime, QUIET).drain()
    assert await effects_of(runtime) == {"once": 1, "again": 1}


async def test_a_failing_job_leaves_nothing_is_retried_and_ends_dead_with_its_reason(
    runtime: Runtime, clock: FrozenClock
) -> None:
    async with runtime.unit() as unit:
        await enqueue(unit, "fail", {"what": "half"})
    worker = Worker(runtime, QUIET)
    for _ in range(5):
        await worker.drain()
        clock.advance(timedelta(hours=2))
    assert await effects_of(runtime) == {}
    async with runtime.unit() as unit:
        (dead,) = await store.list_jobs(unit.tx, state="dead")
        assert dead.attempts == 3
        assert dead.last_error == "ValueError: no luck with half"
        state = await store.queue_state(unit.tx, unit.now)
        assert (state.due, state.dead, state.retrying) == (0, 1, 0)
        assert await store.replay(unit.tx, dead.id, unit.now)
        assert not await store.replay(unit.tx, dead.id, unit.now)
    assert await worker.drain() == 1


async def test_a_dead_job_stays_dead_while_another_with_its_key_waits(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        await enqueue(unit, "fail", {"what": "first"}, key="k")
    worker = Worker(runtime, QUIET)
    for _ in range(3):
        await worker.drain()
        clock.advance(timedelta(hours=2))
    async with runtime.unit() as unit:
        (dead,) = await store.list_jobs(unit.tx, state="dead")
        assert await enqueue(unit, "effect", {"what": "second"}, key="k")
        assert not await store.replay(unit.tx, dead.id, unit.now)
    await worker.drain()
    async with runtime.unit() as unit:
        assert await store.replay(unit.tx, dead.id, unit.now)


async def test_every_handler_of_a_fact_runs_once(runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        await record(unit, PaintDried(wall_id=unit.ids.new(), coats=2))
    await Worker(runtime, QUIET).drain()
    assert await effects_of(runtime) == {"admired 2": 1, "invoiced": 1}
    async with runtime.unit() as unit:
        (fact,) = await store.recent_facts(unit.tx)
        assert (fact.name, fact.payload["coats"]) == ("PaintDried", 2)


async def test_facts_are_append_only(runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        await record(unit, PaintDried(wall_id=unit.ids.new(), coats=1))
    for attempt in ("UPDATE kit.facts SET name = 'x'", "DELETE FROM kit.facts", "TRUNCATE kit.facts"):
        with pytest.raises(psycopg.errors.RestrictViolation):
            async with runtime.unit() as unit:
                await unit.tx.execute(attempt)


async def test_work_of_another_release_never_dies(runtime: Runtime, clock: FrozenClock) -> None:
    """Goal: a rolling deploy loses nothing. Method: an old worker meets new work far more often than a job may fail."""
    attempts = Retry().attempts + 5
    async with runtime.unit() as unit:
        await enqueue(unit, "from.the.future")
    for _ in range(attempts):
        await Worker(runtime, QUIET).drain()
        clock.advance(timedelta(hours=2))
    async with runtime.unit() as unit:
        (row,) = await store.list_jobs(unit.tx, state="waiting")
        assert row.attempts == attempts
        assert "no job 'from.the.future' is registered" in (row.last_error or "")


async def test_two_workers_perform_each_job_once(runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        for number in range(200):
            await enqueue(unit, "leased" if number % 2 else "effect", {"what": str(number)})
    counts = await asyncio.gather(*(Worker(runtime, QUIET).drain() for _ in range(4)))
    assert sum(counts) == 200
    assert await effects_of(runtime) == {str(number): 1 for number in range(200)}


async def test_a_zombie_that_lost_its_lease_can_finish_nothing(runtime: Runtime) -> None:
    """Goal: fencing. Method: let a lease run out, let another worker finish, then let the first one try."""
    caught: list[str] = []
    release, entered = asyncio.Event(), asyncio.Event()

    async def sleep_in_the_middle(lease: Lease, payload: dict[str, Any]) -> None:
        entered.set()
        await release.wait()
        try:
            async with lease.finish() as unit:
                await leave_an_effect(unit, {"what": "zombie"})
        except LeaseLost:
            caught.append("fenced")
            raise

    sleepy = replace(QUIET, jobs=(Job("leased", sleep_in_the_middle, mode="leased", lease=timedelta(days=1)),))
    async with runtime.unit() as unit:
        await enqueue(unit, "leased", {"what": "healthy"})
    zombie = asyncio.create_task(Worker(runtime, sleepy).drain())
    await entered.wait()
    assert await Worker(runtime, QUIET).drain() == 0, "the lease holds others off"
    async with runtime.unit() as unit:
        await unit.tx.execute("UPDATE kit.jobs SET lease_until = clock_timestamp() - interval '1 s'")
    assert await Worker(runtime, QUIET).drain() == 1
    release.set()
    await zombie
    assert caught == ["fenced"]
    assert await effects_of(runtime) == {"healthy": 1}


async def test_a_lease_that_always_runs_out_ends_dead(runtime: Runtime) -> None:
    """A job that kills its worker each time must not do so for ever."""
    async with runtime.unit() as unit:
        await enqueue(unit, "leased", {"what": "deadly"})
        await unit.tx.execute("UPDATE kit.jobs SET attempts = 20, lease_until = clock_timestamp() - interval '1 s'")
    await Worker(runtime, QUIET).drain()
    async with runtime.unit() as unit:
        (dead,) = await store.list_jobs(unit.tx, state="dead")
    assert "lease ran out" in (dead.last_error or "")
    assert await effects_of(runtime) == {}


async def test_a_leased_job_that_forgets_to_finish_or_fails_is_retried(runtime: Runtime) -> None:
    async def forget(lease: Lease, payload: dict[str, Any]) -> None:
        await lease.heartbeat()

    async with runtime.unit() as unit:
        await enqueue(unit, "leased", {"what": "x"})
    await Worker(runtime, replace(QUIET, jobs=(Job("leased", forget, mode="leased"),))).drain()
    async with runtime.unit() as unit:
        (row,) = await store.list_jobs(unit.tx, state="waiting")
    assert "without lease.finish()" in (row.last_error or "")
    assert row.due_at > runtime.clock.now()


async def test_a_heartbeat_keeps_a_short_lease_alive(runtime: Runtime) -> None:
    seen: list[int] = []

    async def take_longer_than_the_lease(lease: Lease, payload: dict[str, Any]) -> None:
        await asyncio.sleep(0.8)
        async with lease.finish() as unit:
            seen.append(lease.fence)
            await leave_an_effect(unit, payload)

    job = Job("leased", take_longer_than_the_lease, mode="leased", lease=timedelta(milliseconds=300))
    async with runtime.unit() as unit:
        await enqueue(unit, "leased", {"what": "long"})
    slow = asyncio.create_task(Worker(runtime, replace(QUIET, jobs=(job,))).drain())
    await asyncio.sleep(0.5)
    assert await Worker(runtime, QUIET).drain() == 0
    await slow
    assert seen == [1]
    assert await effects_of(runtime) == {"long": 1}


async def test_a_recurring_task_starts_once_per_due_time_however_many_workers(
    runtime: Runtime, clock: FrozenClock
) -> None:
    async def note(unit: Unit, payload: dict[str, Any]) -> None:
        await leave_an_effect(unit, {"what": payload["due_at"]})

    nightly = Registry((Job("effect", note),), {}, REGISTRY.schedule)
    workers = [Worker(runtime, nightly) for _ in range(3)]
    await asyncio.gather(*(worker.tick() for worker in workers))
    await workers[0].drain()
    clock.advance(timedelta(days=3))
    await asyncio.gather(*(worker.drain() for worker in workers))
    assert await effects_of(runtime) == {"2026-03-01T02:00:00Z": 1, "2026-03-04T02:00:00Z": 1}
    assert await workers[0].next_due() == clock.now().replace(hour=2) + timedelta(days=1)


@pytest.fixture
async def other_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedPostgres]:
    folder = tmp_path_factory.mktemp("own-server")
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)
    server = EmbeddedPostgres(folder / "pg")
    server.start()
    yield server
    server.stop("immediate")


async def test_a_running_worker_survives_a_database_restart(other_server: EmbeddedPostgres, runtime: Runtime) -> None:
    """Goal: no process needs a restart. Method: kill the server under a running worker, start it, give it work."""
    migrate(other_server.url(), "0001_kit")
    own = replace(runtime, database=Database(other_server.url(), max_size=4, wait_seconds=1))
    await own.database.open()
    async with own.unit() as unit:
        await unit.tx.execute("CREATE TABLE public.effects (what text NOT NULL)")
    stop = asyncio.Event()
    running = asyncio.create_task(Worker(own, QUIET).run(stop))
    other_server.kill()
    assert not await own.database.is_reachable()
    await asyncio.sleep(1)
    await asyncio.to_thread(other_server.start)
    deadline = asyncio.get_running_loop().time() + 20
    while not await own.database.is_reachable():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.2)
    async with own.unit() as unit:
        await enqueue(unit, "effect", {"what": "after the restart"})
    while await effects_of(own) != {"after the restart": 1}:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.1)
    stop.set()
    await running
    await own.database.close()
