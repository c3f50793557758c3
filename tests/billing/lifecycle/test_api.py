"""The machine interface of a subscription's life: every step, who may take it, and what is refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from autorisen import accounts, subscriptions
from autorisen.accounts import Customer
from tests.billing.lifecycle.test_trials import with_card
from tests.factories.accounts import make_key
from tests.factories.billing import Shop
from tests.factories.payments import FAILS_LATER

Headers = dict[str, str]


async def key_of(shop: Shop, customer: Customer | None, scopes: tuple[str, ...] | None = None) -> Headers:
    async with shop.runtime.unit() as unit:
        owner = None if customer is None else customer.id
        return await make_key(unit, owner) if scopes is None else await make_key(unit, owner, scopes)


async def ask(
    shop: Shop, headers: Headers, method: str, path: str, body: dict[str, Any] | None = None, *, status: int = 200
) -> Any:
    answer = await shop.client.request(method, f"/api/subscriptions{path}", headers=headers, json=body)
    await shop.worker.drain()
    assert answer.status_code == status, answer.text
    return answer.json()


async def audited(shop: Shop, public_id: str) -> list[str]:
    async with shop.runtime.database.read() as tx:
        return [each.action for each in reversed(await accounts.audit_log(tx, target=public_id))]


async def test_a_life_from_trial_to_the_end(shop: Shop) -> None:
    customer = await shop.customer()
    headers = await key_of(shop, customer)
    tried = await ask(shop, headers, "POST", "", {"plan": "pro", "trial": True}, status=201)
    assert (tried["status"], tried["plan"], tried["current_period"]["kind"]) == ("trialing", "pro", "trial")
    one = f"/{tried['id']}"
    await shop.advance(days=1)
    preview = await ask(shop, headers, "GET", f"{one}/change?plan=pro")
    assert (preview["way"], preview["due_now"]["total_minor"]) == ("at_once", 52_900)
    changed = await ask(shop, headers, "POST", f"{one}/change", {"plan": "pro"})
    assert (changed["way"], changed["subscription"]["status"]) == ("at_once", "trialing")
    await shop.pay(changed["checkout"]["url"])
    await shop.advance(days=1)
    planned = await ask(shop, headers, "POST", f"{one}/change", {"plan": "enterprise", "at_period_end": True})
    assert planned["checkout"] is None
    assert planned["subscription"]["planned"] == {
        "what": "change",
        "at": planned["takes_effect_at"],
        "plan": "enterprise",
        "interval": "month",
    }
    paused = await ask(shop, headers, "POST", f"{one}/pause", {})
    assert (paused["status"], paused["planned"]["what"]) == ("active", "pause")
    kept = await ask(shop, headers, "DELETE", f"{one}/planned")
    assert kept["planned"] is None
    assert (await ask(shop, headers, "POST", f"{one}/pause", {"at_once": True}))["status"] == "paused"
    resumed = await ask(shop, headers, "POST", f"{one}/resume")
    assert (resumed["subscription"]["status"], resumed["invoice"]) == ("active", None)
    assert await audited(shop, tried["id"]) == [
        "subscription.trial",
        "subscription.schedule",
        "subscription.pause",
        "subscription.keep",
        "subscription.pause",
        "subscription.resume",
    ]


async def test_a_life_to_its_end(shop: Shop) -> None:
    customer = await shop.customer()
    headers = await key_of(shop, customer)
    tried = await ask(shop, headers, "POST", "", {"plan": "pro", "trial": True}, status=201)
    one = f"/{tried['id']}"
    await shop.advance(days=1)
    await shop.upgrade(customer)
    await shop.advance(days=1)
    ends = await ask(shop, headers, "POST", f"{one}/cancel", {})
    assert (ends["planned"]["what"], ends["cancel_at_period_end"]) == ("cancel", True)
    over = await ask(shop, headers, "POST", f"{one}/cancel", {"at_once": True})
    assert (over["status"], over["ended_at"]) == ("cancelled", "2026-03-03T08:00:00Z")
    history = await ask(shop, headers, "GET", "")
    assert [each["plan"] for each in history["subscriptions"]] == ["free", "pro"]
    periods = (await ask(shop, headers, "GET", f"{one}/periods"))["periods"]
    assert [each["kind"] for each in periods] == ["paid", "trial", "paid"]
    assert [each["end_at"] for each in periods[:-1]] == [each["start_at"] for each in periods[1:]]
    refused = await ask(shop, headers, "POST", f"{one}/change", {"plan": "pro"}, status=409)
    assert refused["code"] == "subscription_not_live"
    assert (await ask(shop, headers, "GET", one))["status"] == "cancelled"


async def test_resumed_after_the_paid_period_the_invoice_is_given(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    headers = await key_of(shop, customer)
    one = f"/{(await shop.subscription(customer)).public_id}"
    await ask(shop, headers, "POST", f"{one}/pause", {"at_once": True})
    await shop.advance(days=32)
    resumed = await ask(shop, headers, "POST", f"{one}/resume")
    assert (resumed["invoice"]["total_minor"], resumed["subscription"]["status"]) == (52_900, "active")


async def test_with_a_saved_card_it_is_wanted_paid_and_begun(shop: Shop) -> None:
    customer = await with_card(shop)
    operator = await key_of(shop, None)
    wanted = await ask(shop, operator, "POST", "", {"plan": "pro", "customer": customer.key}, status=201)
    assert (wanted["status"], wanted["current_period"], wanted["planned"]) == ("incomplete", None, None)
    begun = await ask(shop, operator, "GET", f"/{wanted['id']}")
    assert (begun["status"], begun["current_period"]["kind"]) == ("active", "paid")
    nothing = await ask(shop, operator, "POST", f"/{wanted['id']}/pay", status=409)
    assert nothing["code"] == "nothing_to_pay"


async def test_what_is_wanted_can_be_dropped_and_wanted_again(shop: Shop) -> None:
    customer = await with_card(shop, FAILS_LATER)
    headers = await key_of(shop, customer)
    checkout: dict[str, str] = {}
    for _ in range(2):
        wanted = await ask(shop, headers, "POST", "", {"plan": "pro"}, status=201)
        checkout = await ask(shop, headers, "POST", f"/{wanted['id']}/pay")
        dropped = await ask(shop, headers, "POST", f"/{wanted['id']}/cancel", {})
        assert dropped["status"] == "ended"
    await shop.pay(checkout["url"])
    assert (await shop.subscription(customer)).plan_key == "free"


async def test_an_operator_names_the_customer_and_nobody_sees_anothers(shop: Shop) -> None:
    acme, other = await shop.customer("acme"), await shop.customer("other")
    operator, stranger = await key_of(shop, None), await key_of(shop, other)
    missing = await ask(shop, operator, "POST", "", {"plan": "pro", "trial": True}, status=422)
    assert missing["errors"] == [{"field": "/customer", "rule": "is required for an operator, who has no subscription"}]
    for name in ("nobody", acme.key):
        await ask(shop, stranger, "POST", "", {"plan": "pro", "trial": True, "customer": name}, status=404)
    one = f"/{(await shop.subscription(acme)).public_id}"
    for method, path, body in (
        ("GET", one, None),
        ("GET", f"{one}/periods", None),
        ("GET", f"{one}/change?plan=pro", None),
        ("POST", f"{one}/change", {"plan": "pro"}),
        ("POST", f"{one}/pause", {}),
        ("POST", f"{one}/resume", None),
        ("POST", f"{one}/cancel", {}),
        ("POST", f"{one}/pay", None),
        ("DELETE", f"{one}/planned", None),
    ):
        assert (await ask(shop, stranger, method, path, body, status=404))["code"] == "subscription_not_found"
    assert await shop.subscription(acme) == await shop.subscription(acme)
    async with shop.runtime.database.read() as tx:
        assert len(await subscriptions.subscription_history(tx, acme.id)) == 1


async def test_who_may_only_read_changes_nothing(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    reader = await key_of(shop, customer, ("billing:read",))
    one = f"/{(await shop.subscription(customer)).public_id}"
    assert (await ask(shop, reader, "GET", f"{one}/change?plan=enterprise"))["way"] == "at_once"
    for method, path, body in (
        ("POST", f"{one}/cancel", {"at_once": True}),
        ("POST", f"{one}/pause", {"at_once": True}),
        ("DELETE", f"{one}/planned", None),
    ):
        await ask(shop, reader, method, path, body, status=403)
    assert (await shop.subscription(customer)).status is subscriptions.Status.ACTIVE


@pytest.mark.parametrize(
    "body, field",
    [
        ({"plan": "pro", "interval": "week"}, "/interval"),
        ({"plan": 7}, "/plan"),
        ({}, "/plan"),
        ({"plan": "pro", "trial": "perhaps"}, "/trial"),
        ({"plan": "pro", "price": 1}, "/price"),
        ({"plan": "gold"}, "/plan"),
    ],
)
async def test_hostile_bodies_name_the_field(shop: Shop, body: dict[str, Any], field: str) -> None:
    customer = await shop.customer()
    headers = await key_of(shop, customer)
    answer: httpx.Response = await shop.client.post("/api/subscriptions", headers=headers, json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [each["field"] for each in answer.json()["errors"]] == [field]
