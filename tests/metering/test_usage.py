"""Usage as it is asked for: in any zone, by bucket and dimension, as JSON and CSV, exact at every edge."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import httpx
import pytest

from autorisen import metering
from autorisen.kit.unit import Runtime
from autorisen.metering import Aggregation, Dimension, usage_query
from tests.factories.accounts import Tenant, make_key, make_tenant
from tests.factories.metering import METERS, llm_event, send

MODEL = (Dimension("model", ("model",)), Dimension("zone", ("zone",)))
TOKENS = replace(METERS[1], group_by=MODEL)
USERS = replace(METERS[1], key="users", aggregation=Aggregation.UNIQUE, value_path=("user",), group_by=MODEL[:1])
CALLS = replace(METERS[0], key="calls", event_type="llm.completion")


@dataclass
class House:
    acme: Tenant
    operator: dict[str, str]


@pytest.fixture
async def house(runtime: Runtime) -> House:
    async with runtime.unit() as unit:
        await metering.apply_meters(unit, [TOKENS, USERS, CALLS])
        return House(await make_tenant(unit, "acme"), await make_key(unit, None))


def event(id: str, at: str, tokens: int, model: str = "large", user: str = "ann", **data: Any) -> dict[str, Any]:
    return llm_event(id, time=at, data={"input_tokens": tokens, "model": model, "user": user, **data})


async def ask(client: httpx.AsyncClient, house: House, **query: Any) -> Any:
    params = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-03T00:00:00Z"} | query
    answer = await client.get("/api/usage", params=params, headers=house.acme.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["meters"] if query.get("format") != "csv" else list(csv.reader(io.StringIO(answer.text)))


@pytest.fixture
async def used(client: httpx.AsyncClient, house: House) -> House:
    events = [
        event("a", "2026-03-01T10:15:00Z", 1, "large", "ann", zone="za"),
        event("b", "2026-03-01T10:45:00Z", 20, "small", "ann", zone="za"),
        event("c", "2026-03-01T11:00:00Z", 300, "large", "bob", zone="eu"),
        event("d", "2026-03-02T07:30:00Z", 4000, "large", "ann"),
    ]
    await send(client, house.acme.headers, events)
    return house


async def test_use_is_grouped_and_filtered(client: httpx.AsyncClient, used: House) -> None:
    def of(rows: list[dict[str, Any]]) -> dict[tuple[str, ...], str]:
        return {(row["meter"], *row["group"].values()): row["quantity"] for row in rows}

    assert of(await ask(client, used, group_by="model")) == {
        ("llm.input_tokens", "large"): "4301",
        ("llm.input_tokens", "small"): "20",
        ("users", "large"): "2",
        ("users", "small"): "1",
    }
    assert of(await ask(client, used, group_by="model,zone")) == {
        ("llm.input_tokens", "large", ""): "4000",
        ("llm.input_tokens", "large", "eu"): "300",
        ("llm.input_tokens", "large", "za"): "1",
        ("llm.input_tokens", "small", "za"): "20",
    }
    (row,) = await ask(client, used, meter="llm.input_tokens", where=["model:large", "zone:za"])
    assert (row["quantity"], row["events"]) == ("1", 1)
    (row,) = await ask(client, used, meter="llm.input_tokens", where="zone:")
    assert row["quantity"] == "4000"
    rows = await ask(client, used, where="model:large", **{"from": "2026-03-01T10:30:00Z"})
    assert {each["meter"]: each["quantity"] for each in rows} == {"llm.input_tokens": "4300", "users": "2"}


async def test_a_value_counts_once_however_many_hours_and_groups_have_it(
    client: httpx.AsyncClient, used: House
) -> None:
    (row,) = await ask(client, used, meter="users", bucket="day")
    assert (row["quantity"], [each["quantity"] for each in row["buckets"]]) == ("2", ["2", "1"])
    (row,) = await ask(client, used, meter="users", bucket="hour", to="2026-03-01T12:00:00Z")
    assert [each["quantity"] for each in row["buckets"]][-3:] == ["0", "1", "1"]


@pytest.mark.parametrize("bucket, starts", [("minute", 30), ("hour", 2)])
async def test_small_buckets_are_exact(client: httpx.AsyncClient, used: House, bucket: str, starts: int) -> None:
    bounds = {"from": "2026-03-01T10:30:30Z", "to": "2026-03-01T11:00:00.000001Z"}
    (row,) = await ask(client, used, meter="llm.input_tokens", bucket=bucket, **bounds)
    filled = [(each["start"][11:19], each["quantity"]) for each in row["buckets"] if each["events"]]
    assert [quantity for _, quantity in filled] == ["20", "300"]
    assert filled[-1][0] == "11:00:00"
    assert len(row["buckets"]) == starts + (1 if bucket == "minute" else 0)


async def test_days_of_a_zone_off_the_hour_are_exact(client: httpx.AsyncClient, used: House) -> None:
    """Goal: in Kathmandu (+05:45) the day ends at 18:15 UTC, in the middle of an hour's rollup."""
    await send(
        client, used.acme.headers, [event("e", "2026-03-01T18:14:59.999999Z", 5), event("f", "2026-03-01T18:15:00Z", 6)]
    )
    bounds = {"from": "2026-03-01T00:00:00+05:45", "to": "2026-03-04T00:00:00+05:45"}
    zone = {"bucket": "day", "time_zone": "Asia/Kathmandu", "meter": "llm.input_tokens"}
    (row,) = await ask(client, used, **bounds, **zone)
    assert [each["quantity"] for each in row["buckets"]] == ["326", "4006", "0"]
    assert row["buckets"][1]["start"] == "2026-03-02T00:00:00+05:45"


