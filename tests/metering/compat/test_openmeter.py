"""OpenMeter's own Python client against the application, over loopback, with nothing changed but address and key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import httpx
import pytest
from corehttp.exceptions import HttpResponseError
from openmeter import Client
from openmeter.models import Event, IngestedEvent, Meter, MeterQueryRequest

from autorisen.kit.ids import public_id
from autorisen.kit.unit import Runtime
from autorisen.metering import ingest_queue
from tests.factories.accounts import make_key
from tests.factories.metering import llm_event, usage
from tests.metering.compat.conftest import House

AT = datetime(2026, 3, 1, 7, 30, tzinfo=UTC)


def event(id: str, tokens: Any = 10, **attributes: Any) -> Event:
    given = {"id": id, "source": "chat", "specversion": "1.0", "type": "llm.completion", "subject": "acme", "time": AT}
    return Event({**given, "data": {"input_tokens": tokens, "output_tokens": 1}, **attributes})


@pytest.fixture
def openmeter(house: House) -> Iterator[Client]:
    with Client(endpoint=f"{house.url}/compat/openmeter", token=house.secret(house.acme.headers)) as client:
        yield client


async def test_events_are_sent_in_the_three_content_types(
    openmeter: Client, client: httpx.AsyncClient, house: House
) -> None:
    def send() -> None:
        openmeter.events.ingest_event(event("one", 1))
        openmeter.events.ingest_events([event("two", 2), event("three", 4)])
        openmeter.events.ingest_events_json([event("four", 8)])
        openmeter.events.ingest_event(event("one", 1))
        openmeter.events.ingest_events([event("two", 2), event("five", 16)])

    await asyncio.to_thread(send)
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("31", 5)


async def test_what_is_rejected_is_named_and_the_others_are_stored(
    openmeter: Client, client: httpx.AsyncClient, house: House
) -> None:
    batch = [event("good"), event("bad", -1), event("theirs", subject="zulu")]
    with pytest.raises(HttpResponseError) as refused:
        await asyncio.to_thread(openmeter.events.ingest_events, batch)
    assert refused.value.status_code == 400
    assert refused.value.model is not None
    errors = refused.value.model.extensions["validationErrors"]
    assert [each["field"] for each in errors] == ["/1/data/input_tokens", "/2/subject"]
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("10", 1)


async def test_the_newer_address_answers_202_and_names_what_is_wrong(client: httpx.AsyncClient, house: House) -> None:
    url, headers = "/compat/openmeter/api/v3/openmeter/events", house.acme.headers
    answer = await client.post(url, json=[llm_event("one"), llm_event("two")], headers=headers)
    assert (answer.status_code, answer.content) == (202, b"")
    answer = await client.post(url, json=llm_event("three", tokens=-1), headers=headers)
    assert answer.status_code == 400
    assert answer.json()["invalid_parameters"] == [
        {
            "field": "/0/data/input_tokens",
            "rule": "invalid_event",
            "reason": "must be a number from 0 to below 10^18 with at most 12 decimals",
            "source": "body",
        }
    ]


async def test_keys_are_refused_in_openmeters_words(runtime: Runtime, house: House) -> None:
    async with runtime.unit() as unit:
        reads = await make_key(unit, house.acme.customer.id, ["usage:read"])
        sends = await make_key(unit, house.acme.customer.id, ["events:write"])

    def refused(token: str, call: Callable[[Client], object]) -> tuple[int | None, Any]:
        with Client(endpoint=f"{house.url}/compat/openmeter", token=token) as client:
            with pytest.raises(HttpResponseError) as error:
                call(client)
            return error.value.status_code, error.value.model

    for token, call, status in (
        ("nonsense", lambda client: client.events.ingest_event(event("one")), 401),
        (house.secret(reads), lambda client: client.events.ingest_event(event("one")), 403),
        (house.secret(sends), lambda client: client.meters.list(), 403),
        (house.secret(reads), lambda client: client.meters.get("nothing"), 404),
    ):
        found, model = await asyncio.to_thread(refused, token, call)
        assert (found, model.status, model.title) == (status, status, HTTPStatus(status).phrase)
        assert model.instance.startswith("urn:request:")


async def test_the_client_sends_again_by_itself_while_there_is_no_room(
    openmeter: Client, client: httpx.AsyncClient, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_queue, "WAITING_EVENTS_MAX", 0)
    answer = await client.post("/compat/openmeter/api/v1/events", json=llm_event("one"), headers=house.acme.headers)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    sending = asyncio.create_task(asyncio.to_thread(openmeter.events.ingest_event, event("one", 1)))
    await asyncio.sleep(0.5)
    assert not sending.done()
    monkeypatch.undo()
    await sending
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("1", 1)


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
        openmeter.events.ingest_events([event("one", 1), event("two", 2, time=before), event("three", 4, time=before)])
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
        openmeter.events.ingest_event(event("one", 1.5))
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
    await asyncio.to_thread(openmeter.events.ingest_event, event("ours", 1))
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
        openmeter.events.ingest_event(event("late", 1, time=AT + timedelta(hours=1)))
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
