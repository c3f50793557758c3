"""What did not count is mended: once, by its own tenant, with who and why, and never half."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest

from autorisen.accounts import audit_log
from autorisen.kit.unit import Runtime
from autorisen.metering import Aggregation, MeterDefinition, apply_meters, replay_rule
from tests.factories.accounts import Tenant, make_customer, make_key, make_tenant, sign_in
from tests.factories.metering import METERS, llm_event, make_meters, send, usage

WHY = {"reason": "the producer's clock was wrong"}


@dataclass
class House:
    acme: Tenant
    zulu: Tenant
    operator: dict[str, str]


@pytest.fixture
async def house(runtime: Runtime) -> House:
    await make_meters(runtime)
    async with runtime.unit() as unit:
        return House(await make_tenant(unit, "acme"), await make_tenant(unit, "zulu"), await make_key(unit, None))


async def rejected(client: httpx.AsyncClient, headers: dict[str, str], **query: str) -> list[dict[str, Any]]:
    answer = await client.get("/api/events/rejected", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    events: list[dict[str, Any]] = answer.json()["events"]
    return events


async def end(
    client: httpx.AsyncClient, headers: dict[str, str], id: str, action: str = "replay", **body: Any
) -> httpx.Response:
    kind = "conflicts" if id.startswith("cnf_") else "rejected"
    return await client.post(f"/api/events/{kind}/{id}/{action}", json=WHY | body, headers=headers)


async def test_a_rejected_event_is_corrected_in_parts_and_counts_once(
    client: httpx.AsyncClient, house: House, runtime: Runtime
) -> None:
    await send(client, house.acme.headers, [llm_event("late", tokens=7, time="yesterday", traceparent="00-ab")])
    (open_one,) = await rejected(client, house.acme.headers)
    assert (open_one["field"], open_one["status"], open_one["resolution"]) == ("/time", "open", None)
    answer = await end(client, house.acme.headers, open_one["rejection"], patch={"time": "2026-03-01T07:00:00Z"})
    assert answer.status_code == 200, answer.text
    ended = answer.json()
    assert ended["status"] == "replayed"
    assert ended["resolution"]["event"] == {"source": "tests", "id": "late"}
    assert ended["resolution"]["reason"] == WHY["reason"]
    assert ended["resolution"]["by"].startswith("key_")
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("7", 1)
    (stored,) = (await client.get("/api/events", headers=house.acme.headers)).json()["events"]
    assert (stored["time"], stored["traceparent"]) == ("2026-03-01T07:00:00+00:00", "00-ab")
    again = await end(client, house.acme.headers, open_one["rejection"], patch={"time": "2026-03-01T07:00:00Z"})
    assert (again.status_code, again.json()["code"]) == (409, "rejection_is_over")
    assert await rejected(client, house.acme.headers) == []
    assert [each["rejection"] for each in await rejected(client, house.acme.headers, status="replayed")] == [
        open_one["rejection"]
    ]
    async with runtime.database.read() as tx:
        (entry,) = await audit_log(tx, target=open_one["rejection"])
    assert entry.action == "rejected_event.replayed"


async def test_a_correction_that_breaks_a_rule_changes_nothing(client: httpx.AsyncClient, house: House) -> None:
    await send(client, house.acme.headers, [llm_event("bad", tokens=-1), llm_event("good", tokens=5)])
    (open_one,) = await rejected(client, house.acme.headers)
    bodies: list[tuple[dict[str, Any], int, str]] = [
        ({}, 422, "/data/input_tokens"),
        ({"patch": {"data": {"input_tokens": 1}, "time": "soon"}}, 422, "/time"),
        ({"patch": {"data": {"input_tokens": 1}, "subject": "zulu"}}, 422, "/subject"),
        ({"event": {"specversion": "1.0"}}, 422, "/id"),
        ({"event": "x", "patch": {}}, 422, "/patch"),
        ({"patch": []}, 422, "/patch"),
        ({"reason": " "}, 422, "/reason"),
        ({"reason": "x" * 501}, 422, "/reason"),
        ({"reason": 1}, 422, "/reason"),
        ({"colour": "red"}, 422, "/colour"),
    ]
    for body, status, field in bodies:
        answer = await end(client, house.acme.headers, open_one["rejection"], **body)
        assert answer.status_code == status, (body, answer.text)
        assert answer.json()["errors"][0]["field"] == field
    taken = await end(client, house.acme.headers, open_one["rejection"], event=llm_event("good", tokens=6))
    assert (taken.status_code, taken.json()["code"]) == (409, "identity_taken")
    assert await rejected(client, house.acme.headers) == [open_one], "not even the count of its arrivals"
    assert (await client.get("/api/events/conflicts", headers=house.acme.headers)).json()["events"] == []
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("5", 1)


async def test_numbers_of_a_correction_stay_exact(client: httpx.AsyncClient, house: House) -> None:
    await send(client, house.acme.headers, [llm_event("x", tokens="many")])
    (open_one,) = await rejected(client, house.acme.headers)
    body = '{"reason": "exact", "patch": {"data": {"input_tokens": 123456789012345678.123456789012}}}'
    answer = await client.post(
        f"/api/events/rejected/{open_one['rejection']}/replay",
        content=body,
        headers=house.acme.headers | {"content-type": "application/json"},
    )
    assert answer.status_code == 200, answer.text
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("123456789012345678.123456789012", 1)
    for content, kind, status in (
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (body, "text/x", 415),
    ):
        answer = await client.post(
            f"/api/events/rejected/{open_one['rejection']}/replay",
            content=content,
            headers=house.acme.headers | {"content-type": kind},
        )
        assert answer.status_code == status


async def test_what_counted_meanwhile_is_what_it_became(client: httpx.AsyncClient, house: House) -> None:
    await send(client, house.acme.headers, [llm_event("e", tokens="seven")])
    await send(client, house.acme.headers, [llm_event("e", tokens=7)])
    (open_one,) = await rejected(client, house.acme.headers)
    answer = await end(client, house.acme.headers, open_one["rejection"], patch={"data": {"input_tokens": 7}})
    assert answer.json()["resolution"]["event"]["id"] == "e"
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("7", 1)


async def test_nobody_reads_or_ends_anothers(client: httpx.AsyncClient, house: House, runtime: Runtime) -> None:
    await send(client, house.acme.headers, [llm_event("x", time="never"), llm_event("c"), llm_event("c", tokens=11)])
    (open_one,) = await rejected(client, house.acme.headers)
    (conflict,) = (await client.get("/api/events/conflicts", headers=house.acme.headers)).json()["events"]
    assert await rejected(client, house.zulu.headers) == []
    assert (await client.get("/api/events/rejected/rules", headers=house.zulu.headers)).json() == {"rules": []}
    assert (await client.get("/api/events/conflicts", headers=house.zulu.headers)).json()["events"] == []
    no_such = "rej_" + "0" * 26
    for id, action in (
        (open_one["rejection"], "replay"),
        (open_one["rejection"], "discard"),
        (conflict["conflict"], "dismiss"),
    ):
        theirs = await end(client, house.zulu.headers, id, action)
        assert theirs.status_code == 404
        missing = await end(client, house.zulu.headers, no_such if id[0] == "r" else "cnf_" + "0" * 26, action)
        assert theirs.json()["detail"] == missing.json()["detail"]
    everything = {"field": open_one["field"], "rule": open_one["rule"], "reason": "mine"}
    answer = await client.post("/api/events/rejected/replay", json=everything, headers=house.zulu.headers)
    assert answer.json() == {"replayed": 0, "refused": 0, "next": None}
    async with runtime.unit() as unit:
        reader = await make_key(unit, house.acme.customer.id, ["usage:read"])
    assert (await end(client, reader, open_one["rejection"])).status_code == 403
    assert [each["status"] for each in await rejected(client, house.acme.headers)] == ["open"]
    # The operator sees and ends everybody's, as the tenant that sent it.
    (seen,) = await rejected(client, house.operator)
    assert seen["producer"] == house.acme.customer.public_id
    patch = {"time": "2026-03-01T07:00:00Z"}
    assert (await end(client, house.operator, seen["rejection"], patch=patch | {"subject": "zulu"})).status_code == 422
    assert (await end(client, house.operator, seen["rejection"], patch=patch)).status_code == 200
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("20", 2)


async def test_all_of_one_rule_come_in_once_the_meter_is_mended(
    client: httpx.AsyncClient, house: House, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    meter = MeterDefinition("pages", "Pages", "pages", "scan.done", Aggregation.SUM, ("pages",))
    async with runtime.unit() as unit:
        await apply_meters(unit, [*METERS, meter])
    scans = [llm_event(f"s{n}", type="scan.done", data={"pages": f"{n} pages"}) for n in range(12)]
    odd = llm_event("odd", type="scan.done", data={"pages": "1 page"}, subject="acme", time="2026-03-01T07:30:00Z")
    await send(client, house.acme.headers, [*scans, odd, llm_event("odd", tokens=3)])
    theirs = llm_event("z", type="scan.done", data={"pages": "z"}, subject="zulu")
    await send(client, house.zulu.headers, [theirs])
    (rule,) = (await client.get("/api/events/rejected/rules", headers=house.operator)).json()["rules"]
    assert (rule["field"], rule["events"]) == ("/data/pages", 14)
    ask = {"field": rule["field"], "rule": rule["rule"], "reason": "the meter counts scans now"}
    refused = await client.post("/api/events/rejected/replay", json=ask, headers=house.operator)
    assert refused.json() == {"replayed": 0, "refused": 14, "next": None}
    assert {each["times"] for each in await rejected(client, house.operator)} == {1}
    async with runtime.unit() as unit:
        counted = MeterDefinition("pages", "Pages", "scans", "scan.done", Aggregation.COUNT)
        await apply_meters(unit, [*METERS, counted])
    monkeypatch.setattr(sys.modules["autorisen.metering.repairs.replay_rule"], "CHUNK", 5)
    done = await client.post("/api/events/rejected/replay", json=ask, headers=house.acme.headers)
    assert done.json() == {"replayed": 12, "refused": 1, "next": None}, "one of them would be a conflict"
    assert (await usage(client, house.acme.headers))["pages"] == ("12", 12)
    assert [each["id"] for each in await rejected(client, house.acme.headers)] == ["odd"]
    assert [each["id"] for each in await rejected(client, house.zulu.headers)] == ["z"], "a customer mends its own"
    odd_place = await client.post("/api/events/rejected/replay", json=ask | {"after": {}}, headers=house.operator)
    assert odd_place.json()["errors"][0]["field"] == "/after"
    part = await replay_rule(
        runtime, tenant=None, field=ask["field"], rule=ask["rule"], actor="tests", reason="rest", limit=1
    )
    assert part.replayed + part.refused == 1
    assert part.next is not None
    rest = await replay_rule(
        runtime, tenant=None, field=ask["field"], rule=ask["rule"], actor="tests", reason="rest", after=part.next
    )
    assert (part.replayed + rest.replayed, part.refused + rest.refused, rest.next) == (1, 1, None)
    assert (await usage(client, house.zulu.headers))["pages"] == ("1", 1)


async def test_two_who_replay_at_once_count_it_once(client: httpx.AsyncClient, house: House) -> None:
    await send(client, house.acme.headers, [llm_event("x", tokens=4, time="never")])
    (open_one,) = await rejected(client, house.acme.headers)
    first, second = await asyncio.gather(
        *(
            end(client, house.acme.headers, open_one["rejection"], patch={"id": id, "time": "2026-03-01T07:00:00Z"})
            for id in ("one", "two")
        )
    )
    assert sorted([first.status_code, second.status_code]) == [200, 409]
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("4", 1)


async def test_the_constraints_decide_and_history_stays(
    client: httpx.AsyncClient, house: House, database_url: str
) -> None:
    await send(client, house.acme.headers, [llm_event("x", time="never"), llm_event("y", time="never")])
    for each in await rejected(client, house.acme.headers):
        assert (await end(client, house.acme.headers, each["rejection"], "discard")).json()["status"] == "discarded"
        assert (await end(client, house.acme.headers, each["rejection"], "discard")).status_code == 409
    with psycopg.connect(database_url, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM metering.repairs").fetchone() == (2,)
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO metering.repairs SELECT * FROM metering.repairs")
        for statement in ("UPDATE metering.repairs SET reason = 'x'", "DELETE FROM metering.repairs"):
            with pytest.raises(psycopg.errors.RestrictViolation):
                connection.execute(statement)
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            connection.execute(
                "INSERT INTO metering.repairs (tenant, digest, outcome, actor, reason, repaired_at)"
                " VALUES (gen_random_uuid(), 'x', 'discarded', 'a', 'b', now())"
            )


async def test_a_conflict_is_shown_beside_what_counts_and_dismissed(client: httpx.AsyncClient, house: House) -> None:
    await send(client, house.acme.headers, [llm_event("c", tokens=10)])
    await send(client, house.acme.headers, [llm_event("c", tokens=11, traceparent="00-ab")])
    (conflict,) = (await client.get("/api/events/conflicts", headers=house.acme.headers)).json()["events"]
    assert conflict["data"] == {"input_tokens": 11, "output_tokens": 1}
    assert conflict["counts"]["data"] == {"input_tokens": 10, "output_tokens": 1}
    assert conflict["extensions"] == {"traceparent": "00-ab"}
    answer = await end(client, house.acme.headers, conflict["conflict"], "dismiss")
    assert (answer.status_code, answer.json()["status"]) == (200, "dismissed")
    assert (await end(client, house.acme.headers, conflict["conflict"], "dismiss")).status_code == 409
    page = await client.get("/api/events/conflicts", params={"status": "dismissed"}, headers=house.acme.headers)
    assert page.json()["events"][0]["resolution"]["reason"] == WHY["reason"]


async def test_lists_go_page_by_page(client: httpx.AsyncClient, house: House) -> None:
    await send(client, house.acme.headers, [llm_event(f"r{n}", time="never") for n in range(7)])
    await send(client, house.acme.headers, [llm_event("c"), *(llm_event("c", tokens=n) for n in range(20, 25))])
    for kind, name, count in (("rejected", "rejection", 7), ("conflicts", "conflict", 5)):
        seen: list[str] = []
        cursor: str | None = None
        while True:
            params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
            page = (await client.get(f"/api/events/{kind}", params=params, headers=house.acme.headers)).json()
            seen += [each[name] for each in page["events"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert len(set(seen)) == len(seen) == count
        for odd in ("x", "AAAA", "W10=", "WyIyMDI2IiwieCJd", json.dumps([1])):
            answer = await client.get(f"/api/events/{kind}", params={"cursor": odd}, headers=house.acme.headers)
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "query/cursor")


async def test_a_signed_in_member_mends_its_own(client: httpx.AsyncClient, house: House, runtime: Runtime) -> None:
    await send(client, house.acme.headers, [llm_event("x", time="never")])
    await sign_in(client, runtime, "ann@acme.example")
    (open_one,) = await rejected(client, {})
    answer = await end(client, {}, open_one["rejection"], "discard")
    assert answer.json()["resolution"]["by"].startswith("usr_")


async def test_a_later_customers_events_come_in_by_rule(
    client: httpx.AsyncClient, house: House, runtime: Runtime
) -> None:
    """Goal: an event for the wrong customer is refused, and comes in corrected, with all that its tenant may send."""
    await send(client, house.acme.headers, [llm_event("x", subject="acme-labs", tokens=9)])
    async with runtime.unit() as unit:
        await make_customer(unit, key="acme-labs")
    (open_one,) = await rejected(client, house.acme.headers)
    assert (await end(client, house.acme.headers, open_one["rejection"])).status_code == 422
    answer = await end(client, house.acme.headers, open_one["rejection"], patch={"subject": "acme"})
    assert answer.status_code == 200
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("9", 1)
