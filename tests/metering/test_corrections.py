"""Events are corrected by records beside them: who, why, what counts instead; and every quantity follows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import errors

from autorisen import metering
from autorisen.accounts import audit_log
from autorisen.kit.unit import Runtime
from autorisen.metering import Correction, new_event
from autorisen.metering.model import OPERATOR
from tests.factories.accounts import Tenant, make_key, make_tenant
from tests.factories.metering import llm_event, make_meters, send, usage


@dataclass
class House:
    acme: Tenant
    zulu: Tenant
    operator: dict[str, str]


@pytest.fixture
async def house(runtime: Runtime, client: httpx.AsyncClient) -> House:
    """Operator's events e0 to e3 of acme, with 1 to 4 tokens, a minute apart."""
    await make_meters(runtime)
    async with runtime.unit() as unit:
        made = House(await make_tenant(unit, "acme"), await make_tenant(unit, "zulu"), await make_key(unit, None))
    await send(client, made.operator, [event(number) for number in range(4)])
    return made


def event(number: int, *, tokens: Any = None, **attributes: Any) -> dict[str, Any]:
    value = number + 1 if tokens is None else tokens
    return llm_event(f"e{number}", tokens=value, **{"time": f"2026-03-01T07:{number:02}:00Z"} | attributes)


def void(number: int, **members: Any) -> dict[str, Any]:
    return {"source": "tests", "id": f"e{number}", "kind": "void", "reason": "a test run"} | members


def amend(number: int, **attributes: Any) -> dict[str, Any]:
    content = event(number, **attributes)
    return {"source": "tests", "id": f"e{number}", "kind": "amend", "reason": "miscounted", "event": content}


async def correct(client: httpx.AsyncClient, house: House, *items: Any) -> httpx.Response:
    return await client.post("/api/events/corrections", json={"corrections": list(items)}, headers=house.operator)


async def tokens(client: httpx.AsyncClient, house: House, **query: str) -> tuple[str, int]:
    return (await usage(client, house.operator, **{"customer": "acme"} | query))["llm.input_tokens"]


async def test_a_voided_event_is_out_and_an_amended_one_counts_as_it_says(
    client: httpx.AsyncClient, house: House, runtime: Runtime
) -> None:
    answer = await correct(client, house, void(0), amend(1, tokens=100))
    assert answer.status_code == 200, answer.text
    receipt = answer.json()
    assert (receipt["voided"], receipt["amended"], receipt["unchanged"]) == (1, 1, 0)
    assert [(each["meter"], each["before"], each["after"]) for each in receipt["adjustments"]] == [
        ("llm.input_tokens", "10", "107"),
        ("llm.output_tokens", "4", "3"),
    ]
    assert await tokens(client, house) == ("107", 3)
    assert await tokens(client, house, **{"from": "2026-03-01T07:01:00Z"}) == ("107", 3)
    async with runtime.database.read() as tx:
        (entry,) = [each for each in await audit_log(tx, limit=50) if each.action == "events.corrected"]
    assert entry.target == receipt["correction"]


async def test_a_voided_event_counts_again_once_it_is_amended(client: httpx.AsyncClient, house: House) -> None:
    await correct(client, house, void(3))
    assert await tokens(client, house) == ("6", 3)
    assert (await correct(client, house, amend(3))).json()["amended"] == 1
    assert await tokens(client, house) == ("10", 4)
    params = {"source": "tests", "id": "e3"}
    found = (await client.get("/api/events/corrections", params=params, headers=house.operator)).json()["corrections"]
    assert [(each["revision"], each["kind"], each["reason"]) for each in found] == [
        (1, "void", "a test run"),
        (2, "amend", "miscounted"),
    ]
    assert found[1]["event"]["data"] == {"input_tokens": 4, "output_tokens": 1}
    assert found[0]["by"].startswith("key_")


