"""The machine interface of quotas and holds: hold, draw, settle, release."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import httpx

from autorisen.kit.clock import FrozenClock
from autorisen.kit.ids import public_id
from autorisen.kit.unit import Runtime
from tests.factories.accounts import sign_in
from tests.factories.holds import RUNS, TOKENS, Caller, World, numbers


async def test_a_hold_is_drawn_and_settled_and_counts_once(acme: Caller, client: httpx.AsyncClient) -> None:
    granted = await acme.hold("1200.5")
    assert granted.status_code == 201
    body = granted.json()
    assert body["id"].startswith("hld_")
    assert (body["granted"], body["remaining"]) == ("1200.5", "48799.5")
    assert body["expires_at"] == "2026-03-01T08:01:00Z"
    assert numbers(await acme.quota()) == ("50000", "0", "1200.5", "48799.5")

    drawn = await acme.draw(body["id"], 400, 1)
    assert drawn.json() == {"hold": body["id"], "sequence": 1, "quantity": "400", "drawn": "400"}
    assert (await acme.draw(body["id"], "400.0", 1)).json() == drawn.json()
    assert (await acme.read(body["id"])).json()["left"] == "800.5"

    settled = await acme.settle(body["id"], 900, data={"model": "small", "input_tokens": 7})
    assert (settled.status_code, settled.json()["status"], settled.json()["used"]) == (200, "settled", "900")
    again = await acme.settle(body["id"], 900, data={"input_tokens": 7, "model": "small"})
    assert again.json() == settled.json()
    assert numbers(await acme.quota()) == ("50000", "900", "0", "49100")
    assert numbers(await acme.quota("llm.input_tokens"))[1] == "7"

    listed = (await client.get("/api/events", headers=acme.headers)).json()["events"]
    assert [event["id"] for event in listed] == [f"{body['id']}/1"]
    assert listed[0]["data"] == {"input_tokens": 7, "model": "small", "output_tokens": 900}


async def test_the_same_key_is_the_same_hold_and_other_terms_are_refused(acme: Caller) -> None:
    first = await acme.hold(10)
    assert (await acme.hold("10")).json() == first.json()
    for other in ({"quantity": 11}, {"quantity": 10, "meter": RUNS}, {"quantity": 10, "expires_in_seconds": 61}):
        refused = await acme.hold(**other)
        assert (refused.status_code, refused.json()["code"]) == (409, "hold_key_taken")
    assert numbers(await acme.quota())[2] == "10"
    await acme.settle(first.json()["id"], 3)
    assert (await acme.hold(10)).json() == first.json()


async def test_no_room_is_429_with_the_numbers_and_the_way_on(acme: Caller) -> None:
    await acme.held(30, meter=RUNS, key="a")
    refused = await acme.hold(21, meter=RUNS, key="b")
    assert refused.status_code == 429
    problem = refused.json()
    assert problem["code"] == "quota_exceeded"
    assert [problem[name] for name in ("meter", "included", "used", "held", "left", "upgrade_url")] == [
        RUNS,
        "50",
        "0",
        "30",
        "20",
        "/pricing",
    ]
    assert (await acme.hold(20, meter=RUNS, key="b")).json()["remaining"] == "0"


async def test_overage_has_no_hard_limit(client: httpx.AsyncClient, world: World) -> None:
    grand = Caller(client, world.pro)
    granted = await grand.hold(10**17)
    assert (granted.status_code, granted.json()["remaining"]) == (201, None)
    quota = await grand.quota()
    assert (quota["left"], quota["remaining"], quota["overage_allowed"]) == ("0", None, True)
    assert (await grand.settle(granted.json()["id"], 10**17 + 5)).json()["used"] == str(10**17 + 5)


async def test_without_a_plan_nothing_is_granted(client: httpx.AsyncClient, world: World) -> None:
    bare = Caller(client, world.bare)
    refused = await bare.hold(1)
    assert (refused.status_code, refused.json()["included"]) == (429, "0")
    assert (await bare.quota())["remaining"] == "0"


async def test_a_counting_meter_gets_an_event_a_use(acme: Caller, client: httpx.AsyncClient) -> None:
    id = await acme.held(5, meter=RUNS)
    await acme.settle(id, 3, data={"agent": "docs"})
    assert numbers(await acme.quota(RUNS)) == ("50", "3", "0", "47")
    listed = (await client.get("/api/events", headers=acme.headers)).json()["events"]
    assert [event["id"] for event in listed] == [f"{id}/3", f"{id}/2", f"{id}/1"]


async def test_released_is_free_again_and_what_was_drawn_counts(acme: Caller) -> None:
    untouched, drawn = await acme.held(100, key="a"), await acme.held(200, key="b")
    await acme.draw(drawn, 30, 7)
    for id, used in ((untouched, "0"), (drawn, "30")):
        released = await acme.release(id)
        assert (released.json()["status"], released.json()["used"], released.json()["left"]) == ("released", used, "0")
        assert (await acme.release(id)).json() == released.json()
        settled = await acme.settle(id, 30)
        assert (settled.status_code, settled.json()["code"], settled.json()["state"]) == (409, "hold_ended", "released")
    assert numbers(await acme.quota()) == ("50000", "30", "0", "49970")


async def test_a_settled_hold_takes_nothing_more(acme: Caller) -> None:
    id = await acme.held(100)
    await acme.draw(id, 10, 1)
    await acme.settle(id, 40)
    assert (await acme.draw(id, 10, 1)).json()["drawn"] == "10"
    for refused in (await acme.draw(id, 1, 2), await acme.release(id), await acme.settle(id, 41)):
        assert (refused.status_code, refused.json()["code"], refused.json()["used"]) == (409, "hold_ended", "40")
    other_data = await acme.settle(id, 40, data={"model": "large"})
    assert other_data.status_code == 409


async def test_draws_stay_within_the_hold(acme: Caller) -> None:
    id = await acme.held(100)
    await acme.draw(id, 60, 1)
    conflict, exhausted = await acme.draw(id, 61, 1), await acme.draw(id, 41, 2)
    assert (conflict.status_code, conflict.json()["code"]) == (409, "draw_conflict")
    assert (exhausted.status_code, exhausted.json()["code"], exhausted.json()["left"]) == (409, "hold_exhausted", "40")
    assert (await acme.read(id)).json()["drawn"] == "60"
    below = await acme.settle(id, 59)
    assert (below.status_code, below.json()["errors"]) == (
        422,
        [{"field": "/quantity", "rule": "must be at least what was drawn, 60"}],
    )


async def test_settling_beyond_the_hold_needs_room(acme: Caller) -> None:
    first, second = await acme.held(49_000, key="a"), await acme.held(900, key="b")
    refused = await acme.settle(first, 49_101)
    assert (refused.status_code, refused.json()["left"]) == (429, "100")
    assert (await acme.read(first)).json()["status"] == "held"
    assert (await acme.settle(first, 49_100)).json()["used"] == "49100"
    assert numbers(await acme.quota()) == ("50000", "49100", "900", "0")
    assert (await acme.release(second)).status_code == 200


async def test_its_time_is_up(acme: Caller, clock: FrozenClock) -> None:
    untouched, drawn = await acme.held(100, key="a"), await acme.held(200, key="b")
    await acme.draw(drawn, 30, 1)
    clock.advance(timedelta(seconds=59))
    assert (await acme.read(drawn)).json()["status"] == "held"
    clock.advance(timedelta(seconds=1))
    # Nothing has run: the room is back, and the answers are those of an expired hold.
    assert numbers(await acme.quota())[2:] == ("30", "49970")
    assert [(await acme.read(drawn)).json()[name] for name in ("status", "used")] == ["expired", "30"]
    for refused in (await acme.draw(drawn, 1, 2), await acme.settle(drawn, 31)):
        assert (refused.status_code, refused.json()["state"]) == (409, "expired")
    # Whoever asks next counts what was drawn.
    await acme.held(1, key="c")
    assert numbers(await acme.quota()) == ("50000", "30", "1", "49969")
    released = await acme.release(untouched)
    assert (released.status_code, released.json()["status"], released.json()["used"]) == (200, "expired", "0")


async def test_releasing_what_has_expired_counts_its_draws(acme: Caller, clock: FrozenClock) -> None:
    id = await acme.held(200)
    await acme.draw(id, 30, 1)
    clock.advance(timedelta(minutes=2))
    released = await acme.release(id)
    assert [released.json()[name] for name in ("status", "used", "ended_at")] == [
        "expired",
        "30",
        "2026-03-01T08:01:00Z",
    ]
    assert (await acme.release(id)).json() == released.json() == (await acme.read(id)).json()
    assert numbers(await acme.quota()) == ("50000", "30", "0", "49970")


async def test_others_holds_do_not_exist(acme: Caller, client: httpx.AsyncClient, world: World) -> None:
    id = await acme.held(100)
    stranger = Caller(client, world.pro)
    answers = [
        await stranger.read(id),
        await stranger.draw(id, 1, 1),
        await stranger.settle(id, 1),
        await stranger.release(id),
    ]
    missing = public_id("hld", UUID(int=5))
    assert [answer.status_code for answer in answers] == [404] * 4
    for answer in answers:
        same = (await stranger.read(missing)).json()
        assert answer.json()["detail"].replace(id, missing) == same["detail"]
    for name in (world.customer_id, "acme", "nobody"):
        refused = await stranger.hold(1, customer=name)
        assert (refused.status_code, refused.json()["detail"]) == (404, "no customer has that key or id")
    assert (await acme.read(id)).json()["status"] == "held"
    assert (await stranger.read("hld_nonsense")).status_code == 404


async def test_an_operator_holds_for_customers(acme: Caller, client: httpx.AsyncClient, world: World) -> None:
    operator = Caller(client, world.operator)
    id = await operator.held(5, customer="acme")
    assert (await acme.read(id)).json()["customer"] == world.customer_id
    assert (await operator.quota(customer=world.customer_id))["held"] == "5"
    refused = await operator.hold(5, key="x")
    assert refused.json()["errors"][0]["field"] == "/customer"
    answer = await client.get("/api/quota", headers=world.operator, params={"meter": TOKENS})
    assert answer.json()["errors"][0]["field"] == "query/customer"


async def test_scopes(client: httpx.AsyncClient, world: World, acme: Caller, runtime: Runtime) -> None:
    id = await acme.held(5)
    reader = Caller(client, world.reader)
    assert (await reader.read(id)).status_code == 200
    refused = [
        await reader.hold(1),
        await reader.draw(id, 1, 1),
        await reader.settle(id, 1),
        await reader.release(id),
    ]
    assert [answer.status_code for answer in refused] == [403] * 4
    assert (await client.get(f"/api/holds/{id}")).status_code == 401
    await sign_in(client, runtime)
    assert (await client.get("/api/quota", params={"meter": TOKENS})).json()["held"] == "5"
