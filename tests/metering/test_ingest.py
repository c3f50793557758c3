"""Ingest on a real database under concurrency: nothing deadlocks, nothing is lost, nothing counts twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from random import Random  # noqa: TID251 -- the same shuffles every time
from uuid import UUID

import psycopg
import pytest
from psycopg import errors

from autorisen import metering
from autorisen.kit.database import Database
from autorisen.kit.problems import Unavailable
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from autorisen.metering import Aggregation, MeterChange, MeterDefinition, MeterInUse, Receipt, Submission, new_event
from autorisen.metering.ingest_queue import WAITING_EVENTS_MAX, IngestQueue
from tests.factories.accounts import make_customer
from tests.factories.metering import METERS, llm_event, make_meters

YEAR = {"start": datetime(2026, 1, 1, tzinfo=UTC), "end": datetime(2027, 1, 1, tzinfo=UTC)}


async def customer(runtime: Runtime, key: str = "acme") -> UUID:
    async with runtime.unit() as unit:
        return (await make_customer(unit, key=key)).id


async def take(runtime: Runtime, *raw: dict[str, object]) -> Receipt:
    async with runtime.unit() as unit:
        return await metering.ingest(unit, None, [new_event(each) for each in raw])


async def roll_back(runtime: Runtime, *raw: dict[str, object]) -> None:
    """Ingest in a transaction that ends before its commit."""
    with suppress(RuntimeError):
        async with runtime.unit() as unit:
            await metering.ingest(unit, None, [new_event(each) for each in raw])
            raise RuntimeError("the process dies before the commit")


async def used(runtime: Runtime, customer_id: UUID, meter: str = "llm.input_tokens") -> tuple[Decimal, int]:
    async with runtime.database.read() as tx:
        found = await metering.quantity(tx, customer_id=customer_id, meter=meter, **YEAR)
    return found.quantity, found.events


async def sweep(runtime: Runtime) -> int:
    async with runtime.unit() as unit:
        return await metering.claim_events(unit)


@pytest.mark.parametrize(
    "ids, accepted, duplicates",
    [(["a", "b"], 2, 0), (["a", "a"], 1, 1), (["known"], 0, 1), (["known", "a"], 1, 1), (["known", "known"], 0, 2)],
)
async def test_each_batch_leaves_one_row_that_says_what_its_receipt_said(
    runtime: Runtime, ids: list[str], accepted: int, duplicates: int
) -> None:
    await customer(runtime)
    await take(runtime, llm_event("known"))
    bad = llm_event("bad") | {"time": "1999-12-31T23:59:59Z"}
    receipt = await take(runtime, *(llm_event(id) for id in ids), bad)
    assert (receipt.accepted, receipt.duplicates, receipt.rejected) == (accepted, duplicates, 1)
    async with runtime.database.read() as tx:
        found = await tx.execute("SELECT accepted, duplicates, conflicts, rejected FROM metering.batches ORDER BY id")
        assert await found.fetchall() == [(1, 0, 0, 0), (accepted, duplicates, 0, 1)]


async def test_concurrent_duplicates_count_once_and_never_deadlock(runtime: Runtime) -> None:
    """Goal: eight writers send the same events in orders of their own; each event is accepted by exactly one."""
    await make_meters(runtime)
    acme = await customer(runtime)
    dice = Random(4)  # noqa: S311 -- the same shuffles every time
    events = [llm_event(f"e{n:03}", tokens=n, time=f"2026-02-0{n % 9 + 1}T00:00:00Z") for n in range(200)]

    async def writer(shuffled: list[dict[str, object]]) -> int:
        accepted = 0
        for start in range(0, len(shuffled), 40):
            accepted += (await take(runtime, *shuffled[start : start + 40])).accepted
        return accepted

    accepted = await asyncio.gather(*(writer(dice.sample(events, len(events))) for _ in range(8)))
    assert sum(accepted) == 200
    assert await used(runtime, acme) == (Decimal(sum(range(200))), 200)


async def test_a_conflict_with_an_uncommitted_event_waits_and_is_told(runtime: Runtime) -> None:
    """Goal: content is compared with what won, also when it commits while we wait for it."""
    await make_meters(runtime)
    acme = await customer(runtime)
    async with runtime.unit() as unit:
        await metering.ingest(unit, None, [new_event(llm_event("e", tokens=1))])
        second = asyncio.create_task(take(runtime, llm_event("e", tokens=2)))
        third = asyncio.create_task(take(runtime, llm_event("e", tokens=1)))
        await asyncio.sleep(0.3)
        assert not second.done()
    assert (await second).conflicts == 1
    assert (await third).duplicates == 1
    assert await used(runtime, acme) == (Decimal(1), 1)
    async with runtime.database.read() as tx:
        assert (await metering.event_counts(tx)).conflicts == 1


async def test_a_rollback_leaves_nothing(runtime: Runtime) -> None:
    await make_meters(runtime)
    acme = await customer(runtime)
    await roll_back(runtime, llm_event("e"))
    assert await used(runtime, acme) == (Decimal(0), 0)
    assert (await take(runtime, llm_event("e"))).accepted == 1


async def test_a_claim_that_misses_an_open_ingest_is_made_up_by_the_sweep(runtime: Runtime, worker: Worker) -> None:
    """Goal: an ingest that began before the customer and commits after its claim is counted, once."""
    await make_meters(runtime)
    async with runtime.unit() as unit:
        await metering.ingest(unit, None, [new_event(llm_event("e", subject="newco"))])
        newco = await customer(runtime, "newco")
        await worker.drain()
    assert await used(runtime, newco) == (Decimal(0), 0)
    assert await sweep(runtime) == 1
    assert await sweep(runtime) == 0
    assert await used(runtime, newco) == (Decimal(10), 1)


async def test_claims_at_the_same_time_count_once(runtime: Runtime, worker: Worker) -> None:
    await make_meters(runtime)
    await take(runtime, *(llm_event(f"e{n}", subject="newco") for n in range(50)))
    newco = await customer(runtime, "newco")
    more = take(runtime, *(llm_event(f"f{n}", subject="newco") for n in range(50)))
    claimed = await asyncio.gather(*(sweep(runtime) for _ in range(4)), more, worker.drain())
    await sweep(runtime)
    assert sum(each for each in claimed[:4] if isinstance(each, int)) <= 50
    assert await used(runtime, newco) == (Decimal(1000), 100)


async def test_events_without_a_meter_count_when_it_comes(runtime: Runtime) -> None:
    """Goal: a new meter counts what came before it; one that counted nothing may change, and counts anew, or go."""
    acme = await customer(runtime)
    await take(runtime, *(llm_event(f"e{n}", tokens=n) for n in range(4)))
    async with runtime.database.read() as tx:
        assert (await metering.event_counts(tx)).unmetered == 4
        (waiting,) = (await metering.ingest_health(tx, now=runtime.clock.now())).unmetered
        assert (waiting.type, waiting.events) == ("llm.completion", 4)
    await make_meters(runtime)
    assert await used(runtime, acme) == (Decimal(6), 4)
    calls = MeterDefinition("agent.execution", "Calls", "calls", "llm.completion", Aggregation.COUNT)
    async with runtime.unit() as unit:
        changes = await metering.apply_meters(unit, METERS[1:])
        assert [(change.kind, change.key) for change in changes] == [("remove", "agent.execution")]
        changes = await metering.apply_meters(unit, METERS)
        assert [(change.kind, change.key) for change in changes] == [("add", "agent.execution")]
        changes = await metering.apply_meters(unit, [calls, *METERS[1:]])
        assert [(change.kind, change.key) for change in changes] == [("recount", "agent.execution")]
    assert await used(runtime, acme, "agent.execution") == (Decimal(4), 4)


TOKENS = METERS[1]
OTHERWISE = [
    replace(TOKENS, event_type="llm.chat"),
    replace(TOKENS, aggregation=Aggregation.COUNT, value_path=()),
    replace(TOKENS, value_path=("output_tokens",)),
    replace(TOKENS, key="llm.prompt_tokens"),
]


@pytest.mark.parametrize("other", OTHERWISE)
async def test_a_priced_meter_is_never_taken_back(runtime: Runtime, other: MeterDefinition) -> None:
    """Goal: what is priced stays measured as it is; renamed is removed."""
    await make_meters(runtime)
    acme = await customer(runtime)
    await take(runtime, llm_event("e", tokens=7))
    await _refused(runtime, other, "a plan version prices it", priced=["llm.input_tokens"])
    assert await used(runtime, acme) == (Decimal(7), 1)


async def test_a_meter_that_counted_stays(runtime: Runtime) -> None:
    await make_meters(runtime)
    await customer(runtime)
    await take(runtime, llm_event("e", tokens=7))
    await _refused(runtime, replace(TOKENS, key="llm.prompt_tokens"), "usage was counted under it")


async def _refused(runtime: Runtime, other: MeterDefinition, reason: str, *, priced: Sequence[str] = ()) -> None:
    with pytest.raises(MeterInUse, match=reason) as refusal:
        async with runtime.unit() as unit:
            await metering.apply_meters(unit, [METERS[0], other, METERS[2]], priced=priced)
    assert [error.field for error in refusal.value.errors] == ["/meter/llm.input_tokens"]
    async with runtime.database.read() as tx:
        assert await metering.meters(tx) == METERS


@pytest.mark.parametrize("other, after", list(zip(OTHERWISE[:3], [(0, 0), (2, 2), (2, 2)], strict=True)))
async def test_a_meter_that_no_plan_prices_counts_anew(
    runtime: Runtime, other: MeterDefinition, after: tuple[int, int]
) -> None:
    """Goal: however it counts from now on, it counts all events of old that way, and new ones once."""
    await make_meters(runtime)
    acme = await customer(runtime)
    await take(runtime, llm_event("e", tokens=7))
    async with runtime.unit() as unit:
        changes = await metering.apply_meters(unit, [METERS[0], other, METERS[2]])
    assert [(change.kind, change.key) for change in changes] == [("recount", "llm.input_tokens")]
    await take(runtime, llm_event("f", tokens=8))
    assert await used(runtime, acme) == (Decimal(after[0]), after[1])


async def test_a_meter_in_use_may_have_another_name_and_unit(runtime: Runtime) -> None:
    await make_meters(runtime)
    acme = await customer(runtime)
    await take(runtime, llm_event("e", tokens=7))
    renamed = replace(TOKENS, name="Prompt tokens", unit="tok")
    async with runtime.unit() as unit:
        changes = await metering.apply_meters(unit, [METERS[0], renamed, METERS[2]], priced=["llm.input_tokens"])
    assert changes == [
        MeterChange("relabel", "llm.input_tokens", ("~ name: Input tokens -> Prompt tokens", "~ unit: tokens -> tok"))
    ]
    assert await used(runtime, acme) == (Decimal(7), 1)


async def test_a_meter_that_changes_during_ingest_misses_nothing(runtime: Runtime) -> None:
    """Goal: the change waits for open ingests, and ingests for it; the sum is right whoever comes first."""
    acme = await customer(runtime)

    async def writer(number: int) -> None:
        for turn in range(10):
            await take(runtime, llm_event(f"{number}-{turn}", tokens=1))

    async def changes() -> None:
        for definitions in (METERS[:1], METERS[:2], METERS):
            async with runtime.unit() as unit:
                await metering.apply_meters(unit, definitions)

    await asyncio.gather(*(writer(number) for number in range(4)), changes())
    assert await used(runtime, acme) == (Decimal(40), 40)


async def test_values_that_a_later_meter_can_not_read_are_left_out(runtime: Runtime) -> None:
    """Goal: what came before its meter is counted by the rule that would have let it in."""
    acme = await customer(runtime)
    values: list[object] = [
        1,
        Decimal("0.5"),
        "2",
        "two",
        None,
        True,
        -1,
        [1],
        {"a": 1},
        10**18,
        Decimal("1e-13"),
        10**17,
    ]
    await take(runtime, *(llm_event(f"e{n}", tokens=value) for n, value in enumerate(values)))
    await make_meters(runtime)
    assert await used(runtime, acme) == (10**17 + Decimal("3.5"), 4)


async def test_history_can_not_be_changed(runtime: Runtime, database_url: str) -> None:
    await make_meters(runtime)
    await customer(runtime)
    await take(runtime, llm_event("e"))
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in (
            "UPDATE metering.events SET data = '{}'",
            "UPDATE metering.events SET customer_id = NULL",
            "DELETE FROM metering.events",
            "TRUNCATE metering.events CASCADE",
            "UPDATE metering.batches SET accepted = 0",
        ):
            with pytest.raises(errors.RestrictViolation):
                connection.execute(statement)


async def test_rejected_events_are_kept_once(runtime: Runtime, database_url: str) -> None:
    queue = IngestQueue(runtime)
    bad = metering.Rejection("x", "/time", "must be a time", b'{"id": "x"}')
    for _ in range(3):
        assert (await queue.submit(Submission(None, [bad, bad]))).rejected == 2
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT event_id, times FROM metering.rejected_events").fetchall() == [("x", 3)]


async def test_concurrent_requests_share_commits(runtime: Runtime, database_url: str) -> None:
    await make_meters(runtime)
    acme = await customer(runtime)
    queue = IngestQueue(runtime)
    events = [new_event(llm_event(f"e{n}", tokens=1)) for n in range(100)]
    receipts = await asyncio.gather(*(queue.submit(Submission(None, [event])) for event in events * 2))
    assert sum(receipt.accepted for receipt in receipts) == 100
    assert sum(receipt.duplicates for receipt in receipts) == 100
    assert await used(runtime, acme) == (Decimal(100), 100)
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT count(*) FROM metering.batches").fetchone()
    assert row is not None
    assert row[0] < 20


async def test_a_cancelled_request_does_not_take_the_others_with_it(runtime: Runtime) -> None:
    await make_meters(runtime)
    acme = await customer(runtime)
    queue = IngestQueue(runtime)
    tasks = [
        asyncio.create_task(queue.submit(Submission(None, [new_event(llm_event(f"e{n}", tokens=1))])))
        for n in range(30)
    ]
    await asyncio.sleep(0)
    for task in tasks[::3]:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    accepted = sum(each.accepted for each in done if isinstance(each, Receipt))
    assert accepted == 20
    assert (await used(runtime, acme))[1] >= accepted


async def test_a_full_queue_says_so(runtime: Runtime) -> None:
    queue = IngestQueue(runtime)
    event = new_event(llm_event("e"))
    whole = Submission(None, [event] * WAITING_EVENTS_MAX)
    waiting = asyncio.create_task(queue.submit(whole))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as refused:
        await queue.submit(Submission(None, [event]))
    assert refused.value.headers["Retry-After"] == "1"
    assert (await waiting).accepted == 1


async def test_without_a_database_the_answer_is_503(runtime: Runtime) -> None:
    away = Database("postgresql://nobody@127.0.0.1:1/nothing", wait_seconds=0.2)
    await away.open()
    queue = IngestQueue(Runtime(**(vars(runtime) | {"database": away})))
    events = [new_event(llm_event(f"e{n}")) for n in range(3)]
    answers = await asyncio.gather(
        *(queue.submit(Submission(None, [event])) for event in events), return_exceptions=True
    )
    await away.close()
    assert all(isinstance(answer, Unavailable) for answer in answers)
