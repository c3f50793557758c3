"""OpenMeter's own Python client against the application, over loopback, with nothing changed but address and key."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from corehttp.exceptions import HttpResponseError
from openmeter import Client
from openmeter.models import Event

from tests.factories.metering import usage
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
