"""OpenMeter's own Python client reads meters, usage and events, with nothing changed but address and key."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from openmeter import Client
from openmeter.models import IngestedEvent, Meter, MeterQueryRequest

from autorisen.kit.ids import public_id
from autorisen.kit.unit import Runtime
from tests.factories.metering import llm_event
from tests.metering.compat.conftest import House, openmeter_event

AT = datetime(2026, 3, 1, 7, 30, tzinfo=UTC)


async def test_meters_are_listed_and_found_by_id_and_slug(openmeter: Client) -> None:
    def read() -> tuple[list[Meter], Meter, Meter]:
        meters = openmeter.meters
        return meters.list(), meters.get("llm.input_tokens"), meters.get("llm_input_tokens")

    listed, by_id, by_slug = await asyncio.to_thread(read)
    assert [(each.slug, each.aggregation, each.event_type, each.value_property) for each in listed] == [
        ("agent_execution", "COUNT", "agent.execution", None),
        ("llm_input_tokens", "SUM", "llm.completion", "$.input_tokens"),
        ("llm_output_tokens", "SUM", "llm.completion", "$.output_tokens"),
    ]
    assert by_id == by_slug == listed[1]
    assert by_id.created_at <= by_id.updated_at


async def test_usage_is_read_in_all_and_by_windows(openmeter: Client, house: House) -> None:
    before = AT - timedelta(hours=30)

    def ask() -> tuple[Any, Any, Any, Any]:
        openmeter.events.ingest_events(
            [
                openmeter_event("one", 1),
                openmeter_event("two", 2, time=before),
                openmeter_event("three", 4, time=before),
            ]
        )
        query = openmeter.meters.query_json
        return (
            query("llm_input_tokens"),
            query("llm_input_tokens", from_parameter=before, to=AT, subject=["acme", "zulu", "nobody"]),
            query(
                "llm_input_tokens",
                from_parameter=datetime(2026, 2, 25, tzinfo=UTC),
                to=AT + timedelta(hours=1),
                window_size="DAY",
                window_time_zone="Africa/Johannesburg",
                group_by=["customer_id"],
            ),
            openmeter.meters.query(
                "llm_input_tokens",
                MeterQueryRequest(from_property=datetime(2026, 2, 28, tzinfo=UTC), to=AT, window_size="HOUR"),
            ),
        )

    total, bounded, days, hours = await asyncio.to_thread(ask)
    assert [(row.value, row.subject, row.group_by) for row in total.data] == [(7, None, {})]
    assert [(row.value, row.subject) for row in bounded.data] == [(6, "acme")]
    assert (bounded.from_property, bounded.to) == (before, AT)
    customer = public_id("cus", house.acme.customer.id)
    assert [(row.value, row.window_start, row.window_end, row.customer_id) for row in days.data] == [
        (6, datetime(2026, 2, 27, 22, tzinfo=UTC), datetime(2026, 2, 28, 22, tzinfo=UTC), customer),
        (1, datetime(2026, 2, 28, 22, tzinfo=UTC), AT + timedelta(hours=1), customer),
    ]
    assert [(row.value, row.window_end - row.window_start) for row in hours.data] == [
        (6, timedelta(hours=1)),
    ]


async def test_usage_is_read_as_csv(openmeter: Client) -> None:
    def ask() -> tuple[str, str]:
        openmeter.events.ingest_event(openmeter_event("one", 1.5))
        query = openmeter.meters.query_csv
        asked = query("llm_input_tokens", from_parameter=AT, to=AT + timedelta(hours=1), subject=["acme"])
        return asked, openmeter.meters.query_csv_post("llm_output_tokens")

    asked, whole = await asyncio.to_thread(ask)
    assert asked == ("window_start,window_end,subject,value\n2026-03-01T07:30:00Z,2026-03-01T08:30:00Z,acme,1.5\n")
    assert whole.splitlines()[1].endswith(",,1")


async def test_an_operator_reads_those_it_names_and_a_customer_only_its_own(
    openmeter: Client, client: httpx.AsyncClient, house: House
) -> None:
    await client.post("/api/events", json=llm_event("theirs", subject="zulu"), headers=house.zulu.headers)
    await asyncio.to_thread(openmeter.events.ingest_event, openmeter_event("ours", 1))
    address, customers = "/compat/openmeter/api/v1/meters/llm.input_tokens/query", (house.acme, house.zulu)
    acme, zulu = (public_id("cus", each.customer.id) for each in customers)

    async def values(headers: dict[str, str], query: str) -> dict[str | None, float]:
        answer = await client.get(f"{address}?{query}", headers=headers)
        assert answer.status_code == 200, answer.text
        return {row["subject"] or row["customerId"]: row["value"] for row in answer.json()["data"]}

    operator, own = house.operator, house.acme.headers
    assert await values(operator, "subject=acme&subject=zulu&subject=nobody") == {"acme": 1, "zulu": 10}
    assert await values(operator, f"filterCustomerId={zulu}") == {None: 10}
    assert await values(operator, f"filterCustomerId={acme}&filterCustomerId={zulu}&groupBy=customer_id") == {
        acme: 1,
        zulu: 10,
    }
    assert await values(operator, f"subject=acme&subject=zulu&filterCustomerId={zulu}") == {"zulu": 10}
    assert await values(own, "groupBy=subject") == {"acme": 1}
    assert await values(own, "subject=zulu") == await values(own, f"filterCustomerId={zulu}") == {}
    answer = await client.get(address, headers=operator)
    assert (answer.status_code, answer.json()["extensions"]["validationErrors"][0]["field"]) == (400, "query/subject")


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


@pytest.mark.parametrize(
    "query, field",
    [
        ("from=yesterday", "query/from"),
        ("from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z", "query/from"),
        ("to=2026-03-01T00:00:00Z&to=2026-03-01T00:00:00Z", "query/to"),
        ("windowSize=WEEK", "query/windowSize"),
        ("windowSize=HOUR", "from"),
        ("windowTimeZone=Mars/Olympus", "query/windowTimeZone"),
        ("groupBy=mood", "query/groupBy"),
        ("filterCustomerId=acme&filterCustomerId=zulu", "query/groupBy"),
        ("filterGroupBy[model]=large", "query/filterGroupBy[model]"),
        ("&".join(f"subject={number}" for number in range(101)), "query/subject"),
    ],
)
async def test_bad_questions_are_refused_by_name(
    client: httpx.AsyncClient, house: House, query: str, field: str
) -> None:
    address = "/compat/openmeter/api/v1/meters/llm.input_tokens/query"
    answer = await client.get(f"{address}?{query}", headers=house.acme.headers)
    assert answer.status_code == 400, answer.text
    assert answer.json()["extensions"]["validationErrors"][0]["field"] == field


@pytest.mark.parametrize(
    "body", ["[]", "{", '{"subject": "acme"}', '{"groupBy": [1]}', '{"from": 5}', '{"filterGroupBy": {"model": ["x"]}}']
)
async def test_bad_bodies_of_queries_are_refused(client: httpx.AsyncClient, house: House, body: str) -> None:
    address = "/compat/openmeter/api/v1/meters/llm.input_tokens/query"
    answer = await client.post(address, content=body, headers=house.acme.headers)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


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
