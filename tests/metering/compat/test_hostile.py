"""The hostile bodies of our own endpoint at others' addresses: refused in their words, and the good ones are stored."""

from __future__ import annotations

import json

import httpx

from autorisen.metering.compat.lago.translate import BATCH_LIMIT
from tests.factories.metering import llm_event, usage
from tests.metering.compat.conftest import House
from tests.metering.test_hostile_bodies import REFUSED, REJECTED

OPENMETER = "/compat/openmeter/api/v1/events"
LAGO = "/compat/lago/api/v1/events"

JSON = {"content-type": "application/json"}

# What Lago's form adds: values of one attribute of an event, and the attribute that the answer names.
LAGO_REJECTED: list[tuple[str, str]] = [
    ("transaction_id", "null"),
    ("transaction_id", '""'),
    ("transaction_id", "1.5"),
    ("transaction_id", "true"),
    ("transaction_id", '"a\\u0000b"'),
    ("transaction_id", '"\\ud800"'),
    ("external_subscription_id", "[]"),
    ("external_subscription_id", '"zulu"'),
    ("external_subscription_id", json.dumps("s" * 252)),
    ("code", "{}"),
    ("timestamp", '""'),
    ("timestamp", '"yesterday"'),
    ("timestamp", '"2026-03-01"'),
    ("timestamp", '"NaN"'),
    ("timestamp", '"sNaN"'),
    ("timestamp", '"-Infinity"'),
    ("timestamp", '"1e999999"'),
    ("timestamp", "1e300"),
    ("timestamp", "-1"),
    ("timestamp", "9" * 60),
    ("timestamp", "true"),
    ("timestamp", "[1]"),
    ("properties", '"tokens"'),
    ("properties", "[]"),
    ("properties", '{"input_tokens": -1}'),
    ("properties", '{"input_tokens": 1e400}'),
    ("precise_total_amount_cents", "{}"),
    ("precise_total_amount_cents", '"1\\u0000"'),
]


def lago_event(id: str, **raw: str) -> str:
    """An event in Lago's form; the values given are raw JSON."""
    given = {
        "transaction_id": json.dumps(id),
        "external_subscription_id": '"acme"',
        "code": '"llm.completion"',
        "timestamp": "1772350200",
        "properties": '{"input_tokens": 10, "output_tokens": 1}',
    } | raw
    return "{" + ", ".join(f'"{name}": {value}' for name, value in given.items()) + "}"


async def test_openmeters_address_stores_what_is_beside_a_bad_event(client: httpx.AsyncClient, house: House) -> None:
    for number, (name, hostile, field) in enumerate(REJECTED):
        good = json.dumps(llm_event(f"good {number}")).encode()
        batch = b"[" + hostile + b"," + good + b"]"
        answer = await client.post(OPENMETER, content=batch, headers=house.acme.headers | JSON)
        assert answer.status_code == 400, (name, answer.text)
        errors = answer.json()["extensions"]["validationErrors"]
        assert [each["field"] for each in errors] == [f"/0{field}"], (name, errors)
        assert errors[0]["message"], name
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == (str(10 * len(REJECTED)), len(REJECTED))


async def test_openmeters_address_refuses_in_openmeters_words(client: httpx.AsyncClient, house: House) -> None:
    for name, hostile, more, status in REFUSED:
        answer = await client.post(OPENMETER, content=hostile, headers=house.acme.headers | JSON | more)
        assert answer.status_code == (400 if status == 415 else status), (name, answer.text[:300])
        assert answer.headers["content-type"] == "application/problem+json", name
        problem = answer.json()
        assert (problem["type"], problem["status"]) == ("about:blank", answer.status_code), name
        assert problem["detail"], name
        assert problem["instance"].startswith("urn:request:req_"), name
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("0", 0)


async def test_lagos_address_stores_what_is_beside_a_bad_event(client: httpx.AsyncClient, house: House) -> None:
    for number, (attribute, value) in enumerate(LAGO_REJECTED):
        batch = f'{{"events": [{lago_event("bad", **{attribute: value})}, {lago_event(f"good {number}")}]}}'
        answer = await client.post(f"{LAGO}/batch", content=batch, headers=house.acme.headers | JSON)
        assert answer.status_code == 422, (attribute, value[:30], answer.text)
        details = answer.json()["error_details"]
        assert list(details) == ["0"], (attribute, value[:30], details)
        assert list(details["0"]) == [attribute], (value[:30], details)
    expected = (str(10 * len(LAGO_REJECTED)), len(LAGO_REJECTED))
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == expected


async def test_lagos_address_refuses_in_lagos_words(client: httpx.AsyncClient, house: House) -> None:
    for name, hostile, more, _ in REFUSED:
        answer = await client.post(LAGO, content=hostile, headers=house.acme.headers | JSON | more)
        # Its bodies are objects whatever the content type says; beyond what fits, nothing is read.
        assert answer.status_code in (400, 413), (name, answer.text[:300])
        assert answer.json()["status"] == answer.status_code, name
        assert answer.json()["error"], name
    many = ",".join(lago_event(str(number)) for number in range(BATCH_LIMIT + 1))
    answer = await client.post(f"{LAGO}/batch", content=f'{{"events": [{many}]}}', headers=house.acme.headers | JSON)
    assert answer.json()["error_details"] == {"events": ["too_many_events"]}
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("0", 0)
