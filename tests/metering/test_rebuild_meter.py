"""A meter is counted in the background, misses nothing that changes meanwhile, and is seen only when it is whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest

from autorisen import accounts, metering
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Registry, Worker
from autorisen.metering import Aggregation, Correction, MeterDefinition, new_event
from autorisen.metering.model import OPERATOR
from autorisen.metering.rebuild_meter import count_step
from tests.factories.accounts import make_customer
from tests.factories.metering import llm_event

YEAR = {"start": datetime(2026, 1, 1, tzinfo=UTC), "end": datetime(2027, 1, 1, tzinfo=UTC)}
WORK = Registry(metering.JOBS, {accounts.CustomerCreated: (metering.on_customer_created,)}, ())
CALLS = MeterDefinition("calls", "Calls", "calls", "llm.completion", Aggregation.COUNT)
TOKENS = MeterDefinition("tokens", "Tokens", "tokens", "llm.completion", Aggregation.SUM, ("input_tokens",))


@pytest.fixture
async def acme(runtime: Runtime) -> UUID:
    """A customer with ten events of 1 to 10 tokens, one an hour."""
    async with runtime.unit() as unit:
        customer_id = (await make_customer(unit, key="acme")).id
    await take(runtime, *(event(hour, hour + 1) for hour in range(10)))
    return customer_id


def event(hour: int, tokens: int, id: str | None = None, subject: str = "acme") -> dict[str, object]:
    name = id or f"e{hour}"
    return llm_event(name, tokens=tokens, subject=subject, time=f"2026-03-01T{hour:02}:15:00Z", source="tests")


async def take(runtime: Runtime, *raw: dict[str, object]) -> None:
    async with runtime.unit() as unit:
        receipt = await metering.ingest(unit, None, [new_event(each) for each in raw])
    assert receipt.accepted == len(raw)


async def apply(runtime: Runtime, *meters: MeterDefinition) -> str:
    """Begin to count in the background; gives the series."""
    async with runtime.unit() as unit:
        await metering.apply_meters(unit, list(meters), at_once_bytes=0)
    return (await building(runtime))[-1].meter.series


async def building(runtime: Runtime) -> list[metering.Rebuild]:
    async with runtime.database.read() as tx:
        return await metering.rebuilds(tx)


async def used(runtime: Runtime, customer_id: UUID, meter: str) -> tuple[Decimal, int]:
    async with runtime.database.read() as tx:
        found = await metering.quantity(tx, customer_id=customer_id, meter=meter, **YEAR)
    return found.quantity, found.events


async def correct(runtime: Runtime, id: str, amended: dict[str, object] | None = None) -> None:
    content = new_event(amended) if amended else None
    made = Correction(OPERATOR, "tests", id, "amend" if content else "void", "wrong", content)
    async with runtime.unit() as unit:
        await metering.correct_events(unit, actor="tests", corrections=[made])


async def test_nobody_sees_half_a_result(runtime: Runtime, acme: UUID) -> None:
    """Goal: a new meter is not there, and a changed one counts as before, until all events are counted."""
    series = await apply(runtime, TOKENS)
    for done in (3, 6, 9, 10):
        assert await used(runtime, acme, "tokens") == (Decimal(0), 0)
        assert await count_step(runtime, series, events_a_step=4 if done < 10 else 100)
        (state,) = await building(runtime)
        assert state.events_done == done
    await Worker(runtime, WORK).drain()
    assert await building(runtime) == []
    assert await used(runtime, acme, "tokens") == (Decimal(55), 10)
    other = await apply(runtime, replace(TOKENS, aggregation=Aggregation.MAX))
    await count_step(runtime, other)
    assert await used(runtime, acme, "tokens") == (Decimal(55), 10)
    await Worker(runtime, WORK).drain()
    assert await used(runtime, acme, "tokens") == (Decimal(10), 10)


@pytest.mark.parametrize("kind", Aggregation)
async def test_what_changes_behind_the_cursor_is_counted_again(runtime: Runtime, acme: UUID, kind: Aggregation) -> None:
    """Goal: events, claims, voids and amendments of hours that were counted already are in the result, once."""
    meter = MeterDefinition("m", "M", "u", "llm.completion", kind, () if kind == "count" else ("input_tokens",))
    await take(runtime, event(2, 70, "waits", subject="newco"))
    series = await apply(runtime, meter)
    assert await count_step(runtime, series, events_a_step=100)
    await take(runtime, event(1, 500, "late"))
    await correct(runtime, "e9")
    await correct(runtime, "e3", event(23, 400, "e3"))
    async with runtime.unit() as unit:
        newco = (await make_customer(unit, key="newco")).id
    await Worker(runtime, WORK).drain()
    background = [await used(runtime, customer_id, "m") for customer_id in (acme, newco)]
    # The same meter counted at once, with nobody about.
    async with runtime.unit() as unit:
        await metering.apply_meters(unit, [meter, replace(meter, key="n")])
    assert background == [await used(runtime, customer_id, "n") for customer_id in (acme, newco)]
    assert [events for _, events in background] == [10, 1]


async def test_amended_hours_are_counted_where_no_event_came(runtime: Runtime, acme: UUID) -> None:
    """Goal: an event that was amended into an hour of its own, before the rebuild began, is not missed."""
    await correct(runtime, "e0", event(23, 100, "e0"))
    await apply(runtime, TOKENS)
    await Worker(runtime, WORK).drain()
    assert await used(runtime, acme, "tokens") == (Decimal(154), 10)


async def test_a_meter_defined_anew_is_counted_anew(runtime: Runtime, acme: UUID) -> None:
    """Goal: the rebuild of what nobody wants any more ends, and leaves nothing behind."""
    series = await apply(runtime, TOKENS)
    await count_step(runtime, series)
    second = await apply(runtime, replace(TOKENS, aggregation=Aggregation.MAX))
    assert second != series
    await Worker(runtime, WORK).drain()
    assert await used(runtime, acme, "tokens") == (Decimal(10), 10)


async def test_a_meter_removed_while_it_is_counted_is_gone(runtime: Runtime, acme: UUID, database_url: str) -> None:
    await apply(runtime, CALLS)
    async with runtime.unit() as unit:
        changes = await metering.apply_meters(unit, [])
    assert [change.kind for change in changes] == ["remove"]
    await Worker(runtime, WORK).drain()
    async with runtime.database.read() as tx:
        assert await metering.meters(tx) == []
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM metering.rollups").fetchone() == (0,)


async def test_renaming_does_not_begin_again(runtime: Runtime, acme: UUID) -> None:
    series = await apply(runtime, TOKENS)
    await count_step(runtime, series)
    async with runtime.unit() as unit:
        changes = await metering.apply_meters(unit, [replace(TOKENS, name="Prompt tokens")])
    assert [change.kind for change in changes] == ["relabel"]
    await Worker(runtime, WORK).drain()
    async with runtime.database.read() as tx:
        assert [meter.name for meter in await metering.meters(tx)] == ["Prompt tokens"]
    assert await used(runtime, acme, "tokens") == (Decimal(55), 10)


async def test_the_series_before_is_cleared_away(runtime: Runtime, acme: UUID, database_url: str) -> None:
    """Goal: changing a meter again and again does not fill the disk."""
    for kind in (Aggregation.UNIQUE, Aggregation.MAX, Aggregation.UNIQUE, Aggregation.SUM):
        await apply(runtime, replace(TOKENS, aggregation=kind))
        await Worker(runtime, WORK).drain()
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM metering.rollups").fetchone() == (10,)
        assert connection.execute("SELECT count(*) FROM metering.unique_values").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM metering.stale_hours").fetchone() == (0,)