async def test_a_table_is_what_the_document_says(client: httpx.AsyncClient, used: House) -> None:
    query = {"meter": "llm.input_tokens", "group_by": "model", "bucket": "day", "time_zone": "Africa/Johannesburg"}
    document = await ask(client, used, **query)
    header, *lines = await ask(client, used, format="csv", **query)
    assert header == ["meter", "unit", "model", "from", "to", "quantity", "events"]
    assert [(line[2], line[3], line[5], int(line[6])) for line in lines] == [
        (row["group"]["model"], each["start"], each["quantity"], each["events"])
        for row in document
        for each in row["buckets"]
    ]
    assert all(first[4] == second[3] for first, second in pairwise(lines) if first[2] == second[2])


@pytest.mark.parametrize("model", ["=1+1", "+1", "-1", "@x", "\t=1", "\n=1", 'a"b,c\nd'])
async def test_a_table_runs_no_formula(client: httpx.AsyncClient, house: House, model: str) -> None:
    await send(client, house.acme.headers, [event("x", "2026-03-01T10:00:00Z", 7, model)])
    _, line = await ask(client, house, meter="llm.input_tokens", group_by="model", format="csv")
    assert line[2] == (model if model[0] == "a" else f"'{model}")
    (row,) = await ask(client, house, meter="llm.input_tokens", group_by="model")
    assert row["group"] == {"model": model}


REFUSED = [
    ({"bucket": "week"}, "query/bucket"),
    ({"group_by": "nothing"}, "query/group_by"),
    ({"group_by": "model,model"}, "query/group_by"),
    ({"group_by": ""}, "query/group_by"),
    ({"group_by": "zone", "meter": "users"}, "query/group_by"),
    ({"where": "model"}, "query/where"),
    ({"where": ":large"}, "query/where"),
    ({"where": ["model:a", "model:b"]}, "query/where"),
    ({"where": "nothing:x"}, "query/where"),
    ({"group_by": ["model"] * 9}, "query/group_by"),
    ({"format": "xml"}, "query/format"),
]


@pytest.mark.parametrize("query, field", REFUSED)
async def test_a_question_that_breaks_a_rule_is_named(
    client: httpx.AsyncClient, used: House, query: dict[str, Any], field: str
) -> None:
    answer = await client.get("/api/usage", params=query, headers=used.acme.headers)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == field


async def test_an_answer_has_an_end(client: httpx.AsyncClient, house: House) -> None:
    """Goal: many groups by many buckets are refused before they fill the memory."""
    await send(client, house.acme.headers, [event(f"m{n}", "2026-03-01T10:00:00Z", 1, f"m{n}") for n in range(100)])
    query = {"group_by": "model", "bucket": "hour", "from": "2026-02-01T00:00:00Z", "to": "2026-03-02T00:00:00Z"}
    answer = await client.get("/api/usage", params=query, headers=house.acme.headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "usage_too_large")


