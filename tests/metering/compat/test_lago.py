"""Lago's own Python client against the application, over loopback, with nothing changed but address and key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest
from lago_python_client.client import Client
from lago_python_client.exceptions import LagoApiError
from lago_python_client.models import BatchEvent, Event
from lago_python_client.models.event import EventResponse

from autorisen.kit.unit import Runtime
from autorisen.metering import ingest_queue
from tests.factories.accounts import make_key
from tests.factories.metering import llm_event, usage
from tests.metering.compat.conftest import House

AT = 1772350200  # 2026-03-01T07:30:00Z


def event(id: str, tokens: Any = 10, **attributes: Any) -> Event:
    given: dict[str, Any] = {
        "transaction_id": id,
        "external_subscription_id": "acme",
        "code": "llm.completion",
        "timestamp": AT,
        "properties": {"input_tokens": tokens, "output_tokens": 1},
        "precise_total_amount_cents": None,
    }
    return Event(**(given | attributes))


@pytest.fixture
def lago(house: House) -> Client:
    return Client(api_key=house.secret(house.acme.headers), api_url=f"{house.url}/compat/lago/", max_retries=0)


def find(lago: Client, id: str) -> EventResponse:
    events: Any = lago.events  # its own annotations refuse the call
    found: EventResponse = events.find(id)
    return found


async def refused(send: Callable[[], Any]) -> LagoApiError:
    with pytest.raises(LagoApiError) as error:
        await asyncio.to_thread(send)
    return error.value


async def test_events_are_sent_one_by_one_and_in_batches(lago: Client, client: httpx.AsyncClient, house: House) -> None:
    def send() -> EventResponse | None:
        answer = lago.events.create(event("one", 1, timestamp="1772350200.123", precise_total_amount_cents="12.50"))
        lago.events.batch_create(BatchEvent(events=[event("two", "2"), event("three", "4.50", timestamp=None)]))
        return answer

    answer = await asyncio.to_thread(send)
    assert answer is not None
    assert answer.dict(exclude={"created_at"}) == {
        "lago_id": None,
        "transaction_id": "one",
        "lago_customer_id": None,
        "lago_subscription_id": None,
        "external_subscription_id": "acme",
        "code": "llm.completion",
        "timestamp": "2026-03-01T07:30:00.123Z",
        "precise_total_amount_cents": "12.50",
        "properties": {"input_tokens": 1, "output_tokens": 1},
    }
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("7.50", 3)


async def test_a_transaction_counts_once_within_a_subscription(
    client: httpx.AsyncClient, runtime: Runtime, house: House
) -> None:
    lago = Client(api_key=house.secret(house.operator), api_url=f"{house.url}/compat/lago/")

    def send() -> None:
        lago.events.create(event("one", 1))
        lago.events.create(event("one", 2, external_subscription_id="zulu"))

    await asyncio.to_thread(send)
    for again in (event("one", 1), event("one", 4)):
        error = await refused(partial(lago.events.create, again))
        assert (error.status_code, error.detail) == (422, "Unprocessable Entity")
        assert error.response == {
            "status": 422,
            "error": "Unprocessable Entity",
            "code": "validation_errors",
            "error_details": {"transaction_id": ["value_already_exist"]},
        }
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("1", 1)
    assert (await usage(client, house.zulu.headers))["llm.input_tokens"] == ("2", 1)


async def test_a_batch_says_what_was_refused_by_place_and_stores_the_others(
    lago: Client, client: httpx.AsyncClient, house: House
) -> None:
    batch = [
        event("good"),
        event("bad", -1),
        event("good"),
        event("theirs", external_subscription_id="zulu"),
        event("when", timestamp="yesterday"),
        event("", 1),
        event("late", timestamp="1e300"),
        event("long", external_subscription_id="s" * 252),
    ]
    error = await refused(partial(lago.events.batch_create, BatchEvent(events=batch)))
    assert error.status_code == 422
    details = error.response["error_details"]
    assert {place: next(iter(rules)) for place, rules in details.items()} == {
        "1": "properties",
        "2": "transaction_id",
        "3": "external_subscription_id",
        "4": "timestamp",
        "5": "transaction_id",
        "6": "timestamp",
        "7": "external_subscription_id",
    }
    assert details["1"]["properties"] == [
        "value_is_invalid",
        "input_tokens must be a number from 0 to below 10^18 with at most 12 decimals",
    ]
    assert details["2"]["transaction_id"] == ["value_already_exist"]
    assert details["4"]["timestamp"][0] == "invalid_format"
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("10", 1)


async def test_batches_are_of_one_to_a_hundred(lago: Client) -> None:
    for size, code in ((0, "no_events"), (101, "too_many_events")):
        batch = BatchEvent(events=[event(str(number)) for number in range(size)])
        error = await refused(partial(lago.events.batch_create, batch))
        assert (error.status_code, error.response["error_details"]) == (422, {"events": [code]})


async def test_a_stored_event_is_found_by_its_transaction(
    lago: Client, client: httpx.AsyncClient, house: House
) -> None:
    operator = Client(api_key=house.secret(house.operator), api_url=f"{house.url}/compat/lago/")
    await client.post("/api/events", json=llm_event("elsewhere"), headers=house.acme.headers)

    def send() -> EventResponse:
        operator.events.create(event("of-the-operator"))
        lago.events.create(event("runs/1", 1.5, precise_total_amount_cents="12.50"))
        return find(lago, "runs/1")

    found = await asyncio.to_thread(send)
    assert found.lago_customer_id == str(house.acme.customer.id)
    assert (found.timestamp, found.properties) == (
        "2026-03-01T07:30:00.000Z",
        {"input_tokens": 1.5, "output_tokens": 1},
    )
    assert (found.precise_total_amount_cents, found.created_at is not None) == ("12.50", True)
    for who, name in (
        (lago, "runs/2"),
        (lago, "%00"),
        (lago, "elsewhere"),
        (lago, "of-the-operator"),
        (operator, "runs/1"),
    ):
        error = await refused(partial(find, who, name))
        assert (error.status_code, error.response["code"]) == (404, "event_not_found")


async def test_keys_are_refused_in_lagos_words(runtime: Runtime, house: House) -> None:
    async with runtime.unit() as unit:
        reads = await make_key(unit, house.acme.customer.id, ["usage:read"])
    for secret, status, words in (
        ("nonsense", 401, {"error": "Unauthorized"}),
        (house.secret(reads), 403, {"error": "Forbidden", "code": "write_action_not_allowed_for_event"}),
    ):
        lago = Client(api_key=secret, api_url=f"{house.url}/compat/lago/")
        error = await refused(partial(lago.events.create, event("one")))
        assert error.status_code == status
        assert error.response == error.response | {"status": status} | words


async def test_the_client_waits_and_sends_again_while_there_is_no_room(
    client: httpx.AsyncClient, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_queue, "WAITING_EVENTS_MAX", 0)
    body = {"event": event("one", 1).dict()}
    answer = await client.post("/compat/lago/api/v1/events", json=body, headers=house.acme.headers)
    assert (answer.status_code, answer.headers["X-RateLimit-Reset"], answer.json()["status"]) == (429, "1", 429)
    lago = Client(api_key=house.secret(house.acme.headers), api_url=f"{house.url}/compat/lago/")
    sending = asyncio.create_task(asyncio.to_thread(lago.events.create, event("one", 1)))
    await asyncio.sleep(0.5)
    assert not sending.done()
    monkeypatch.undo()
    await sending
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("1", 1)


@pytest.mark.parametrize(
    "path, body, status, words",
    [
        ("events", "{}", 400, "BadRequest: param is missing"),
        ("events", "[]", 400, "BadRequest: the body must be an object"),
        ("events", '{"event": 1}', 422, "Unprocessable Entity"),
        ("events", '{"event"', 400, "BadRequest: "),
        ("events/batch", '{"events": {"a": 1}}', 400, "BadRequest: events must be an array"),
        ("events/batch", '{"events": null}', 422, "Unprocessable Entity"),
        ("events/nowhere", "{}", 405, "Method Not Allowed"),
        ("customers", "{}", 404, "Not Found"),
    ],
)
async def test_bad_bodies_are_refused_in_lagos_words(
    client: httpx.AsyncClient, house: House, path: str, body: str, status: int, words: str
) -> None:
    answer = await client.post(f"/compat/lago/api/v1/{path}", content=body, headers=house.acme.headers)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.json()["error"].startswith(words)


async def test_numbers_stand_for_texts_and_the_time_may_have_decimals(client: httpx.AsyncClient, house: House) -> None:
    body = (
        '{"event": {"transaction_id": 7, "external_subscription_id": "acme", "code": "agent.execution",'
        ' "timestamp": 1772350200.5, "precise_total_amount_cents": 1.10}}'
    )
    answer = await client.post("/compat/lago/api/v1/events", content=body, headers=house.acme.headers)
    kept = answer.json()["event"]
    assert (kept["transaction_id"], kept["timestamp"], kept["precise_total_amount_cents"], kept["properties"]) == (
        "7",
        "2026-03-01T07:30:00.500Z",
        "1.10",
        {},
    )
    with_bool = body.replace("1772350200.5", "true")
    answer = await client.post("/compat/lago/api/v1/events", content=with_bool, headers=house.acme.headers)
    assert answer.json()["error_details"] == {
        "timestamp": ["invalid_format", "must be seconds since 1970, like 1772350200 or 1772350200.123"]
    }
