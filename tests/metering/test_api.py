"""Sending events and reading usage through the app, on a real database."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from tests.factories.accounts import Tenant, make_customer, make_key, make_tenant, make_user, sign_in
from tests.factories.metering import llm_event, make_meters, send, usage


@dataclass
class House:
    """Two tenants, an operator's key, and the shipped meters."""

    acme: Tenant
    zulu: Tenant
    operator: dict[str, str]


@pytest.fixture
async def house(runtime: Runtime) -> House:
    await make_meters(runtime)
    async with runtime.unit() as unit:
        return House(await make_tenant(unit, "acme"), await make_tenant(unit, "zulu"), await make_key(unit, None))


async def test_an_event_counts_once(client: httpx.AsyncClient, house: House) -> None:
    """Goal: sent again, an event is a duplicate; with other content a conflict; neither changes the usage."""
    first = await send(client, house.acme.headers, llm_event("e1", tokens=100))
    assert first == {"accepted": 1, "duplicates": 0, "conflicts": 0, "rejected": 0, "results": []}
    again = await send(client, house.acme.headers, [llm_event("e1", tokens=100), llm_event("e1", tokens=101)])
    assert (again["accepted"], again["duplicates"], again["conflicts"]) == (0, 1, 1)
    assert [(each["index"], each["status"]) for each in again["results"]] == [(0, "duplicate"), (1, "conflict")]
    used = await usage(client, house.acme.headers)
    assert used == {
        "agent.execution": ("0", 0),
        "llm.input_tokens": ("100", 1),
        "llm.output_tokens": ("1", 1),
    }


async def test_repetition_inside_one_batch(client: httpx.AsyncClient, house: House) -> None:
    receipt = await send(
        client, house.acme.headers, [llm_event("a"), llm_event("a"), llm_event("a", tokens=11), llm_event("b")]
    )
    assert (receipt["accepted"], receipt["duplicates"], receipt["conflicts"]) == (2, 1, 1)
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("20", 2)


async def test_one_bad_event_does_not_fail_the_batch(client: httpx.AsyncClient, house: House) -> None:
    receipt = await send(
        client,
        house.acme.headers,
        [llm_event("good"), llm_event("bad", time="yesterday"), {"specversion": "1.0"}, llm_event("good 2")],
    )
    assert (receipt["accepted"], receipt["rejected"]) == (2, 2)
    assert receipt["results"][0]["field"] == "/time"
    assert receipt["results"][0]["id"] == "bad"
    assert receipt["results"][1]["field"] == "/id"


async def test_a_single_rejected_event_is_a_problem(client: httpx.AsyncClient, house: House) -> None:
    answer = await client.post("/api/events", json=llm_event("x", tokens=-1), headers=house.acme.headers)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == "/data/input_tokens"


async def test_tenants_neither_collide_nor_see_each_other(client: httpx.AsyncClient, house: House) -> None:
    await send(client, house.acme.headers, llm_event("same"))
    theirs = await send(client, house.zulu.headers, llm_event("same", subject="zulu", tokens=77))
    assert theirs["accepted"] == 1
    operators = await send(client, house.operator, llm_event("same", tokens=5))
    assert operators["accepted"] == 1
    foreign = await send(client, house.zulu.headers, [llm_event("f", subject="acme"), llm_event("f", subject="nobody")])
    assert foreign["rejected"] == 2
    assert len({each["reason"] for each in foreign["results"]}) == 1
    assert (await usage(client, house.zulu.headers))["llm.input_tokens"] == ("77", 1)
    assert (await usage(client, house.operator, customer="acme"))["llm.input_tokens"] == ("15", 2)
    hidden = await client.get("/api/usage", params={"customer": "acme"}, headers=house.zulu.headers)
    missing = await client.get("/api/usage", params={"customer": "nobody"}, headers=house.zulu.headers)
    assert hidden.status_code == missing.status_code == 404
    assert hidden.json()["detail"] == missing.json()["detail"]


