"""OpenMeter's own Python client reads meters, usage and events, with nothing changed but address and key."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from openmeter import Client
from openmeter.models import Meter, MeterQueryRequest

from autorisen.kit.ids import public_id
from autorisen.kit.unit import Runtime
from autorisen.metering import Aggregation, Dimension, MeterDefinition, apply_meters
from tests.factories.metering import METERS, llm_event, send
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


CHAT = MeterDefinition(
    "chat",
    "Users",
    "users",
    "chat",
    Aggregation.UNIQUE,
    ("user", "id"),
    group_by=(Dimension("model", ("model",)), Dimension("zone", ("at", "zone name"))),
)
CHATS = [("ann", "large", "af"), ("ann", "small", "af"), ("bob", "large", "eu"), ("ann", "large", "eu")]


@pytest.fixture
async def chats(client: httpx.AsyncClient, runtime: Runtime, house: House) -> None:
    async with runtime.unit() as unit:
        await apply_meters(unit, [*METERS, CHAT])
    data = [{"user": {"id": user}, "model": model, "at": {"zone name": zone}} for user, model, zone in CHATS]
    sent = [llm_event(str(place), type="chat", data=each) for place, each in enumerate(data)]
    await send(client, house.acme.headers, sent)


@pytest.mark.usefixtures("chats")
async def test_usage_is_grouped_and_filtered_by_the_dimensions_of_a_meter(
    openmeter: Client, client: httpx.AsyncClient, house: House
) -> None:
    def ask() -> tuple[Meter, Any, Any, str]:
        meters, until = openmeter.meters, AT + timedelta(minutes=1)
        request = MeterQueryRequest(window_size="MINUTE", from_property=AT, to=AT + timedelta(hours=1))
        request.group_by, request.filter_group_by = ["zone"], {"model": ["large"]}
        return (
            meters.get("chat"),
            meters.query_json("chat", group_by=["model"], subject=["acme"]),
            meters.query("chat", request),
            meters.query_csv(
                "chat", group_by=["model", "customer_id"], window_size="MONTH", from_parameter=AT, to=until
            ),
        )

    meter, grouped, filtered, lines = await asyncio.to_thread(ask)
    assert (meter.aggregation, meter.value_property) == ("UNIQUE_COUNT", "$.user.id")
    assert meter.group_by == {"model": "$.model", "zone": '$.at["zone name"]'}
    assert [(row.value, row.subject, row.group_by) for row in grouped.data] == [
        (2, "acme", {"model": "large"}),
        (1, "acme", {"model": "small"}),
    ]
    minute = timedelta(minutes=1)
    assert [(row.value, row.group_by, row.window_end - row.window_start) for row in filtered.data] == [
        (1, {"zone": "af"}, minute),
        (2, {"zone": "eu"}, minute),
    ]
    customer = public_id("cus", house.acme.customer.id)
    assert lines.splitlines() == [
        "window_start,window_end,subject,model,customer_id,value",
        f"2026-03-01T07:30:00Z,2026-03-01T07:31:00Z,,large,{customer},2",
        f"2026-03-01T07:30:00Z,2026-03-01T07:31:00Z,,small,{customer},1",
    ]
    address = "/compat/openmeter/api/v1/meters/chat/query?filterGroupBy[model]=small&filterGroupBy[zone]=af"
    answer = await client.get(address, headers=house.acme.headers)
    assert [row["value"] for row in answer.json()["data"]] == [1]


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
        ("filterGroupBy[mood]=good", "query/filterGroupBy[mood]"),
        ("filterGroupBy={'mood': 'good'}", "query/filterGroupBy"),
        ("filterGroupBy[mood]=good&filterGroupBy[mood]=bad", "query/filterGroupBy[mood]"),
        ("advancedMeterGroupByFilters[mood]=x", "query/advancedMeterGroupByFilters[mood]"),
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
    "body",
    [
        "[]",
        "{",
        '{"subject": "acme"}',
        '{"groupBy": [1]}',
        '{"from": 5}',
        '{"advancedMeterGroupByFilters": {"mood": {"$eq": "good"}}}',
        '{"filterGroupBy": 1}',
        '{"filterGroupBy": {"mood": "good"}}',
        '{"filterGroupBy": {"mood": ["good"]}}',
    ],
)
async def test_bad_bodies_of_queries_are_refused(client: httpx.AsyncClient, house: House, body: str) -> None:
    address = "/compat/openmeter/api/v1/meters/llm.input_tokens/query"
    answer = await client.post(address, content=body, headers=house.acme.headers)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


async def test_what_a_body_leaves_empty_is_not_asked(client: httpx.AsyncClient, house: House) -> None:
    await client.post("/api/events", json=llm_event("one"), headers=house.acme.headers)
    body = '{"subject": null, "groupBy": [], "filterGroupBy": {}, "clientId": "x", "newer": 1}'
    address = "/compat/openmeter/api/v1/meters/llm.input_tokens/query"
    answer = await client.post(address, content=body, headers=house.acme.headers)
    assert (answer.status_code, [row["value"] for row in answer.json()["data"]]) == (200, [10])
