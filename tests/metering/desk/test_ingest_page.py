"""What the operator sees of ingest: rates, lag, sources, and what waits for a person, each with what settles it."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from html import unescape
from typing import Any

import psycopg
import pytest
from fastapi import FastAPI

from autorisen.accounts import audit_log
from autorisen.kit.clock import FrozenClock
from autorisen.kit.problems import Unavailable
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from autorisen.metering import Aggregation, MeterDefinition, apply_meters, load_meters
from autorisen.metering.arrivals.model import meter_text
from autorisen.metering.ingest_queue import IngestQueue
from tests.factories.accounts import make_customer, sign_in
from tests.factories.metering import METERS, llm_event, send, usage
from tests.metering.desk.conftest import OPERATOR, Desks

STATEMENTS_MAX = 20


def words(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


async def show(desks: Desks) -> str:
    answer = await desks.operator.get("/console/ingest")
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_it_is_for_operators(desks: Desks) -> None:
    for path in ("/console/ingest", "/console/ingest/customer?subject=x"):
        assert (await desks.acme.get(path)).status_code == 403
        assert (await desks.program.get(path)).headers["location"].startswith("/login")
    for path in ("claim", "customer"):
        assert (await desks.acme.post(f"/console/ingest/{path}", data={"subject": "x"})).status_code == 403


async def test_an_empty_house_teaches(desks: Desks) -> None:
    page = await show(desks)
    for expected in ("No batch has arrived yet", "Nothing waits", "Nothing in the last day", "No source yet"):
        assert expected in page
    assert "None" not in words(page)


async def test_rates_are_of_the_last_hour_and_day(desks: Desks, clock: FrozenClock) -> None:
    headers = desks.tenants["acme"].headers
    await send(desks.program, headers, [llm_event("old")])
    clock.advance(timedelta(hours=20))
    await send(desks.program, headers, [llm_event(f"a{n}") for n in range(72)])
    await send(desks.program, headers, [llm_event("a1"), llm_event("a2", tokens=11), llm_event("bad", time="never")])
    clock.advance(timedelta(minutes=59))
    await sign_in(desks.operator, desks.runtime, OPERATOR)
    text = words(await show(desks))
    assert "The last hour 0,02 72 1 1 1 2" in text
    assert "The last day 0,0 73 1 1 1 3" in text
    assert "The last batch arrived 59 minutes ago" in text or "1 hour ago" in text
    clock.advance(timedelta(days=2))
    await sign_in(desks.operator, desks.runtime, OPERATOR)
    assert "Nothing in the last day" in await show(desks)


async def test_lag_is_from_use_to_arrival(desks: Desks) -> None:
    headers = desks.tenants["acme"].headers
    now = desks.runtime.clock.now()
    after = {"a": -60, "b": 30, "c": 40, "d": 2 * 3600, "e": 3 * 86400}
    events = [llm_event(id, time=(now - timedelta(seconds=lag)).isoformat()) for id, lag in after.items()]
    await send(desks.program, headers, [*events, llm_event("untimed", time=None)])
    text = words(await show(desks))
    assert "Half of them within 40 seconds" in text
    assert "The longest 3 days" in text
    assert "Later than an hour 2 of 5" in text
    assert "Later than a day 1" in text
    assert "From the future 1" in text
    assert "a producer's clock is wrong" in text
    assert "a line on the next invoice" in text


async def test_sources_are_seen_and_missed(desks: Desks, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch) -> None:
    await send(desks.program, desks.operator_key, [llm_event("1", source="old & gone")])
    clock.advance(timedelta(minutes=10))
    await send(desks.program, desks.tenants["acme"].headers, [llm_event(f"{n}", source="chat") for n in range(3)])
    text = words(await show(desks))
    assert "chat Acme 3 just now" in text
    assert "old & gone an operator's key 1 10 minutes ago" in text
    monkeypatch.setattr("autorisen.metering.desk.ingest_page.NEWEST_EVENTS", 2)
    text = words(await show(desks))
    assert "Of the 3 newest events, since" in text, "a batch is looked at as a whole"
    assert "old & gone an operator's key 0 before that" in text


async def test_unknown_customers_are_made_and_their_events_count(desks: Desks, worker: Worker) -> None:
    await send(desks.program, desks.operator_key, [llm_event(f"n{n}", subject="nova-labs") for n in range(3)])
    page = await show(desks)
    assert "Unknown customer 3 Make the customer, or void what was a mistake" in words(page)
    assert 'href="/console/ingest/customer?subject=nova-labs"' in page
    form = (await desks.operator.get("/console/ingest/customer?subject=nova-labs")).text
    assert "3 events wait for a customer of this key" in words(form)
    refused = await desks.operator.post(
        "/console/ingest/customer", data={"subject": "nova-labs", "name": "<b>", "email": "?"}
    )
    assert refused.status_code == 422
    assert "&lt;b&gt;" in refused.text
    assert "email" in refused.text
    made = await desks.operator.post(
        "/console/ingest/customer", data={"subject": "nova-labs", "name": "Nova Labs", "email": "pay@nova.example"}
    )
    assert made.status_code == 303
    await worker.drain()
    text = words(await show(desks))
    assert "Nothing waits" in text
    found = await usage(desks.program, desks.operator_key, customer="nova-labs")
    assert found["llm.input_tokens"] == ("30", 3)
    again = await desks.operator.get("/console/ingest/customer?subject=nova-labs")
    assert again.headers["location"] == "/console/ingest"


async def test_what_waits_is_claimed_at_once(desks: Desks) -> None:
    await send(desks.program, desks.operator_key, [llm_event("n", subject="nova")])
    assert (await desks.operator.post("/console/ingest/claim")).status_code == 303
    assert "None of them has a customer yet." in await show(desks)
    async with desks.runtime.unit() as unit:
        await make_customer(unit, key="nova")  # and no worker runs that would hear of it
    assert (await desks.operator.post("/console/ingest/claim")).status_code == 303
    assert "1 found their customer." in await show(desks)


async def test_unmetered_types_come_with_a_meter_to_begin_from(desks: Desks) -> None:
    await send(desks.program, desks.tenants["acme"].headers, [llm_event("i", type='image "fast".Render-1')])
    page = await show(desks)
    assert "Unmetered 1 Add a meter of their type" in words(page)
    text = unescape(re.findall(r'id="meter-1">([^<]*)<', page)[0])
    (meter,) = load_meters(tomllib.loads(text)["meter"])
    assert meter.event_type == 'image "fast".Render-1'
    async with desks.runtime.unit() as unit:
        await apply_meters(unit, [*METERS, meter])
    assert "Nothing waits" in await show(desks)
    assert (await usage(desks.program, desks.tenants["acme"].headers))[meter.key] == ("1", 1)


@pytest.mark.parametrize("type", ["a", "9.lives", "..", "Ünï.code", "x" * 256, "_.-", "a..b"])
def test_any_type_has_a_meter_to_begin_from(type: str) -> None:
    (meter,) = load_meters(tomllib.loads(meter_text(type))["meter"])
    assert meter == MeterDefinition(meter.key, type, "events", type, Aggregation.COUNT)


async def test_rejected_ones_are_counted_by_rule_and_conflicts_shown(desks: Desks) -> None:
    headers = desks.tenants["acme"].headers
    await send(desks.program, headers, [llm_event("x", time="never"), llm_event("c"), llm_event("c", tokens=11)])
    page = await show(desks)
    text = words(page)
    assert "Rejected 1 Mend and replay, or discard" in text
    assert "Conflicts 1 Keep the first one, or take the later one" in text
    assert "/time must be" in text
    overview = words((await desks.operator.get("/console")).text)
    assert "1 event rejected: mend and replay" in overview
    assert "1 event in conflict: keep the first one, or take the later one" in overview
    await send(
        desks.program, desks.operator_key, [llm_event("n", subject="nobody", type="odd"), llm_event("o", type="odd")]
    )
    overview = words((await desks.operator.get("/console")).text)
    assert "1 event of unknown customers: make the customer" in overview
    assert "2 events without a meter: meter their type" in overview
    health = (await desks.operator.get("/console/health")).text
    assert "/console/ingest#unknown" in health
    assert "/console/ingest#unmetered" in health


async def test_pressure_is_that_of_the_process(desks: Desks, app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = app.state.ingest_queue = IngestQueue(desks.runtime)
    monkeypatch.setattr("autorisen.metering.ingest_queue.WAITING_EVENTS_MAX", 0)
    with pytest.raises(Unavailable):
        queue.check_room()
    with queue.memory.held() as held:
        held.take(64_000_000)
        with pytest.raises(Unavailable):
            held.take(64_000_001)
        text = words(await show(desks))
    assert "Bytes of bodies in memory 64 000 000 of 128 000 000" in text
    assert "Put off with 503 since it started 2" in text
    assert queue.pressure.bytes_held == 0


async def test_backfills_and_rebuilds_show_how_far_they_are(desks: Desks) -> None:
    async with desks.runtime.unit() as unit:
        await unit.tx.execute(
            "INSERT INTO metering.backfills (id, tag, actor, file_name, file_digest, digest, options, state, rows,"
            " next_row, accepted, started_at) VALUES (gen_random_uuid(), 'march <1>', 'tests', 'f.csv', 'a', 'b', '{}',"
            " 'running', 1000, 400, 400, now())"
        )
        await send(desks.program, desks.tenants["acme"].headers, [llm_event("a")])
    async with desks.runtime.unit() as unit:
        more = MeterDefinition("runs", "Runs", "runs", "llm.completion", Aggregation.COUNT)
        await apply_meters(unit, [*METERS, more], at_once_bytes=0)
    text = words(await show(desks))
    assert "march <1> Running 400 of 1 000 rows" in text
    assert "Meter Runs Running 0 of about" in text


async def test_the_page_asks_the_database_so_often(desks: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
    await send(desks.program, desks.tenants["acme"].headers, [llm_event("a"), llm_event("b", type="odd")])
    asked: list[object] = []
    execute = psycopg.AsyncCursor.execute

    async def count(self: Any, query: Any, *values: Any, **options: Any) -> Any:
        asked.append(query)
        return await execute(self, query, *values, **options)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", count)
    await show(desks)
    assert 10 < len(asked) <= STATEMENTS_MAX


async def test_an_event_is_voided_and_says_so(desks: Desks, runtime: Runtime) -> None:
    headers = desks.tenants["acme"].headers
    await send(desks.program, headers, [llm_event("v", tokens=10)])
    page = (await desks.operator.get("/console/events")).text
    address = unescape(re.findall(r'class="row-link mono" href="([^"]*)"', page)[0])
    event = (await desks.operator.get(address)).text
    form = dict(re.findall(r'<input type="hidden" name="(source|id|by)" value="([^"]*)"', event))
    assert form.keys() == {"source", "id", "by"}
    assert "Void it" not in (await desks.acme.get(address.replace("/console", "/app"))).text
    refused = await desks.operator.post("/console/events/event/void", data=form | {"reason": ""})
    assert refused.status_code == 422
    assert "must say why" in refused.text
    assert (await desks.acme.post("/console/events/event/void", data=form | {"reason": "x"})).status_code == 403
    done = await desks.operator.post("/console/events/event/void", data=form | {"reason": "a test <run>"})
    assert done.status_code == 303
    assert (await usage(desks.program, headers))["llm.input_tokens"] == ("0", 0)
    for base, browser in (("/console", desks.operator), ("/app", desks.acme)):
        text = words((await browser.get(address.replace("/console", base))).text)
        assert "It counts no more a test <run>" in text
        assert "Nothing It was voided." in text
        assert "Voided" in text
    odd = await desks.operator.post("/console/events/event/void", data=form | {"by": "nobody", "reason": "x"})
    assert odd.status_code == 404
    async with runtime.database.read() as tx:
        assert "events.corrected" in {entry.action for entry in await audit_log(tx)}
