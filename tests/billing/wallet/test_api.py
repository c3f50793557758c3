"""The machine interface of credits: what it says, whom it tells, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from autorisen.accounts import Customer, audit_log
from autorisen.billing.wallet import GrantKind
from tests.factories.accounts import make_key
from tests.factories.billing import Shop
from tests.factories.payments import SUCCEEDS
from tests.factories.wallet import Purse

Headers = dict[str, str]


@pytest.fixture
async def member(shop: Shop, customer: Customer) -> Headers:
    async with shop.runtime.unit() as unit:
        return await make_key(unit, customer.id)


@pytest.fixture
async def operator(shop: Shop) -> Headers:
    async with shop.runtime.unit() as unit:
        return await make_key(unit, None)


def _gift(**changes: Any) -> dict[str, Any]:
    return {"key": "one", "customer": "acme", "amount_minor": 5_000, "reason": "a slow day"} | changes


async def test_an_operator_gives_and_takes_and_the_customer_sees_it(
    shop: Shop, customer: Customer, purse: Purse, member: Headers, operator: Headers
) -> None:
    body = _gift(expires_at="2026-12-31T00:00:00+02:00", priority=5)
    made = await shop.client.post("/api/credits/grants", json=body, headers=operator)
    assert made.status_code == 201, made.text
    assert (made.json()["kind"], made.json()["priority"]) == ("goodwill", 5)
    again = await shop.client.post("/api/credits/grants", json=body, headers=operator)
    assert again.json() == made.json()
    seen = (await shop.client.get("/api/credits", headers=member)).json()
    assert (seen["balance_minor"], seen["currency"], seen["automatic_top_up"]) == (5_000, "ZAR", None)
    assert seen["grants"] == [made.json()]
    await purse.invoice(2_000)
    gone = await shop.client.post(
        f"/api/credits/grants/{made.json()['id']}/void", json={"reason": "a mistake"}, headers=operator
    )
    assert gone.json()["remaining_minor"] == 0
    moved = (await shop.client.get("/api/credits/movements?limit=2", headers=member)).json()
    assert [(each["kind"], each["amount_minor"]) for each in moved["movements"]] == [("void", -3_000), ("draw", -2_000)]
    assert moved["movements"][1]["invoice_number"] == "INV-2026-00001"
    rest = (await shop.client.get(f"/api/credits/movements?after={moved['next']}", headers=member)).json()
    assert ([each["kind"] for each in rest["movements"]], rest["next"]) == (["grant"], None)
    async with shop.runtime.database.read() as tx:
        actions = [each.action for each in await audit_log(tx, target=customer.public_id)]
    assert actions.count("credits.grant") == 2
    assert "credits.void" in actions


async def test_what_was_used_is_explained_on_the_invoice(shop: Shop, purse: Purse, member: Headers) -> None:
    grant = await purse.give(5_000)
    invoice = await purse.invoice(20_000)
    read = (await shop.client.get(f"/api/invoices/{invoice.public_id}", headers=member)).json()
    assert (read["credits_minor"], read["amount_due_minor"]) == (5_000, 15_000)
    explained = (await shop.client.get(f"/api/invoices/{invoice.public_id}/explanation", headers=member)).json()
    assert [(each["grant"], each["amount_minor"]) for each in explained["credits"]] == [(grant.public_id, 5_000)]


async def test_a_top_up_is_bought_and_refunded(
    shop: Shop, customer: Customer, purse: Purse, member: Headers, operator: Headers
) -> None:
    begun = await shop.client.post("/api/credits/top-ups", json={"amount_minor": 50_000}, headers=member)
    assert begun.status_code == 200, begun.text
    same = await shop.client.post("/api/credits/top-ups", json={"amount_minor": 50_000}, headers=member)
    assert same.json() == begun.json()
    await shop.pay(begun.json()["url"], SUCCEEDS)
    (grant,) = (await shop.client.get("/api/credits", headers=member)).json()["grants"]
    assert (grant["kind"], grant["remaining_minor"]) == ("paid", 50_000)
    back = await shop.client.post(
        f"/api/credits/grants/{grant['id']}/refund", json={"reason": "asked for"}, headers=operator
    )
    assert back.json() == {"grant": grant["id"], "amount_minor": 50_000, "currency": "ZAR"}
    await shop.worker.drain()
    assert await purse.balance() == 0


async def test_automatic_top_up_is_agreed_to_with_a_card(
    shop: Shop, customer: Customer, purse: Purse, member: Headers
) -> None:
    terms = {"enabled": True, "threshold_minor": 10_000, "amount_minor": 20_000, "per_day": 2}
    refused = await shop.client.put("/api/credits/automatic-top-up", json=terms, headers=member)
    assert (refused.status_code, refused.json()["code"]) == (409, "no_saved_method")
    begun = await shop.client.post("/api/credits/top-ups", json={"amount_minor": 5_000}, headers=member)
    await shop.pay(begun.json()["url"])
    agreed = await shop.client.put("/api/credits/automatic-top-up", json=terms, headers=member)
    assert agreed.json() == terms | {"currency": "ZAR", "failures": 0, "off_because": ""}
    await shop.worker.drain()
    assert await purse.balance() == 25_000
    assert (await shop.client.get("/api/credits", headers=member)).json()["automatic_top_up"] == agreed.json()


@pytest.mark.parametrize(
    "body, field",
    [
        (_gift(amount_minor=0), "/amount_minor"),
        (_gift(amount_minor=-5), "/amount_minor"),
        (_gift(amount_minor=5.5), "/amount_minor"),
        (_gift(amount_minor=10**12), "/amount_minor"),
        (_gift(kind="paid"), "/kind"),
        (_gift(currency="XXX"), "/currency"),
        (_gift(reason=""), "/reason"),
        (_gift(priority=101), "/priority"),
        (_gift(expires_at="2026-02-01T00:00:00Z"), "/expires_at"),
        (_gift(expires_at="soon"), "/expires_at"),
        (_gift(more=1), "/more"),
    ],
)
async def test_a_hostile_grant_is_refused_by_field(
    shop: Shop, purse: Purse, operator: Headers, body: dict[str, Any], field: str
) -> None:
    answer = await shop.client.post("/api/credits/grants", json=body, headers=operator)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert await purse.balance() == 0


async def test_only_operators_give_and_take(shop: Shop, purse: Purse, member: Headers) -> None:
    grant = await purse.give(1_000, GrantKind.PAID)
    for path, body in (
        ("/api/credits/grants", _gift()),
        (f"/api/credits/grants/{grant.public_id}/void", {"reason": "mine"}),
        (f"/api/credits/grants/{grant.public_id}/refund", {"reason": "mine"}),
    ):
        answer = await shop.client.post(path, json=body, headers=member)
        assert answer.status_code == 403, path
    assert await purse.balance() == 1_000


async def test_another_customers_credits_are_not_there(shop: Shop, customer: Customer, purse: Purse) -> None:
    await purse.give(1_000)
    other = await shop.customer("other")
    async with shop.runtime.unit() as unit:
        headers = await make_key(unit, other.id)
    assert (await shop.client.get("/api/credits", headers=headers)).json()["grants"] == []
    for path in ("/api/credits?customer=acme", "/api/credits/movements?customer=acme"):
        assert (await shop.client.get(path, headers=headers)).status_code == 404
    answer = await shop.client.get("/api/credits/movements?after=crm_x", headers=headers)
    assert answer.json()["errors"][0]["field"] == "query/after"


async def test_an_operator_names_the_customer(shop: Shop, customer: Customer, operator: Headers) -> None:
    assert (await shop.client.get("/api/credits", headers=operator)).json()["errors"][0]["field"] == "query/customer"
    assert (await shop.client.get("/api/credits?customer=acme", headers=operator)).status_code == 200
