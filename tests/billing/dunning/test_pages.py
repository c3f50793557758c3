"""Dunning as operators see it: the list, one invoice with its steps, and what they can do there and by API."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from autorisen.kit.unit import Runtime
from autorisen.subscriptions import ACCESS, LIVE, Status
from tests.billing.dunning.test_dunning import failing, pay
from tests.factories.accounts import make_key, make_user, sign_in
from tests.factories.billing import Shop

DOCUMENT = Path(__file__).parents[3] / "docs" / "howto" / "dunning.md"


@pytest.fixture
async def console(client: httpx.AsyncClient, runtime: Runtime) -> httpx.AsyncClient:
    """A browser that is signed in as an operator."""
    async with runtime.unit() as unit:
        await make_user(unit, email="operator@house.example", operator=True)
    await sign_in(client, runtime, "operator@house.example")
    return client


async def post(console: httpx.AsyncClient, path: str) -> httpx.Response:
    page = (await console.get(path.rpartition("/")[0])).text
    token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    return await console.post(path, data={"csrf_token": token})


async def test_the_list_and_one_invoice(shop: Shop, console: httpx.AsyncClient) -> None:
    assert "Everybody has paid" in (await console.get("/console/dunning")).text
    assert "None is over yet" in (await console.get("/console/dunning?show=over")).text
    customer, invoice = await failing(shop)
    await sign_in(console, shop.runtime, "operator@house.example")
    listed = (await console.get("/console/dunning")).text
    for expected in (str(invoice.number), customer.name, "Collecting"):
        assert expected in listed
    path = f"/console/dunning/{invoice.public_id}"
    page = (await console.get(path)).text
    for expected in (
        "Charge failed",
        "Charge or remind",
        "Suspend the plan",
        "Charge now",
        "The bank declined the card.",
    ):
        assert expected in page
    assert (await post(console, f"{path}/pause")).headers["location"] == path
    paused = (await console.get(path)).text
    assert "Nothing happens until it is resumed" in paused
    assert "Paused" in (await console.get("/console/dunning")).text
    assert (await post(console, f"{path}/resume")).status_code == 303
    assert (await post(console, f"{path}/retry")).status_code == 303
    await shop.worker.drain()
    assert (await console.get(path)).text.count("/console/payments/pay_") == 1
    for days in (3, 2, 2, 7, 14):
        await shop.advance(days=days)
    await sign_in(console, shop.runtime, "operator@house.example")
    assert "The schedule is over" in (await console.get(path)).text
    await pay(shop, customer, invoice)
    assert "Paid" in (await console.get("/console/dunning?show=over")).text
    assert (await console.get(f"/console/dunning/inv_{'0' * 26}")).status_code == 404


async def test_the_api_shows_and_does_the_same(shop: Shop, runtime: Runtime, client: httpx.AsyncClient) -> None:
    other, _ = await failing(shop, "other")
    customer, invoice = await failing(shop)
    async with runtime.unit() as unit:
        operator = await make_key(unit, None, ["admin"])
        theirs = await make_key(unit, customer.id, ["admin"])
    first = (await client.get("/api/dunning?limit=1", headers=operator)).json()
    rest = (await client.get(f"/api/dunning?after={first['next']}", headers=operator)).json()
    assert {each["customer"] for each in (*first["dunnings"], *rest["dunnings"])} == {
        customer.public_id,
        other.public_id,
    }
    assert rest["next"] is None
    path = f"/api/dunning/{invoice.public_id}"
    one = (await client.get(path, headers=operator)).json()
    assert (one["stage"], one["paused"], one["outcome"]) == ("collecting", False, None)
    assert [step["kind"] for step in one["steps"]] == ["retry", "retry", "retry", "suspend", "cancel"]
    assert [event["kind"] for event in one["events"]] == ["charge_failed"]
    assert (await client.post(f"{path}/pause", headers=operator)).json()["paused"] is True
    assert (await client.post(f"{path}/retry", headers=operator)).json()["code"] == "dunning_paused"
    assert (await client.post(f"{path}/resume", headers=operator)).json()["paused"] is False
    charged = (await client.post(f"{path}/retry", headers=operator)).json()["events"][-1]
    assert charged["payment"].startswith("pay_")
    again = await client.post(f"{path}/retry", headers=operator)
    assert (again.status_code, again.json()["code"]) == (409, "cannot_retry")
    await shop.worker.drain()
    await pay(shop, customer, invoice)
    over = (await client.get("/api/dunning?over=true", headers=operator)).json()["dunnings"]
    assert [(each["outcome"], each["steps"]) for each in over] == [("paid", [])]
    assert (await client.get(f"/api/dunning/inv_{'0' * 26}", headers=operator)).status_code == 404
    for method, tail in (("GET", ""), ("POST", "/pause"), ("POST", "/resume"), ("POST", "/retry")):
        assert (await client.request(method, f"{path}{tail}", headers=theirs)).status_code == 403
    assert (await client.get("/api/dunning", headers=theirs)).status_code == 403


def test_the_access_rules_are_total_and_the_document_shows_them() -> None:
    assert ACCESS.keys() == {(status, suspended) for status in LIVE for suspended in (False, True)}
    rows = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    for status in Status:
        if status in LIVE:
            word = {"plan": "what the plan allows", "nothing": "nothing"}
            allowed = [word[ACCESS[status, suspended]] for suspended in (False, True)]
            assert f"| `{status}` | {allowed[0]} | {allowed[1]} |" in rows
