"""Producers say what they sent; the answer says whether it is here, and which events are not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import psycopg
import pytest

from autorisen.kit.unit import Runtime
from autorisen.metering.control_totals import ids_digest
from tests.factories.accounts import Tenant, make_key, make_tenant
from tests.factories.metering import llm_event, make_meters, send

HOUR = "2026-03-01T07:00:00Z"
NOW = datetime.fromisoformat("2026-03-01T08:00:00Z")


@dataclass
class House:
    client: httpx.AsyncClient
    acme: Tenant
    operator: dict[str, str]

    async def tell(self, *totals: dict[str, Any], headers: dict[str, str] | None = None) -> list[dict[str, Any]]:
        answer = await self.client.post(
            "/api/control-totals", json={"totals": list(totals)}, headers=headers or self.operator
        )
        assert answer.status_code == 200, answer.text
        told: list[dict[str, Any]] = answer.json()["totals"]
        return told

    async def list_ids(self, *ids: str, **members: Any) -> dict[str, Any]:
        body = {"source": "tests", "hour": HOUR, "ids": list(ids)} | members
        answer = await self.client.post("/api/control-totals/events", json=body, headers=self.operator)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
async def house(runtime: Runtime, client: httpx.AsyncClient) -> House:
    await make_meters(runtime)
    async with runtime.unit() as unit:
        made = House(client, await make_tenant(unit, "acme"), await make_key(unit, None))
    await send(client, made.operator, [llm_event("a"), llm_event("b"), llm_event("c")])
    await send(client, made.operator, [llm_event("d", time="2026-03-01T06:59:59.999999Z"), llm_event("x", source="y")])
    return made


def total(events: int, ids: list[str] | None = None, **members: Any) -> dict[str, Any]:
    digest = {} if ids is None else {"digest": f"{ids_digest(ids):016x}"}
    return {"source": "tests", "hour": HOUR, "events": events} | digest | members


def brief(told: list[dict[str, Any]]) -> list[tuple[str, int, int, int]]:
    return [(each["verdict"], each["revision"], each["said"]["events"], each["stored"]["events"]) for each in told]


async def test_a_total_that_is_right_matches_and_is_kept_once(house: House, runtime: Runtime) -> None:
    told = await house.tell(total(3, ["a", "b", "c"]))
    assert brief(told) == [("matches", 1, 3, 3)]
    assert told[0]["stored"]["digest"] == told[0]["said"]["digest"] == f"{ids_digest(['c', 'b', 'a']):016x}"
    assert await house.tell(total(3, ["a", "b", "c"])) == told, "said again, nothing changes"
    assert brief(await house.tell(total(3))) == [("matches", 2, 3, 3)], "of another content, it is a revision"
    async with runtime.database.read() as tx:
        found = await tx.execute("SELECT revision, events, actor FROM metering.control_totals ORDER BY revision")
        rows = await found.fetchall()
    assert [(revision, events) for revision, events, _ in rows] == [(1, 3), (2, 3)]
    assert rows[0][2]


@pytest.mark.parametrize("said, ids", [(4, None), (2, None), (3, ["a", "b", "lost"]), (4, ["a", "b", "c", "lost"])])
async def test_a_total_of_other_events_differs(house: House, said: int, ids: list[str] | None) -> None:
    assert brief(await house.tell(total(said, ids))) == [("differs", 1, said, 3)]


async def test_producers_of_one_source_add_up(house: House) -> None:
    one, two = total(2, ["a", "c"], producer="one"), total(1, ["b"], producer="two")
    assert brief(await house.tell(one)) == [("differs", 1, 2, 3)]
    assert brief(await house.tell(two)) == [("matches", 1, 3, 3)]
    assert brief(await house.tell(one)) == [("matches", 1, 3, 3)]
    assert brief(await house.tell(total(2, ["b", "x"], producer="two"))) == [("differs", 2, 4, 3)]
    assert (await house.list_ids("a", "c", producer="one"))["unexpected"] is None, "it may be the other one's"


async def test_of_two_totals_in_one_request_the_last_one_holds(house: House) -> None:
    assert brief(await house.tell(total(9), total(3))) == [("matches", 1, 3, 3), ("matches", 1, 3, 3)]


async def test_a_customers_key_speaks_of_its_own_events(house: House) -> None:
    """Goal: neither does one tenant learn of another's events, nor does its total touch them."""
    assert brief(await house.tell(total(3), headers=house.acme.headers)) == [("differs", 1, 3, 0)]
    assert brief(await house.tell(total(3))) == [("matches", 1, 3, 3)]


