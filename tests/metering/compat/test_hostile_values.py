"""Hostile values in the forms of Polar, Stripe and OpenTelemetry: refused in their words; the good ones are stored."""

from __future__ import annotations

import json
import struct
from typing import Any

import httpx
import pytest

from autorisen.metering.compat.otlp.protobuf import bytes_field
from tests.factories.metering import usage
from tests.metering.compat.conftest import House
from tests.metering.test_hostile_bodies import REFUSED

JSON = {"content-type": "application/json"}
POLAR = "/compat/polar/v1/events/ingest"
STREAM = "/compat/stripe/v2/billing/meter_event_stream"

# Raw JSON, where a text, and where a number of tokens, is meant.
TEXTS = ["null", '""', "7", "true", "[]", "{}", '"a\\u0000b"', '"\\ud800"', '"\\uffff"', json.dumps("x" * 100_000)]
NUMBERS = ["-1", "1e400", "-0.5", "1" * 40, "0.0000000000001", "true", "null", "[1]", '"many"', '"1\\u0000"']
TIMES = [
    '"0000-01-01T00:00:00Z"',
    '"9999-12-31T23:59:59Z"',
    '"2026-06-30T23:59:60Z"',
    '"2026-03-01"',
    "7",
    "[]",
    '"NaN"',
]


def polar_event(id: str, tokens: str = "10", **raw: str) -> str:
    given = {"name": '"llm.completion"', "external_customer_id": '"acme"', "external_id": json.dumps(id)}
    given |= {"timestamp": '"2026-03-01T07:30:00Z"', "metadata": f'{{"input_tokens": {tokens}, "output_tokens": 1}}'}
    return "{" + ", ".join(f'"{name}": {value}' for name, value in (given | raw).items()) + "}"


def stripe_event(id: str, tokens: str = '"10"', **raw: str) -> str:
    payload = f'{{"stripe_customer_id": "acme", "input_tokens": {tokens}, "output_tokens": "1"}}'
    given = {"event_name": '"llm.completion"', "identifier": json.dumps(id), "payload": payload}
    given |= {"timestamp": '"2026-03-01T07:30:00Z"'}
    return "{" + ", ".join(f'"{name}": {value}' for name, value in (given | raw).items()) + "}"


def bad_events(made: Any, names: dict[str, list[str]], tokens: list[str]) -> list[str]:
    return [made("bad", **{name: value}) for name, values in names.items() for value in values] + [
        made("bad", value) for value in tokens
    ]


POLAR_BAD = bad_events(
    polar_event,
    {
        "name": TEXTS,
        "external_customer_id": TEXTS,
        "external_id": [each for each in TEXTS if each != "null"],
        "timestamp": TIMES,
        "metadata": ["7", '"x"', "[]", "null", '{"a": "\\u0000"}'],
    },
    NUMBERS,
)
STRIPE_BAD = bad_events(
    stripe_event,
    {
        "event_name": TEXTS,
        "identifier": [each for each in TEXTS if each not in ("null", '""')],
        "timestamp": TIMES,
        "payload": ["7", '"x"', "[]", "null", "{}"],
    },
    [*NUMBERS, '"-1"', '"1e5"', '"0.0000000000001"', '"99999999999999999999"'],
)


async def test_polars_address_stores_what_is_beside_a_bad_event(client: httpx.AsyncClient, house: House) -> None:
    for number, bad in enumerate(POLAR_BAD):
        batch = f'{{"events": [{bad}, {polar_event(f"good {number}")}]}}'
        answer = await client.post(POLAR, content=batch, headers=house.operator | JSON)
        assert answer.status_code == 422, (bad[:200], answer.text)
        (detail,) = answer.json()["detail"]
        assert detail["loc"][:3] == ["body", "events", 0], (bad[:200], detail)
        assert detail["msg"], bad[:200]
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == (str(10 * len(POLAR_BAD)), len(POLAR_BAD))


async def test_stripes_stream_stores_what_is_beside_a_bad_event(client: httpx.AsyncClient, house: House) -> None:
    made = await client.post("/compat/stripe/v2/billing/meter_event_session", headers=house.operator)
    headers = JSON | {"Authorization": f"Bearer {made.json()['authentication_token']}"}
    for number, bad in enumerate(STRIPE_BAD):
        batch = f'{{"events": [{bad}, {stripe_event(f"good {number}")}]}}'
        answer = await client.post(STREAM, content=batch, headers=headers)
        assert answer.status_code == 200, (bad[:200], answer.text)
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == (str(10 * len(STRIPE_BAD)), len(STRIPE_BAD))
    rejected = await client.get("/api/events/rejected", params={"limit": 200}, headers=house.operator)
    # Of the same content one is kept: a payload that is no object is as good as none.
    assert 35 < len(rejected.json()["events"]) <= len(set(STRIPE_BAD))