async def test_the_same_again_changes_nothing(client: httpx.AsyncClient, house: House, database_url: str) -> None:
    for _ in range(2):
        await correct(client, house, void(0), amend(1, tokens=5))
    last = (await correct(client, house, void(0), amend(1, tokens=5))).json()
    assert (last["voided"], last["amended"], last["unchanged"], last["adjustments"]) == (0, 0, 2, [])
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM metering.corrections").fetchone() == (2,)


async def test_an_event_moves_to_another_customer_type_and_hour(client: httpx.AsyncClient, house: House) -> None:
    await correct(client, house, amend(0, subject="zulu", time="2026-03-01T05:00:00Z"))
    assert await tokens(client, house) == ("9", 3)
    assert await tokens(client, house, customer="zulu", to="2026-03-01T05:30:00Z") == ("1", 1)
    await correct(client, house, amend(0, type="agent.execution"))
    assert (await usage(client, house.operator, customer="acme"))["agent.execution"] == ("1", 1)
    assert await tokens(client, house, customer="zulu") == ("0", 0)


async def test_a_duplicate_is_told_by_what_was_sent(client: httpx.AsyncClient, house: House) -> None:
    """Goal: a correction does not let the event in again, and its new content is no duplicate of the first."""
    await correct(client, house, void(0), amend(1, tokens=50))
    receipt = await send(client, house.operator, [event(0), event(1), event(1, tokens=50)])
    assert (receipt["accepted"], receipt["duplicates"], receipt["conflicts"]) == (0, 2, 1)
    assert await tokens(client, house) == ("57", 3)


async def test_events_that_nobody_claimed_are_corrected_too(
    client: httpx.AsyncClient, house: House, runtime: Runtime
) -> None:
    """Goal: a claim counts neither what was voided nor, again, what was amended."""
    waiting = [llm_event(f"w{number}", tokens=7, subject="newco") for number in range(3)]
    await send(client, house.operator, waiting)
    moved = {
        "source": "tests",
        "id": "w1",
        "kind": "amend",
        "reason": "misspelt",
        "event": waiting[1] | {"subject": "acme"},
    }
    await correct(client, house, void(0, id="w0"), moved)
    assert await tokens(client, house) == ("17", 5)
    async with runtime.unit() as unit:
        await make_tenant(unit, "newco")
    async with runtime.unit() as unit:
        assert await metering.claim_events(unit) == 3
    assert await tokens(client, house, customer="newco") == ("7", 1)


REFUSED = [
    ([void(9)], "/corrections/0/id"),
    ([void(0), void(0)], "/corrections/1/id"),
    ([void(0, reason=" ")], "/corrections/0/reason"),
    ([void(0, reason="x" * 501)], "/corrections/0/reason"),
    ([void(0, event=event(0))], "/corrections/0/event"),
    ([amend(0) | {"event": event(1)}], "/corrections/0/event/id"),
    ([void(0, kind="amend")], "/corrections/0/event"),
    ([void(0), amend(1, subject="nobody")], "/corrections/1/event/subject"),
    ([amend(0, time="1999-01-01T00:00:00Z")], "/corrections/0/event/time"),
    ([amend(0, tokens="many")], "/corrections/0/event/data/input_tokens"),
    ([amend(0, tokens=-1)], "/corrections/0/event/data/input_tokens"),
    ([amend(0, specversion="2.0")], "/corrections/0/event/specversion"),
    ([void(0, customer="zulu")], "/corrections/0/id"),
    ([void(0, customer="nobody")], "/corrections/0/customer"),
    ([void(0, kind="delete")], "/corrections/0/kind"),
    ([void(0, more=1)], "/corrections/0/more"),
    ([void(0, source="a\0b")], "/corrections/0/source"),
    ([void(0, id=7)], "/corrections/0/id"),
    (["e0"], "/corrections/0"),
    ([], "/corrections"),
    ([void(0)] * 10_001, "/corrections"),
]


