"""The machine interface: what it says, whom it tells, and what it refuses."""

from __future__ import annotations

import io
from typing import Any
from uuid import UUID

import httpx
import pytest
from pypdf import PdfReader

from autorisen.accounts import Customer
from autorisen.kit.ids import public_id
from tests.factories.accounts import make_customer, make_key
from tests.factories.billing import START, Shop
from tests.factories.payments import FAILS_LATER

Headers = dict[str, str]


async def _with_key(shop: Shop, key: str = "acme", **values: str) -> tuple[Customer, Headers]:
    customer = await shop.customer(key, **values)
    async with shop.runtime.unit() as unit:
        return customer, await make_key(unit, customer.id)


async def _operator(shop: Shop) -> Headers:
    async with shop.runtime.unit() as unit:
        return await make_key(unit, None)


async def test_invoices_are_listed_read_and_explained(shop: Shop) -> None:
    customer, headers = await _with_key(shop)
    await shop.upgrade(customer)
    await shop.advance(days=5)
    await shop.use(customer, 2_500)
    await shop.advance(days=26, hours=2)
    listed = (await shop.client.get("/api/invoices?limit=1", headers=headers)).json()
    assert [each["number"] for each in listed["invoices"]] == ["INV-2026-00002"]
    assert listed["next"] == listed["invoices"][0]["id"]
    rest = (await shop.client.get(f"/api/invoices?after={listed['next']}", headers=headers)).json()
    assert ([each["number"] for each in rest["invoices"]], rest["next"]) == (["INV-2026-00001"], None)

    invoice = (await shop.client.get(f"/api/invoices/{listed['next']}", headers=headers)).json()
    usage = invoice["lines"][0]
    assert (usage["quantity"], usage["included"], usage["unit_amount_minor"], usage["amount_minor"]) == (
        "2500",
        "2000",
        "25",
        12_500,
    )
    assert (invoice["tax_rate"], invoice["tax_treatment"]) == ("0.15", "standard")
    assert invoice["supplier"]["vat_number"] == "4123456789"
    assert invoice["total_minor"] == sum(line["amount_minor"] for line in invoice["lines"])

    explained = (await shop.client.get(f"/api/invoices/{listed['next']}/explanation", headers=headers)).json()
    first, fee = explained["lines"]
    assert (first["plan"], first["plan_version"], first["rated"]["billable"]) == ("pro", 1, "500")
    assert first["billed_before"] is None
    assert sum(int(day["quantity"]) for day in first["days"]) == first["rated"]["events"] == 2_500
    assert (fee["rated"], fee["days"]) == (None, [])
    assert fee["price"].startswith("prc_")

    document = await shop.client.get(f"/api/invoices/{listed['next']}.pdf", headers=headers)
    assert document.headers["content-type"] == "application/pdf"
    assert "INV-2026-00002" in PdfReader(io.BytesIO(document.content)).pages[0].extract_text()


async def test_the_cost_so_far_is_what_the_close_will_ask(shop: Shop) -> None:
    customer, headers = await _with_key(shop)
    free = (await shop.client.get("/api/cost-so-far", headers=headers)).json()
    assert (free["plan"], free["total_minor"], free["usage_minor"]) == ("Free", 0, 0)
    await shop.upgrade(customer)
    await shop.advance(days=5)
    await shop.use(customer, 2_777)
    cost = (await shop.client.get("/api/cost-so-far", headers=headers)).json()
    assert (cost["usage_minor"], cost["total_minor"]) == (19_425, 19_425 + 52_900)
    assert cost["total_minor"] == sum(line["amount_minor"] for line in cost["lines"])
    draft = (await shop.client.get("/api/next-invoice", headers=headers)).json()
    await shop.advance(days=26, hours=2)
    close = (await shop.invoices(customer))[-1]
    assert (draft["total_minor"], draft["tax_minor"]) == (close.total.minor, close.tax.minor)
    assert [line["amount_minor"] for line in draft["lines"]] == [line.amount.minor for line in close.lines]
    assert [(line["period_start"], line["period_end"]) for line in draft["lines"]] == [
        (_json_time(line.period_start), _json_time(line.period_end)) for line in close.lines
    ]


def _json_time(at: Any) -> str:
    return str(at.isoformat().replace("+00:00", "Z"))


async def test_a_cancelled_plan_previews_no_further_fee(shop: Shop) -> None:
    customer, headers = await _with_key(shop)
    await shop.upgrade(customer)
    cancelled = await shop.client.post("/api/subscription/cancel", headers=headers)
    assert cancelled.status_code == 200
    draft = (await shop.client.get("/api/next-invoice", headers=headers)).json()
    assert (draft["lines"], draft["total_minor"]) == ([], 0)


async def test_an_upgrade_by_api(shop: Shop) -> None:
    customer, headers = await _with_key(shop)
    first = await shop.client.post("/api/upgrade", json={"plan": "pro"}, headers=headers)
    again = await shop.client.post("/api/upgrade", json={"plan": "pro", "interval": "month"}, headers=headers)
    assert (first.status_code, first.json()) == (200, again.json())
    await shop.pay(first.json()["url"])
    assert (await shop.subscription(customer)).plan_key == "pro"
    other, _ = await _with_key(shop, "other")
    by_operator = await shop.client.post(
        f"/api/upgrade?customer={other.key}", json={"plan": "enterprise"}, headers=await _operator(shop)
    )
    await shop.pay(by_operator.json()["url"])
    assert (await shop.subscription(other)).plan_key == "enterprise"