async def test_events_of_a_later_customer_count_when_it_comes(
    client: httpx.AsyncClient, house: House, runtime: Runtime, worker: Worker
) -> None:
    await send(client, house.operator, [llm_event(f"n{n}", subject="newco", tokens=n) for n in range(5)])
    async with runtime.unit() as unit:
        await make_customer(unit, key="newco")
    await worker.drain()
    assert (await usage(client, house.operator, customer="newco"))["llm.input_tokens"] == ("10", 5)


async def test_buckets_follow_the_time_zone(client: httpx.AsyncClient, house: House) -> None:
    times = ["2026-02-27T21:59:59.999999Z", "2026-02-27T22:00:00Z", "2026-02-28T23:30:00+02:00", "2026-02-28T22:00:00Z"]
    await send(
        client, house.acme.headers, [llm_event(f"t{n}", time=time, tokens=10**n) for n, time in enumerate(times)]
    )
    answer = await client.get(
        "/api/usage",
        params={
            "from": "2026-02-27T00:00:00+02:00",
            "to": "2026-03-01T12:00:00+02:00",
            "bucket": "day",
            "meter": "llm.input_tokens",
            "time_zone": "Africa/Johannesburg",
        },
        headers=house.acme.headers,
    )
    (meter,) = answer.json()["meters"]
    assert [(each["start"], each["quantity"]) for each in meter["buckets"]] == [
        ("2026-02-27T00:00:00+02:00", "1"),
        ("2026-02-28T00:00:00+02:00", "110"),
        ("2026-03-01T00:00:00+02:00", "1000"),
    ]
    assert (meter["quantity"], meter["events"]) == ("1111", 4)


async def test_usage_is_exact_at_edges_off_the_hour(client: httpx.AsyncClient, house: House) -> None:
    times = ["06:15:00", "06:15:00.000001", "06:59:59.999999", "07:00:00", "08:00:00", "08:29:59.999999", "08:30:00"]
    await send(
        client,
        house.acme.headers,
        [llm_event(f"t{n}", time=f"2026-02-01T{time}Z", tokens=10**n) for n, time in enumerate(times)],
    )

    async def used(start: str, end: str) -> str:
        bounds = {"from": f"2026-02-01T{start}Z", "to": f"2026-02-01T{end}Z"}
        return (await usage(client, house.acme.headers, **bounds))["llm.input_tokens"][0]

    assert await used("06:15:00", "08:30:00") == "111111"
    assert await used("06:15:00.000001", "08:29:59.999999") == "11110"
    assert await used("07:00:00", "08:00:00") == "1000"
    assert await used("06:59:00", "06:59:59.999999") == "0"
    assert await used("08:29:00", "08:31:00") == "1100000"


async def test_decimals_stay_exact(client: httpx.AsyncClient, house: House) -> None:
    bodies = ["0.1", "0.2", "123456789012345678.000000000001", "1e3", "-0.0", "1.50"]
    batch = ",".join(
        json.dumps(llm_event(f"d{n}", tokens="TOKENS")).replace('"TOKENS"', number) for n, number in enumerate(bodies)
    )
    answer = await client.post(
        "/api/events", content=f"[{batch}]", headers=house.acme.headers | {"content-type": "application/json"}
    )
    assert answer.json()["accepted"] == len(bodies), answer.text
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("123456789012346679.800000000001", 6)


