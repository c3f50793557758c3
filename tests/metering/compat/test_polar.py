"""Polar's own Python client against the application, over loopback, with nothing changed but address and key."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from polar.base import PolarClientError
from polar.v2026_04 import Polar
from polar.v2026_04.errors import HTTPValidationError

from tests.factories.metering import usage
from tests.metering.compat.conftest import House


def event(external_id: str | None = None, tokens: Any = 10, **fields: Any) -> dict[str, Any]:
    given = {"name": "llm.completion", "external_customer_id": "acme", "external_id": external_id}
    metadata = {"input_tokens": tokens, "output_tokens": 1, "model": "small"}
    given |= {"timestamp": "2026-03-01T07:30:00Z", "metadata": metadata} | fields
    return {name: value for name, value in given.items() if value is not None}


@pytest.fixture
def polar(house: House) -> Iterator[Polar]:
    with Polar(house.secret(house.operator), base_url=f"{house.url}/compat/polar") as client:
        yield client


def ingest(polar: Polar, *events: dict[str, Any]) -> tuple[int, int | None]:
    answer = polar.events.ingest(events=list(events))  # type: ignore[arg-type]  # the bad ones are the point
    return answer.inserted, answer.duplicates


async def test_a_batch_counts_and_a_duplicate_does_not(polar: Polar, client: httpx.AsyncClient, house: House) -> None:
    assert await asyncio.to_thread(ingest, polar, event("one", 1), event("two", 2)) == (2, 0)
    assert await asyncio.to_thread(ingest, polar, event("two", 2), event("three", 4)) == (1, 1)
    assert await asyncio.to_thread(ingest, polar, event("two", 2_000)) == (0, 1), "other content: the first one counts"
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("7", 3)
    conflicts = await client.get("/api/events/conflicts", headers=house.operator)
    assert [each["id"] for each in conflicts.json()["events"]] == ["two"]


async def test_without_an_external_id_each_sending_counts(
    polar: Polar, client: httpx.AsyncClient, house: House
) -> None:
    for _ in range(2):
        assert await asyncio.to_thread(ingest, polar, event(None, 5), event(None, 5)) == (2, 0)
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("20", 4)


async def test_what_polar_knows_besides_is_kept(polar: Polar, client: httpx.AsyncClient, house: House) -> None:
    llm = {"vendor": "v", "model": "m", "input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    cost = {"amount": 0.000123456789, "currency": "usd"}
    customer = house.acme.customer.public_id
    sent = event(
        "x", customer_id=customer, external_customer_id=None, parent_id="root", member_id="ann", name="ai.call"
    )
    sent["metadata"] = {"_llm": llm, "_cost": cost, "flag": True}
    assert await asyncio.to_thread(ingest, polar, sent) == (1, 0)
    stored = (await client.get("/api/events", headers=house.acme.headers)).json()["events"][0]
    assert (stored["source"], stored["id"], stored["subject"]) == ("polar", "x", customer)
    assert (stored["parentid"], stored["memberid"]) == ("root", "ann")
    assert stored["data"] == {"_llm": llm, "_cost": cost, "flag": True}


async def test_what_is_rejected_is_named_as_polar_names_it(
    polar: Polar, client: httpx.AsyncClient, house: House
) -> None:
    bad = [
        event("a", -1),
        event("b", name=""),
        event("c", timestamp="yesterday"),
        event("d", customer_id="acme"),
        event("e", external_customer_id=None),
        event("f" * 300),
    ]
    with pytest.raises(HTTPValidationError) as refused:
        await asyncio.to_thread(ingest, polar, event("good"), *bad)
    assert refused.value.status_code == 422
    said = [each.loc for each in refused.value.error.detail or ()]
    assert said == [
        ["body", "events", 1, "metadata", "input_tokens"],
        ["body", "events", 2, "name"],
        ["body", "events", 3, "timestamp"],
        ["body", "events", 4, "external_customer_id"],
        ["body", "events", 5, "external_customer_id"],
        ["body", "events", 6, "external_id"],
    ]
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("10", 1), "the good one is stored"
    rejected = (await client.get("/api/events/rejected", headers=house.operator)).json()["events"]
    assert len(rejected) == 6


async def test_a_key_that_does_not_hold_is_refused(house: House) -> None:
    with Polar("ark_live_nonsense", base_url=f"{house.url}/compat/polar") as stranger, pytest.raises(PolarClientError):
        await asyncio.to_thread(ingest, stranger, event("one"))
    with Polar(house.secret(house.zulu.headers), base_url=f"{house.url}/compat/polar") as zulu:
        with pytest.raises(HTTPValidationError) as refused:
            await asyncio.to_thread(ingest, zulu, event("one"))
        assert "not yours" in next(each.msg for each in refused.value.error.detail or ())


@pytest.mark.parametrize("body", [b"", b"[]", b'{"events": 1}', b'{"events": [', b"\xff", b'{"events": [1, null]}'])
async def test_bodies_that_are_none_are_refused(client: httpx.AsyncClient, house: House, body: bytes) -> None:
    answer = await client.post("/compat/polar/v1/events/ingest", content=body, headers=house.operator)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"][0]["loc"][0] == "body"
    assert answer.json()["detail"][0]["msg"]