async def test_an_open_invoice_is_paid_by_api(shop: Shop) -> None:
    customer, headers = await _with_key(shop)
    await shop.upgrade(customer, card=FAILS_LATER)
    await shop.advance(days=31, hours=2)
    invoice = (await shop.invoices(customer))[-1]
    answer = await shop.client.post(f"/api/invoices/{invoice.public_id}/pay", headers=headers)
    assert answer.json()["id"].startswith("chk_")
    await shop.pay(answer.json()["url"])
    paid = (await shop.client.get(f"/api/invoices/{invoice.public_id}", headers=headers)).json()
    assert (paid["status"], paid["amount_due_minor"]) == ("paid", 0)
    refused = await shop.client.post(f"/api/invoices/{invoice.public_id}/pay", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing_to_pay")


async def test_an_operator_sees_all_and_names_whom_it_means(shop: Shop) -> None:
    for key in ("one", "two"):
        customer, _ = await _with_key(shop, key)
        await shop.upgrade(customer)
    headers = await _operator(shop)
    every = (await shop.client.get("/api/invoices", headers=headers)).json()["invoices"]
    assert [each["number"] for each in every] == ["INV-2026-00002", "INV-2026-00001"]
    mine = (await shop.client.get(f"/api/invoices?customer={every[1]['customer']}", headers=headers)).json()
    assert [each["number"] for each in mine["invoices"]] == ["INV-2026-00001"]
    assert (await shop.client.get(f"/api/invoices/{every[0]['id']}", headers=headers)).status_code == 200
    unnamed = await shop.client.get("/api/cost-so-far", headers=headers)
    assert (unnamed.status_code, unnamed.json()["errors"][0]["field"]) == (422, "query/customer")


async def test_others_are_like_none(shop: Shop) -> None:
    theirs, _ = await _with_key(shop, "theirs")
    await shop.upgrade(theirs)
    (invoice,) = await shop.invoices(theirs)
    _, headers = await _with_key(shop, "mine")
    inv, missing = invoice.public_id, public_id("inv", UUID(int=1))
    for path in (f"invoices/{inv}", f"invoices/{inv}.pdf", f"invoices/{inv}/explanation", f"invoices/{missing}"):
        assert (await shop.client.get(f"/api/{path}", headers=headers)).status_code == 404, path
    for path in (
        "invoices?customer=theirs",
        "cost-so-far?customer=theirs",
        "next-invoice?customer=theirs",
        "cost-so-far?customer=nobody",
    ):
        assert (await shop.client.get(f"/api/{path}", headers=headers)).status_code == 404, path
    assert (await shop.client.post(f"/api/invoices/{inv}/pay", headers=headers)).status_code == 404
    answer = await shop.client.post("/api/upgrade?customer=theirs", json={"plan": "pro"}, headers=headers)
    assert answer.status_code == 404
    assert (await shop.client.get("/api/invoices", headers=headers)).json()["invoices"] == []


@pytest.mark.parametrize(
    "body,status,field",
    [
        ({"plan": "gold"}, 422, "/plan"),
        ({"plan": 7}, 422, "/plan"),
        ({"plan": "pro", "interval": "week"}, 422, "/interval"),
        ({"plan": "pro", "amount_minor": 1}, 422, "/amount_minor"),
        ({}, 422, "/plan"),
        ([], 422, ""),
    ],
)
async def test_bad_input_names_the_field(shop: Shop, body: object, status: int, field: str) -> None:
    _, headers = await _with_key(shop)
    answer = await shop.client.post("/api/upgrade", json=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert field in [error["field"] for error in answer.json()["errors"]]


async def test_bad_parameters_and_keys_are_refused(shop: Shop) -> None:
    customer, headers = await _with_key(shop)
    async with shop.runtime.unit() as unit:
        narrow = await make_key(unit, customer.id, ["usage:read"])
        reader = await make_key(unit, customer.id, ["billing:read"])

    async def get(path: str, headers: Headers | None = headers) -> httpx.Response:
        return await shop.client.get(f"/api/{path}", headers=headers)

    assert (await get("invoices?limit=0")).json()["errors"][0]["field"] == "query/limit"
    assert (await get("invoices?after=inv_x")).json()["errors"][0]["field"] == "query/after"
    assert (await get("invoices?what=1")).status_code == 422
    assert (await get("invoices/inv_x")).status_code == 404
    assert (await get("invoices", None)).status_code == 401
    assert (await get("invoices", narrow)).status_code == 403
    assert (await get("invoices", reader)).status_code == 200
    forbidden = await shop.client.post("/api/upgrade", json={"plan": "pro"}, headers=reader)
    assert (forbidden.status_code, forbidden.json()["code"]) == (403, "scope_missing")


async def test_dollars_abroad_are_zero_rated_from_end_to_end(shop: Shop) -> None:
    customer, headers = await _with_key(shop, country="DE", currency="USD")
    await shop.upgrade(customer)
    await shop.advance(days=1)
    await shop.use(customer, 2_100)
    await shop.advance(days=31)
    close, upgrade = (await shop.client.get("/api/invoices", headers=headers)).json()["invoices"]
    assert (upgrade["currency"], upgrade["total_minor"], upgrade["tax_minor"]) == ("USD", 2_900, 0)
    # 100 executions at 1.4 cents.
    assert (close["total_minor"], close["tax_minor"], close["status"]) == (2_900 + 140, 0, "paid")
    assert await shop.balance("revenue:subscription", "USD") == -5_800
    assert await shop.balance("tax:vat_output", "USD") == 0


async def test_without_a_plan_there_is_no_cost_yet(shop: Shop) -> None:
    async with shop.runtime.unit() as unit:
        customer = await make_customer(unit)
        headers = await make_key(unit, customer.id)
    for path in ("cost-so-far", "next-invoice"):
        answer = await shop.client.get(f"/api/{path}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "subscription_missing")
    assert shop.clock.now() == START