@pytest.mark.parametrize("address", [POLAR, STREAM, "/v1/traces"])
async def test_what_can_not_be_read_is_refused_whole(client: httpx.AsyncClient, house: House, address: str) -> None:
    headers = house.operator | JSON
    if address == STREAM:
        made = await client.post("/compat/stripe/v2/billing/meter_event_session", headers=house.operator)
        headers |= {"Authorization": f"Bearer {made.json()['authentication_token']}"}
    for name, hostile, more, status in REFUSED:
        if status == 415 and "content-encoding" not in {each.lower() for each in more} and address != "/v1/traces":
            continue  # their bodies are what they are, whatever the content type says
        answer = await client.post(address, content=hostile, headers=headers | more)
        assert 400 <= answer.status_code < 500, (name, answer.status_code, answer.text[:300])
        assert answer.json().keys() & {"detail", "error", "message"}, (name, answer.text[:300])
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("0", 0)


def otlp_request(number: int, value: str, key: str = "gen_ai.usage.input_tokens", **raw: str) -> str:
    """A bad span and a good one, in traces of their own."""

    def span(trace: int, attributes: str, **more: str) -> str:
        given = {
            "traceId": f'"{trace:032x}"',
            "spanId": '"b7ad6b7169203331"',
            "endTimeUnixNano": '"1772350200000000000"',
        }
        given |= {"attributes": f"[{attributes}]"} | more
        return "{" + ", ".join(f'"{name}": {each}' for name, each in given.items()) + "}"

    tokens = '{"key": "gen_ai.usage.input_tokens", "value": {"intValue": "10"}}'
    acme = '{"key": "autorisen.customer", "value": {"stringValue": "acme"}}'
    bad = span(number * 2 + 1, f'{tokens}, {acme}, {{"key": "{key}", "value": {value}}}', **raw)
    good = span(number * 2 + 2, f"{tokens}, {acme}")
    return f'{{"resourceSpans": [{{"scopeSpans": [{{"spans": [{bad}, {good}]}}]}}]}}'


OTLP_BAD = [
    *({"value": f'{{"stringValue": {value}}}'} for value in ('"many"', '"1e5"', '"-1"', '"\\ud800"', '"9\\u0000"')),
    *({"value": f'{{"intValue": {value}}}'} for value in ('"-1"', "-1", '"1e5"', "1" * 40, "true", "1e400", "[]")),
    *({"value": f'{{"doubleValue": {value}}}'} for value in ('"NaN"', '"Infinity"', "-1", "1e-13", "1e400", "null")),
    *(
        {"value": f'{{"stringValue": {value}}}', "key": "autorisen.customer"}
        for value in ('""', '"a\\u0000"', '"\\ud800"', json.dumps("x" * 1_000_000))
    ),
    *(
        {"value": f'{{"stringValue": {value}}}', "key": "gen_ai.operation.name"}
        for value in ('"\\ud800"', '"a\\u0000"', json.dumps("x" * 1_000_000))
    ),
    {"value": '{"stringValue": "\\ud800"}', "key": "gen_ai.response.model"},
    *({"value": "{}", "traceId": value} for value in ("null", "7", '""', '"zz"', f'"{0:032x}"', '"\\ud800"')),
    *({"value": "{}", "spanId": value} for value in ("null", "7", '""', json.dumps("f" * 1_000_000))),
    *({"value": "{}", "endTimeUnixNano": value} for value in ('"1000"', '"18446744073709551615"')),
]


async def test_spans_beside_a_bad_one_are_counted(client: httpx.AsyncClient, house: House) -> None:
    for number, bad in enumerate(OTLP_BAD):
        answer = await client.post("/v1/traces", content=otlp_request(number, **bad), headers=house.operator | JSON)
        assert answer.status_code == 200, (bad, answer.text)
        assert answer.json().get("partialSuccess", {}).get("rejectedSpans") == "1", (str(bad)[:200], answer.text)
        assert answer.json()["partialSuccess"]["errorMessage"], bad
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == (str(10 * len(OTLP_BAD)), len(OTLP_BAD))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 1e300, 0.5e-13])
async def test_doubles_that_are_no_quantity_are_rejected(client: httpx.AsyncClient, house: House, value: float) -> None:
    def attribute(key: str, any_value: bytes) -> bytes:
        return bytes_field(9, bytes_field(1, key.encode()) + bytes_field(2, any_value))

    span = (
        bytes_field(1, b"t" * 16) + bytes_field(2, b"s" * 8) + attribute("autorisen.customer", bytes_field(1, b"acme"))
    )
    span += attribute("gen_ai.usage.input_tokens", b"\x21" + struct.pack("<d", value))
    body = bytes_field(1, bytes_field(2, bytes_field(2, span)))
    headers = house.operator | {"content-type": "application/x-protobuf"}
    answer = await client.post("/v1/traces", content=body, headers=headers)
    assert answer.status_code == 200
    assert b"must be a number" in answer.content
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("0", 0)