async def test_missing_and_unexpected_events_are_named(house: House, runtime: Runtime) -> None:
    await send(house.client, house.operator, [llm_event("a", tokens=99), llm_event("bad", tokens=-1)])
    found = await house.list_ids("a", "b", "bad", "d", "lost")
    assert found == {
        "missing": [
            {"id": "bad", "reason": "rejected"},
            {"id": "d", "reason": "other_hour"},
            {"id": "lost", "reason": "unknown"},
        ],
        "unexpected": ["c"],
    }
    assert await house.list_ids("a", "b", "bad", "d", "lost") == found
    async with runtime.database.read() as tx:
        rows = await (await tx.execute("SELECT event_id, kind FROM metering.control_findings ORDER BY 1")).fetchall()
    assert rows == [("bad", "missing"), ("c", "unexpected"), ("d", "missing"), ("lost", "missing")]


async def test_an_hour_is_listed_in_stretches(house: House) -> None:
    assert await house.list_ids("a", through="b") == {"missing": [], "unexpected": ["b"]}
    assert await house.list_ids("c", after="b", through="c") == {"missing": [], "unexpected": []}
    assert await house.list_ids(after="c") == {"missing": [], "unexpected": []}


@pytest.mark.parametrize(
    "members, field",
    [
        ({"hour": "2026-03-01T07:30:00Z"}, "/totals/0/hour"),
        ({"hour": "2026-03-01T07:00:00"}, "/totals/0/hour"),
        ({"hour": "1999-03-01T07:00:00Z"}, "/totals/0/hour"),
        ({"hour": "9999-12-31T23:00:00-12:00"}, "/totals/0/hour"),
        ({"hour": "2026-03-03T07:00:00Z"}, "/totals/0/hour"),
        ({"hour": 7}, "/totals/0/hour"),
        ({"events": -1}, "/totals/0/events"),
        ({"events": 1.5}, "/totals/0/events"),
        ({"events": True}, "/totals/0/events"),
        ({"events": 10**15}, "/totals/0/events"),
        ({"source": ""}, "/totals/0/source"),
        ({"source": "a\u0000b"}, "/totals/0/source"),
        ({"source": "x" * 257}, "/totals/0/source"),
        ({"producer": 3}, "/totals/0/producer"),
        ({"producer": "\ud800"}, "/totals/0/producer"),
        ({"digest": "ABCDEF0123456789"}, "/totals/0/digest"),
        ({"digest": "123"}, "/totals/0/digest"),
        ({"colour": "red"}, "/totals/0/colour"),
    ],
    ids=str,
)
async def test_a_bad_total_is_named(house: House, members: dict[str, Any], field: str) -> None:
    answer = await house.client.post(
        "/api/control-totals",
        content=json.dumps({"totals": [total(3) | members]}),
        headers=house.operator | {"Content-Type": "application/json"},
    )
    assert (answer.status_code, [each["field"] for each in answer.json()["errors"]]) == (422, [field])


@pytest.mark.parametrize(
    "path, body, status, field",
    [
        ("", {"totals": []}, 422, "/totals"),
        ("", {"totals": [total(1)] * 101}, 422, "/totals"),
        ("", {"totals": ["x"]}, 422, "/totals/0"),
        ("", {"totals": [total(1)], "more": 1}, 422, "/more"),
        ("", [], 400, None),
        ("/events", {"source": "s", "hour": HOUR, "ids": "a"}, 422, "/ids"),
        ("/events", {"source": "s", "hour": HOUR, "ids": ["a", ""]}, 422, "/ids/1"),
        ("/events", {"source": "s", "hour": HOUR, "ids": ["a"], "after": "a"}, 422, "/ids/0"),
        ("/events", {"source": "s", "hour": HOUR, "ids": ["b"], "through": "a"}, 422, "/ids/0"),
    ],
)
async def test_a_bad_body_is_named(house: House, path: str, body: Any, status: int, field: str | None) -> None:
    answer = await house.client.post(f"/api/control-totals{path}", json=body, headers=house.operator)
    assert answer.status_code == status, answer.text
    assert field is None or field in [each["field"] for each in answer.json()["errors"]]


async def test_only_who_may_send_events_may_count_them(house: House, runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        reader = await make_key(unit, None, scopes=["usage:read"])
    for path, body in (("", {"totals": [total(1)]}), ("/events", {"source": "tests", "hour": HOUR, "ids": []})):
        answers = [
            await house.client.post(f"/api/control-totals{path}", json=body, headers=headers)
            for headers in ({}, reader)
        ]
        assert [each.status_code for each in answers] == [401, 403]
        other = await house.client.post(f"/api/control-totals{path}", content=b"x=1", headers=house.operator)
        assert other.status_code == 415


@pytest.mark.parametrize("table", ["control_totals", "control_findings"])
async def test_what_was_said_is_never_changed(house: House, runtime: Runtime, table: str) -> None:
    await house.tell(total(9))
    await house.list_ids("lost")
    with pytest.raises(psycopg.errors.RestrictViolation):
        async with runtime.unit() as unit:
            await unit.tx.execute(f"DELETE FROM metering.{table}".encode())