async def test_the_groups_of_an_answer_have_an_end(
    client: httpx.AsyncClient, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goal: totals of very many groups are refused while they are read, not when they are in memory."""
    monkeypatch.setattr(usage_query, "ROW_LIMIT", 20)
    await send(client, house.acme.headers, [event(f"m{n}", "2026-03-01T10:00:00Z", 1, f"m{n}") for n in range(21)])
    query = {"group_by": "model", "from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z"}
    answer = await client.get("/api/usage", params=query, headers=house.acme.headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "usage_too_large")


async def test_a_client_that_accepts_tables_gets_one(client: httpx.AsyncClient, used: House) -> None:
    headers = used.acme.headers | {"accept": "text/csv"}
    answer = await client.get("/api/usage", params={"format": "json"}, headers=headers)
    assert answer.headers["content-type"] == "application/json"
    answer = await client.get("/api/usage", headers=headers)
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.startswith("meter,unit,from,to,quantity,events\r\n")


async def test_meters_say_how_they_count_and_how_far_they_are(
    client: httpx.AsyncClient, used: House, runtime: Runtime
) -> None:
    async with runtime.unit() as unit:
        new = replace(TOKENS, key="new", filter=metering.load_meters([FILTERED])[0].filter)
        await metering.apply_meters(unit, [TOKENS, USERS, CALLS, new], at_once_bytes=0)
    found = (await client.get("/api/meters", headers=used.acme.headers)).json()
    tokens = next(meter for meter in found["meters"] if meter["key"] == "llm.input_tokens")
    assert (tokens["value_path"], tokens["filter"]) == ("input_tokens", None)
    assert tokens["group_by"] == {"model": "model", "zone": "zone"}
    (rebuild,) = found["rebuilds"]
    assert (rebuild["key"], rebuild["events_done"]) == ("new", 0)
    assert rebuild["filter"] == {"path": "model", "eq": "large"}
    assert json.dumps(rebuild["events_total"])


FILTERED: dict[str, Any] = {
    "key": "f",
    "name": "F",
    "unit": "u",
    "event_type": "t",
    "aggregation": "count",
    "filter": {"path": "model", "eq": "large"},
}


async def test_a_level_is_weighted_by_time(client: httpx.AsyncClient, runtime: Runtime, house: House) -> None:
    """Goal: a level holds over hours without events, into the stretch from before it, and to its end."""
    level = replace(METERS[1], key="level", aggregation=Aggregation.TIME_WEIGHTED)
    async with runtime.unit() as unit:
        await metering.apply_meters(unit, [TOKENS, USERS, CALLS, level])
    await send(
        client,
        house.acme.headers,
        [event("l1", "2026-03-01T10:30:00Z", 10), event("l2", "2026-03-01T20:00:00Z", 4, "small")],
    )
    for start, end, average in (
        ("2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z", "5"),
        ("2026-03-01T10:45:00Z", "2026-03-01T11:00:00Z", "10"),
        ("2026-03-01T12:00:00Z", "2026-03-01T13:00:00Z", "10"),
        ("2026-03-01T19:00:00Z", "2026-03-01T21:00:00Z", "7"),
        ("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z", "4"),
        ("2026-03-01T00:00:00Z", "2026-03-01T10:30:00Z", "0"),
        ("2026-03-01T10:30:00Z", "2026-03-01T10:30:07Z", "10"),
        ("2026-03-01T10:29:59Z", "2026-03-01T10:30:02Z", "6.666666666667"),
    ):
        (row,) = await ask(client, house, meter="level", **{"from": start, "to": end})
        assert Decimal(row["quantity"]) == Decimal(average), (start, end)


async def test_a_level_follows_a_correction_and_its_groups_add_up(
    client: httpx.AsyncClient, runtime: Runtime, house: House
) -> None:
    """Goal: over gaps, days and groups the average is that of what counts now; days of it weigh as long as they are."""
    level = replace(
        METERS[1], key="level", aggregation=Aggregation.TIME_WEIGHTED, group_by=(Dimension("model", ("model",)),)
    )
    async with runtime.unit() as unit:
        await metering.apply_meters(unit, [TOKENS, USERS, CALLS, level])
    sent = [
        event("l1", "2026-03-01T06:00:00Z", 8),
        event("l2", "2026-03-01T06:30:00Z", 100),
        event("l3", "2026-03-02T06:00:00Z", 2),
        event("l4", "2026-03-01T12:00:00Z", 4, "small"),
    ]
    await send(client, house.acme.headers, sent)
    async with runtime.unit() as unit:
        void = metering.Correction(house.acme.customer.id, "tests", "l2", kind="void", reason="a mistake")
        await metering.correct_events(unit, actor="usr_x", corrections=[void])
    (row,) = await ask(client, house, meter="level", bucket="day")
    # The first day: 8 for 18 hours and 4 for 12; the second one: 8 and then 2, and 4 all day.
    assert [each["quantity"] for each in row["buckets"]] == ["8.000000000000", "7.500000000000"]
    assert (row["quantity"], row["events"]) == ("7.750000000000", 3)
    rows = await ask(client, house, meter="level", group_by="model")
    assert [(each["group"]["model"], Decimal(each["quantity"])) for each in rows] == [
        ("large", Decimal("4.75")),
        ("small", Decimal(3)),
    ]


async def test_totals_of_buckets_are_those_of_the_whole(client: httpx.AsyncClient, used: House) -> None:
    """Goal: asked with buckets or without, in whole hours or not, a total is the same."""
    for start in ("2026-03-01T00:00:00Z", "2026-03-01T10:20:30.5Z"):
        whole = await ask(client, used, **{"from": start})
        for bucket in ("hour", "day", "month"):
            rows = await ask(client, used, bucket=bucket, **{"from": start})
            assert [(row["meter"], row["quantity"], row["events"]) for row in rows] == [
                (row["meter"], row["quantity"], row["events"]) for row in whole
            ]
