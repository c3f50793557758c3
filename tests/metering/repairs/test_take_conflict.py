"""What was sent later is taken: once, by an operator, as a correction that keeps every digit."""

from __future__ import annotations

import asyncio

import httpx

from autorisen.accounts import audit_log
from autorisen.kit.unit import Runtime
from autorisen.metering import Aggregation, MeterDefinition, apply_meters
from tests.factories.metering import METERS, llm_event, send, usage
from tests.metering.repairs.test_repairs import WHY, House, end, house

__all__ = ["house"]


async def test_a_conflict_is_taken_once_and_only_by_an_operator(
    client: httpx.AsyncClient, house: House, runtime: Runtime
) -> None:
    await send(client, house.acme.headers, [llm_event("c", tokens=10)])
    await send(client, house.acme.headers, [llm_event("c", tokens="11.000000000001", type="llm.completion")])
    (conflict,) = (await client.get("/api/events/conflicts", headers=house.acme.headers)).json()["events"]
    refused = await end(client, house.acme.headers, conflict["conflict"], "take")
    assert (refused.status_code, refused.json()["code"]) == (403, "operators_only")
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("10", 1)
    answers = await asyncio.gather(*(end(client, house.operator, conflict["conflict"], "take") for _ in range(3)))
    assert sorted(each.status_code for each in answers) == [200, 409, 409]
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("11.000000000001", 1), "every digit"
    page = await client.get("/api/events/conflicts", params={"status": "amended"}, headers=house.acme.headers)
    (ended,) = page.json()["events"]
    assert ended["resolution"]["reason"] == WHY["reason"]
    async with runtime.database.read() as tx:
        (entry,) = await audit_log(tx, target=conflict["conflict"])
    assert entry.action == "conflict.amended"
    assert (await end(client, house.operator, "cnf_" + "0" * 26, "take")).status_code == 404


async def test_what_breaks_a_rule_by_now_is_not_taken(
    client: httpx.AsyncClient, house: House, runtime: Runtime
) -> None:
    await send(client, house.acme.headers, [llm_event("c", type="scan", data={"pages": 1})])
    await send(client, house.acme.headers, [llm_event("c", type="scan", data={"pages": "many"})])
    async with runtime.unit() as unit:
        await apply_meters(unit, [*METERS, MeterDefinition("p", "Pages", "p", "scan", Aggregation.SUM, ("pages",))])
    (conflict,) = (await client.get("/api/events/conflicts", headers=house.acme.headers)).json()["events"]
    refused = await end(client, house.operator, conflict["conflict"], "take")
    assert refused.status_code == 422
    assert "/data/pages" in refused.text
    assert (await usage(client, house.acme.headers))["p"] == ("1", 1)
    (still,) = (await client.get("/api/events/conflicts", headers=house.acme.headers)).json()["events"]
    assert still["status"] == "open"
