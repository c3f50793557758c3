"""The machine interface: one's own subscription, others' for operators only, every refusal with its rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest

from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime
from autorisen.subscriptions import Subscription
from tests.factories.accounts import make_customer, make_key, make_member, sign_in
from tests.factories.subscriptions import subscribe


@dataclass(frozen=True)
class World:
    """A customer on Pro, another without a subscription, and keys."""

    started: Subscription
    customer_id: str
    own: dict[str, str]
    reader: dict[str, str]
    operator: dict[str, str]
    stranger: dict[str, str]


@pytest.fixture
async def world(runtime: Runtime) -> World:
    async with runtime.unit() as unit:
        customer, started = await subscribe(unit)
        other = await make_customer(unit, key="other")
        await make_member(unit, customer.id)
        return World(
            started,
            customer.public_id,
            await make_key(unit, customer.id, ["admin"]),
            await make_key(unit, customer.id, ["billing:read"]),
            await make_key(unit, None, ["admin"]),
            await make_key(unit, other.id, ["admin"]),
        )


async def test_a_customer_reads_its_subscription(world: World, client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/subscription", headers=world.reader)
    assert answer.status_code == 200
    found = answer.json()
    period = found.pop("current_period")
    assert (period["id"][:4], period["kind"], found.pop("planned"), found.pop("ended_at")) == (
        "per_",
        "paid",
        None,
        None,
    )
    assert found == {
        "id": world.started.public_id,
        "customer": world.customer_id,
        "plan": "pro",
        "plan_name": "Pro",
        "plan_version": 1,
        "status": "active",
        "interval": "month",
        "currency": "ZAR",
        "amount": "529.00",
        "started_at": "2026-03-01T08:00:00Z",
        "cancel_at_period_end": False,
    }


@pytest.mark.parametrize("by_key", [True, False])
async def test_an_operator_names_the_customer(world: World, client: httpx.AsyncClient, by_key: bool) -> None:
    name = "acme" if by_key else world.customer_id
    answer = await client.get("/api/subscription", params={"customer": name}, headers=world.operator)
    assert (answer.status_code, answer.json()["id"]) == (200, world.started.public_id)


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "/api/subscription"),
        ("GET", "/api/entitlements"),
        ("POST", "/api/subscription/cancel"),
        ("POST", "/api/subscription/resume"),
    ],
)
async def test_every_refusal_is_a_problem(world: World, client: httpx.AsyncClient, method: str, path: str) -> None:
    async def refusal(headers: dict[str, str], **params: str) -> tuple[int, str]:
        answer = await client.request(method, path, headers=headers, params=params)
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.status_code, answer.json()["code"]

    assert (await refusal({}))[0] == 401
    assert (await refusal({"Authorization": "Bearer nonsense"}))[0] == 401
    assert await refusal(world.operator) == (422, "invalid_input")
    assert await refusal(world.operator, customer="x" * 121) == (422, "invalid_input")
    assert await refusal(world.own, surprise="1") == (422, "invalid_input")
    # Somebody else's, and one that does not exist, look the same.
    assert await refusal(world.stranger, customer="acme") == (404, "not_found")
    assert await refusal(world.stranger, customer=world.customer_id) == (404, "not_found")
    assert await refusal(world.stranger, customer="nobody") == (404, "not_found")
    if path != "/api/entitlements":
        assert await refusal(world.stranger) == (404, "subscription_not_found")
    if method == "POST":
        assert (await refusal(world.reader))[0] == 403


async def test_an_operator_is_told_what_is_missing(world: World, client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/entitlements", headers=world.operator)
    assert answer.json()["errors"] == [
        {"field": "query/customer", "rule": "is required for an operator, who has no subscription"}
    ]


async def test_cancel_and_resume(world: World, runtime: Runtime, client: httpx.AsyncClient) -> None:
    for path, expected in (("cancel", True), ("cancel", True), ("resume", False), ("resume", False)):
        answer = await client.post(f"/api/subscription/{path}", headers=world.own)
        assert (answer.status_code, answer.json()["cancel_at_period_end"]) == (200, expected)
    async with runtime.database.read() as tx:
        cursor = await tx.execute("SELECT action, target FROM accounts.audit WHERE action LIKE 'subscription.%'")
        written = await cursor.fetchall()
    assert written == [
        (f"subscription.{each}", world.started.public_id) for each in ("cancel", "cancel", "resume", "resume")
    ]


async def test_a_member_cancels_in_the_browser(world: World, runtime: Runtime, client: httpx.AsyncClient) -> None:
    await sign_in(client, runtime)
    answer = await client.post("/api/subscription/cancel")
    assert (answer.status_code, answer.json()["cancel_at_period_end"]) == (200, True)
    assert (await client.get("/api/subscription")).json()["id"] == world.started.public_id


async def test_a_resume_that_comes_too_late(world: World, client: httpx.AsyncClient, clock: FrozenClock) -> None:
    await client.post("/api/subscription/cancel", headers=world.own)
    clock.advance(timedelta(days=40))
    answer = await client.post("/api/subscription/resume", headers=world.own)
    assert (answer.status_code, answer.json()["code"]) == (409, "subscription_transition_refused")
    assert "choose a plan again" in answer.json()["detail"]


async def test_entitlements(world: World, client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/entitlements", headers=world.reader)
    found = answer.json()
    assert (answer.status_code, found["customer"]) == (200, world.customer_id)
    rows = {row["key"]: row for row in found["entitlements"]}
    assert rows["llm.output_tokens"] == {
        "key": "llm.output_tokens",
        "kind": "meter",
        "name": "LLM output tokens",
        "unit": "tokens",
        "included": "500000",
        "used": "0",
        "left": "500000",
        "overage_allowed": True,
        "unit_price_minor": "0.03",
        "currency": "ZAR",
    }
    assert (rows["agents"]["included"], rows["agents"]["used"], rows["agents"]["unit_price_minor"]) == (
        "50",
        None,
        None,
    )
    empty = await client.get("/api/entitlements", headers=world.stranger)
    assert empty.json()["entitlements"] == []
