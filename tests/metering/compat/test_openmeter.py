"""OpenMeter's own Python client against the application, over loopback, with nothing changed but address and key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httpx
import pytest
from corehttp.exceptions import HttpResponseError
from openmeter import Client

from autorisen.kit.unit import Runtime
from autorisen.metering import ingest_queue
from tests.factories.accounts import make_key
from tests.factories.metering import llm_event, usage
from tests.metering.compat.conftest import House, openmeter_event


async def test_events_are_sent_in_the_three_content_types(
    openmeter: Client, client: httpx.AsyncClient, house: House
) -> None:
    def send() -> None:
        openmeter.events.ingest_event(openmeter_event("one", 1))
        openmeter.events.ingest_events([openmeter_event("two", 2), openmeter_event("three", 4)])
        openmeter.events.ingest_events_json([openmeter_event("four", "8")])
        openmeter.events.ingest_event(openmeter_event("one", 1))
        openmeter.events.ingest_events([openmeter_event("two", 2), openmeter_event("five", 16)])

    await asyncio.to_thread(send)
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("31", 5)


async def test_what_is_rejected_is_named_and_the_others_are_stored(
    openmeter: Client, client: httpx.AsyncClient, house: House
) -> None:
    batch = [openmeter_event("good"), openmeter_event("bad", -1), openmeter_event("theirs", subject="zulu")]
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
        ("nonsense", lambda client: client.events.ingest_event(openmeter_event("one")), 401),
        (house.secret(reads), lambda client: client.events.ingest_event(openmeter_event("one")), 403),
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
    sending = asyncio.create_task(asyncio.to_thread(openmeter.events.ingest_event, openmeter_event("one", 1)))
    await asyncio.sleep(0.5)
    assert not sending.done()
    monkeypatch.undo()
    await sending
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("1", 1)