@pytest.mark.parametrize("items, field", REFUSED)
async def test_what_breaks_a_rule_is_named_and_nothing_is_done(
    client: httpx.AsyncClient, house: House, items: list[Any], field: str
) -> None:
    answer = await correct(client, house, *items)
    assert answer.status_code == 422, answer.text
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert await tokens(client, house) == ("10", 4)


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"{", b'{"corrections": {}}', b'{"corrections": [], "more": 1}'])
async def test_a_body_of_another_form_is_refused(client: httpx.AsyncClient, house: House, body: bytes) -> None:
    headers = house.operator | {"content-type": "application/json"}
    answer = await client.post("/api/events/corrections", content=body, headers=headers)
    assert answer.status_code in (400, 422), answer.text


async def test_only_operators_correct_and_others_see_their_own(client: httpx.AsyncClient, house: House) -> None:
    body = {"corrections": [void(0)]}
    answer = await client.post("/api/events/corrections", json=body, headers=house.acme.headers)
    assert answer.status_code == 403
    await send(client, house.acme.headers, [event(0, tokens=20)])
    assert (await correct(client, house, void(0, customer="acme"))).status_code == 200
    assert await tokens(client, house) == ("10", 4)
    params = {"source": "tests", "id": "e0"}
    for headers, query, status, number in (
        (house.acme.headers, {}, 200, 1),
        (house.zulu.headers, {}, 200, 0),
        (house.zulu.headers, {"customer": "acme"}, 404, 0),
        (house.operator, {"customer": "acme"}, 200, 1),
        (house.operator, {"customer": "nobody"}, 404, 0),
        (house.operator, {}, 200, 0),
    ):
        found = await client.get("/api/events/corrections", params=params | query, headers=headers)
        assert found.status_code == status
        assert len(found.json().get("corrections", [])) == number


async def test_corrections_and_ingest_at_once_lose_nothing(runtime: Runtime, house: House) -> None:
    """Goal: two that correct the same events, four that send into the same hour: the end is exact."""
    start = datetime(2026, 3, 1, 7, 30, tzinfo=UTC)

    async def sender(number: int) -> None:
        for turn in range(10):
            at = (start + timedelta(seconds=turn)).isoformat()
            async with runtime.unit() as unit:
                raw = llm_event(f"{number}-{turn}", tokens=1, time=at)
                await metering.ingest(unit, None, [new_event(raw)])

    async def corrector() -> None:
        for turn in range(6):
            made = [Correction(OPERATOR, "tests", f"e{number}", "void", f"turn {turn}") for number in range(4)]
            if turn % 2:
                made = [
                    Correction(OPERATOR, "tests", each.id, "amend", each.reason, new_event(event(number)))
                    for number, each in enumerate(made)
                ]
            async with runtime.unit() as unit:
                await metering.correct_events(unit, actor="tests", corrections=made)

    await asyncio.gather(*(sender(number) for number in range(4)), corrector(), corrector())
    async with runtime.unit() as unit:
        made = [Correction(OPERATOR, "tests", f"e{number}", "void", "the end") for number in range(4)]
        await metering.correct_events(unit, actor="tests", corrections=made)
    async with runtime.database.read() as tx:
        whole = {"start": datetime(2026, 1, 1, tzinfo=UTC), "end": datetime(2027, 1, 1, tzinfo=UTC)}
        found = await metering.quantity(tx, customer_id=house.acme.customer.id, meter="llm.input_tokens", **whole)
    assert (int(found.quantity), found.events) == (40, 40)


async def test_corrections_are_never_changed(client: httpx.AsyncClient, house: House, database_url: str) -> None:
    await correct(client, house, void(0))
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in (
            "UPDATE metering.corrections SET reason = 'x'",
            "DELETE FROM metering.corrections",
            "TRUNCATE metering.corrections",
            "UPDATE metering.adjustments SET after = 0",
            "DELETE FROM metering.adjustments",
        ):
            with pytest.raises(errors.RestrictViolation):
                connection.execute(statement)
