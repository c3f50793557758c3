"""OpenMeter's own Python client lists stored events, with nothing changed but address and key."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from openmeter import Client
from openmeter.models import IngestedEvent

from autorisen.kit.ids import public_id
from autorisen.kit.unit import Runtime
from tests.factories.metering import llm_event
from tests.metering.compat.conftest import House, openmeter_event

AT = datetime(2026, 3, 1, 7, 30, tzinfo=UTC)


async def test_events_are_listed_with_their_arrival(
    openmeter: Client, client: httpx.AsyncClient, runtime: Runtime, house: House
) -> None:
    await client.post("/api/events", json=llm_event("theirs", subject="zulu"), headers=house.zulu.headers)
    await client.post(
        "/api/events", json=llm_event("noted", dataschema="https://x.example"), headers=house.acme.headers
    )

    def ask() -> list[list[IngestedEvent]]:
        openmeter.events.ingest_event(openmeter_event("late", 1, time=AT + timedelta(hours=1)))
        read = openmeter.events.list
        return [
            read(),
            read(limit=1),
            read(id="not", subject="acme"),
            read(from_parameter=AT, to=AT + timedelta(hours=1)),
            read(subject="zulu"),
            read(customer_id=[public_id("cus", house.zulu.customer.id)]),
            read(ingested_at_to=AT - timedelta(days=1)),
        ]

    listed = await asyncio.to_thread(ask)
    ids = [[each.event.id for each in some] for some in listed]
    assert ids == [["late", "noted"], ["late"], ["noted"], ["noted"], [], [], []]
    late, noted = listed[0]
    assert (late.event.source, late.event.type, late.event.subject) == ("chat", "llm.completion", "acme")
    assert (late.event.time, late.event.data) == (AT + timedelta(hours=1), {"input_tokens": 1, "output_tokens": 1})
    assert (late.customer_id, late.ingested_at) == (public_id("cus", house.acme.customer.id), runtime.clock.now())
    assert noted.event["dataschema"] == "https://x.example"
    answer = await client.get("/compat/openmeter/api/v1/events?subject=zulu", headers=house.operator)
    assert [each["event"]["id"] for each in answer.json()] == ["theirs"]
    await client.post("/api/events", json=llm_event("lost", subject="nobody"), headers=house.operator)
    answer = await client.get("/compat/openmeter/api/v1/events?subject=nobody", headers=house.operator)
    assert [(each["event"]["id"], each.get("customerId")) for each in answer.json()] == [("lost", None)]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=ten", "id=%00", "from=x", "ingestedAtFrom=x"])
async def test_bad_lists_of_events_are_refused(client: httpx.AsyncClient, house: House, query: str) -> None:
    answer = await client.get(f"/compat/openmeter/api/v1/events?{query}", headers=house.acme.headers)
    assert answer.status_code == 400, answer.text


async def test_events_are_paged_and_filtered(openmeter: Client, client: httpx.AsyncClient, house: House) -> None:
    await client.post("/api/events", json=llm_event("theirs", subject="zulu"), headers=house.zulu.headers)
    sent = [
        openmeter_event(str(number), source=f"app {number % 2}", time=AT - timedelta(minutes=number))
        for number in range(5)
    ]

    def ask() -> list[list[str]]:
        openmeter.events.ingest_events(sent)

        def read(limit: int | None = None, **filters: Any) -> list[str]:
            given: Any = filters or None  # the model is no JSON for its own client
            return [each.event.id for each in openmeter.events_v2.list(limit=limit, filter=given)]

        return [
            read(),
            read(limit=2),
            read(limit=5),
            read(source={"$eq": "app 1"}),
            read(id={"$in": ["1", "2", "theirs"]}, subject={"$eq": "acme"}, type={"$eq": "llm.completion"}),
            read(customerId={"$in": [public_id("cus", house.zulu.customer.id)]}),
            read(time={"$gte": "2026-03-01T07:27:00Z", "$lt": "2026-03-01T07:30:00Z"}),
            read(time={"$gt": "2026-03-01T07:27:00Z", "$lte": "2026-03-01T07:30:00Z"}),
            read(ingestedAt={"$lt": "2026-03-01T00:00:00Z"}),
        ]

    everything = ["0", "1", "2", "3", "4"]
    assert await asyncio.to_thread(ask) == [
        everything,
        everything,
        everything,
        ["1", "3"],
        ["1", "2"],
        [],
        ["1", "2", "3"],
        ["0", "1", "2"],
        [],
    ]
    first = await client.get("/compat/openmeter/api/v2/events?limit=5", headers=house.acme.headers)
    assert (len(first.json()["items"]), "nextCursor" in first.json()) == (5, False)


@pytest.mark.parametrize(
    "query",
    [
        "cursor=x",
        "filter=[]",
        "filter={",
        'filter={"mood":{"$eq":"x"}}',
        'filter={"id":"x"}',
        'filter={"id":{"$eq":1}}',
        'filter={"id":{"$in":[]}}',
        'filter={"id":{"$in":["a",1]}}',
        'filter={"id":{"$in":"a"}}',
        'filter={"id":{"$like":"x"}}',
        'filter={"id":{"$eq":"a","$in":["b"]}}',
        'filter={"id":{"$eq":"\\u0000"}}',
        'filter={"time":"x"}',
        'filter={"time":{"$gte":1}}',
        'filter={"time":{"$eq":"2026-03-01T00:00:00Z"}}',
        'filter={"time":{"$gte":"2026-03-01T00:00:00Z","$gt":"2026-03-01T00:00:00Z"}}',
        'filter={"ingestedAt":{"$lt":"yesterday"}}',
    ],
)
async def test_bad_filters_of_events_are_refused(client: httpx.AsyncClient, house: House, query: str) -> None:
    answer = await client.get(f"/compat/openmeter/api/v2/events?{query}", headers=house.acme.headers)
    assert answer.status_code == 400, answer.text
    assert answer.json()["detail"]