async def test_events_are_listed_page_by_page(client: httpx.AsyncClient, house: House) -> None:
    await send(
        client,
        house.acme.headers,
        [llm_event(f"e{n:02}", time=f"2026-02-{n % 5 + 1:02}T00:00:00Z", traceparent="00-ab-cd-01") for n in range(23)],
    )
    seen: list[tuple[str, str]] = []
    cursor: str | None = None
    while True:
        params = {"limit": "5"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/api/events", params=params, headers=house.acme.headers)).json()
        seen += [(each["time"], each["id"]) for each in page["events"]]
        assert all(each["traceparent"] == "00-ab-cd-01" for each in page["events"])
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 23
    assert seen == sorted(seen, reverse=True)


async def test_what_was_refused_is_kept_and_shown_to_its_sender(client: httpx.AsyncClient, house: House) -> None:
    await send(client, house.acme.headers, [llm_event("a"), llm_event("a", tokens=3), llm_event("b", time="noon")])

    async def shown(kind: str, headers: dict[str, str]) -> list[dict[str, Any]]:
        answer = await client.get(f"/api/events/{kind}", headers=headers)
        events: list[dict[str, Any]] = answer.json()["events"]
        return events

    for headers in (house.acme.headers, house.operator):
        (rejected,) = await shown("rejected", headers)
        assert (rejected["id"], rejected["field"], rejected["times"]) == ("b", "/time", 1)
        assert json.loads(rejected["body"])["time"] == "noon"
        (conflict,) = await shown("conflicts", headers)
        assert (conflict["id"], conflict["data"]["input_tokens"]) == ("a", 3)
    assert await shown("rejected", house.zulu.headers) == await shown("conflicts", house.zulu.headers) == []


@pytest.mark.parametrize(
    "path, params, field",
    [
        ("/api/usage", {"from": "2026-03-01"}, "query/from"),
        ("/api/usage", {"from": "2026-03-01T00:00:00"}, "query/from"),
        ("/api/usage", {"to": "0001-01-01T00:00:00+14:00"}, "query/to"),
        ("/api/usage", {"from": "2027-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "query/from"),
        ("/api/usage", {"bucket": "week"}, "query/bucket"),
        ("/api/usage", {"bucket": "hour", "from": "2020-01-01T00:00:00Z"}, "from"),
        ("/api/usage", {"meter": "nothing"}, "query/meter"),
        ("/api/usage", {"time_zone": "Mars/Base"}, "query/time_zone"),
        ("/api/usage", {"form": "2026-03-01T00:00:00Z"}, "query/form"),
        ("/api/events", {"limit": "0"}, "query/limit"),
        ("/api/events", {"limit": "1000"}, "query/limit"),
        ("/api/events", {"cursor": "not a cursor"}, "query/cursor"),
        ("/api/events", {"cursor": "WyIwMDAxIiwiYSIsImIiXQ=="}, "query/cursor"),
    ],
)
async def test_wrong_questions_name_the_parameter(
    client: httpx.AsyncClient, house: House, path: str, params: dict[str, str], field: str
) -> None:
    answer = await client.get(path, params=params, headers=house.acme.headers)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize("path", ["/api/usage", "/api/events", "/api/events/rejected", "/api/events/conflicts"])
async def test_a_person_of_no_customer_sees_no_tenant(
    client: httpx.AsyncClient, house: House, runtime: Runtime, path: str
) -> None:
    """Goal: only an operator's None means everybody; signed in without a customer means nobody."""
    await send(client, house.acme.headers, [llm_event("a"), llm_event("a", tokens=3), llm_event("b", time="noon")])
    named = {} if path.count("/") == 3 else {"customer": "acme"}
    async with runtime.unit() as unit:
        await make_user(unit, email="nobody@example.org")
        await make_user(unit, email="operator@example.org", operator=True)
    await sign_in(client, runtime, "nobody@example.org")
    for params in ({}, named):
        answer = await client.get(path, params=params)
        assert (answer.status_code, answer.json()["code"]) == (403, "no_customer"), answer.text
    await sign_in(client, runtime, "operator@example.org")
    answer = await client.get(path, params=named)
    assert answer.status_code == 200
    assert answer.json().get("events", answer.json().get("meters"))


async def test_an_operator_must_name_the_customer(client: httpx.AsyncClient, house: House) -> None:
    answer = await client.get("/api/usage", headers=house.operator)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "query/customer")


async def test_keys_and_scopes(client: httpx.AsyncClient, house: House, runtime: Runtime) -> None:
    assert (await client.post("/api/events", json=llm_event("x"))).status_code == 401
    async with runtime.unit() as unit:
        reader = await make_key(unit, house.acme.customer.id, ["usage:read"])
    assert (await client.post("/api/events", json=llm_event("x"), headers=reader)).status_code == 403
    assert (await client.get("/api/usage", headers=reader)).status_code == 200
