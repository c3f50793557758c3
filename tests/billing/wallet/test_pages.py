"""The page Credits: balance, grants, movements, top-up with its return, automatic top-up, and what it refuses."""

from __future__ import annotations

import httpx
import pytest

from autorisen.accounts import Customer
from autorisen.billing.wallet import GrantKind
from autorisen.kit.ids import parse_public_id, public_id
from tests.factories.accounts import make_member, sign_in
from tests.factories.billing import Shop
from tests.factories.payments import DECLINED, FAILS_LATER
from tests.factories.wallet import Purse


@pytest.fixture
async def signed_in(shop: Shop, customer: Customer) -> None:
    async with shop.runtime.unit() as unit:
        await make_member(unit, customer.id)
    await sign_in(shop.client, shop.runtime)


def _plain(answer: httpx.Response) -> str:
    return answer.text.replace("\u00a0", "")


async def test_a_visitor_is_sent_to_the_sign_in(client: httpx.AsyncClient) -> None:
    answer = await client.get("/app/credits", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login")


async def test_the_empty_state_teaches(shop: Shop, signed_in: None) -> None:
    page = _plain(await shop.client.get("/app/credits"))
    for text in ("No credits yet", "R0,00", "No card saved", "R500,00"):
        assert text in page, text
    assert "What happened" not in page
    assert "/app/credits" in (await shop.client.get("/app/billing")).text


async def test_grants_and_movements_are_listed_in_order(shop: Shop, purse: Purse, signed_in: None) -> None:
    await purse.give(20_000, GrantKind.PAID)
    await purse.give(5_000, days=20)
    await purse.give(700, currency="USD")
    invoice = await purse.invoice(6_000)
    page = _plain(await shop.client.get("/app/credits"))
    for text in ("R190,00", "US$7,00", "Top-up", "Paid an invoice", "-R50,00", "Left"):
        assert text in page, text
    assert f"/app/invoices/{invoice.public_id}" in page
    assert "R60,00" in _plain(await shop.client.get(f"/app/invoices/{invoice.public_id}"))
    assert "Paid from prepaid credits" in (await shop.client.get(f"/app/invoices/{invoice.public_id}")).text


async def test_all_used_is_said(shop: Shop, purse: Purse, signed_in: None) -> None:
    await purse.give(5_000)
    await purse.invoice(6_000)
    assert "All used" in (await shop.client.get("/app/credits")).text


async def test_many_movements_have_pages(shop: Shop, purse: Purse, signed_in: None) -> None:
    for _ in range(26):
        await purse.give(100)
    page = (await shop.client.get("/app/credits")).text
    assert page.count("Added") == 25
    older = page.split('href="/app/credits?after=')[1].split("#")[0]
    last = (await shop.client.get(f"/app/credits?after={older}")).text
    assert last.count("Added") == 1
    assert 'href="/app/credits#movements"' in last
    assert (await shop.client.get("/app/credits?after=crm_x")).text.count("Added") == 25


async def test_a_top_up_and_the_way_back(shop: Shop, purse: Purse, signed_in: None) -> None:
    sent = await shop.client.post("/app/credits/top-up", data={"amount": "", "preset": "500.00"})
    assert sent.status_code == 303
    url = sent.headers["location"]
    assert (await shop.client.post("/app/credits/top-up", data={"amount": "R 500,00"})).headers["location"] == url
    form = {"number": "4242 4242 4242 4242", "expiry": "12/30", "cvc": "123"}
    back = httpx.URL((await shop.client.post(f"{httpx.URL(url).path}/pay", data=form)).headers["location"])
    here = f"{back.path}?{back.query.decode()}"
    waiting = await shop.client.get(here)
    assert "Your payment is being confirmed" in waiting.text
    assert "Top-ups that did not arrive" in waiting.text
    part = await shop.client.get(here, headers={"HX-Request": "true"})
    assert "Your payment is being confirmed" in part.text
    assert "<html" not in part.text
    await shop.worker.drain()
    news = await shop.client.get(here, headers={"HX-Request": "true"})
    assert (news.status_code, news.headers["hx-redirect"]) == (204, "/app/credits")
    done = await shop.client.get(here)
    assert (done.status_code, done.headers["location"]) == (303, "/app/credits")
    page = _plain(await shop.client.get("/app/credits"))
    assert "Your credits are there" in page
    assert "ending in 4242" in page
    assert await purse.balance() == 50_000


async def test_a_failed_top_up_says_why_and_the_way_on(shop: Shop, purse: Purse, signed_in: None) -> None:
    sent = await shop.client.post("/app/credits/top-up", data={"amount": "500"})
    await shop.pay(sent.headers["location"], DECLINED)
    await shop.advance(days=2)
    await sign_in(shop.client, shop.runtime)
    async with shop.runtime.database.read() as tx:
        row = await (await tx.execute("SELECT id FROM payments.checkouts")).fetchone()
    assert row is not None
    page = await shop.client.get(f"/app/credits?checkout={public_id('chk', row[0])}")
    assert "The payment did not go through" in page.text
    part = await shop.client.get(f"/app/credits?checkout={public_id('chk', row[0])}", headers={"HX-Request": "true"})
    assert part.headers["hx-redirect"].startswith("/app/credits?checkout=")


async def test_money_that_could_not_be_used_is_said(shop: Shop, purse: Purse, signed_in: None) -> None:
    first = await shop.client.post("/app/credits/top-up", data={"amount": "500"})
    path = httpx.URL(first.headers["location"]).path
    async with shop.runtime.unit() as unit:
        await unit.tx.execute("UPDATE billing.top_ups SET status = 'failed', settled_at = created_at")
        await unit.tx.execute("UPDATE billing.top_ups SET status = 'paid'")
    form = {"number": "4242 4242 4242 4242", "expiry": "12/30", "cvc": "123"}
    back = httpx.URL((await shop.client.post(f"{path}/pay", data=form)).headers["location"])
    await shop.worker.drain()
    page = await shop.client.get(f"{back.path}?{back.query.decode()}")
    assert "could not be used" in page.text


async def test_a_checkout_of_something_else_says_nothing(shop: Shop, customer: Customer, signed_in: None) -> None:
    await shop.upgrade(customer)
    async with shop.runtime.database.read() as tx:
        row = await (await tx.execute("SELECT id FROM payments.checkouts")).fetchone()
    assert row is not None
    for text in (public_id("chk", row[0]), "chk_x", public_id("chk", parse_public_id("cus", customer.public_id))):
        page = await shop.client.get(f"/app/credits?checkout={text}")
        assert page.status_code == 200
        assert "confirmed" not in page.text


@pytest.mark.parametrize("amount", ["", "x", "49.99", "1000000", "5.005", "-500", "1e9", "NaN", "9" * 400])
async def test_a_hostile_amount_is_refused_beside_its_field(
    shop: Shop, purse: Purse, signed_in: None, amount: str
) -> None:
    page = await shop.client.post("/app/credits/top-up", data={"amount": amount})
    assert page.status_code == 422
    assert 'id="e-amount"' in page.text


async def test_automatic_top_up_is_agreed_to_changed_and_stopped(
    shop: Shop, customer: Customer, purse: Purse, signed_in: None
) -> None:
    terms = {"enabled": "on", "threshold": "100", "automatic_amount": "250,50", "per_day": "2"}
    refused = await shop.client.post("/app/credits/automatic", data=terms)
    assert refused.status_code == 409
    assert "Top up once by hand" in refused.text
    sent = await shop.client.post("/app/credits/top-up", data={"amount": "500"})
    await shop.pay(sent.headers["location"], FAILS_LATER)
    agreed = await shop.client.post("/app/credits/automatic", data=terms)
    assert (agreed.status_code, agreed.headers["location"]) == (303, "/app/credits#automatic")
    page = _plain(await shop.client.get("/app/credits"))
    for text in ("Automatic top-up is on", "R250,50 below R100,00", 'value="250.50"'):
        assert text in page, text
    for number in (1, 2):
        await purse.invoice(45_000 if number == 1 else 100)
        await shop.worker.drain()
    page = _plain(await shop.client.get("/app/credits"))
    assert "We switched it off: 2 charges in a row failed" in page
    stopped = await shop.client.post("/app/credits/automatic", data=terms | {"enabled": ""})
    assert stopped.status_code == 303
    assert "Automatic top-up is off." in (await shop.client.get("/app/credits")).text


@pytest.mark.parametrize(
    "change, field",
    [
        ({"threshold": "x"}, "threshold"),
        ({"threshold": "0"}, "threshold"),
        ({"automatic_amount": "1"}, "automatic_amount"),
        ({"automatic_amount": ""}, "automatic_amount"),
        ({"per_day": "11"}, "per_day"),
        ({"per_day": "\u00b2"}, "per_day"),
    ],
)
async def test_hostile_terms_are_refused_beside_their_field(
    shop: Shop, signed_in: None, change: dict[str, str], field: str
) -> None:
    sent = await shop.client.post("/app/credits/top-up", data={"amount": "500"})
    await shop.pay(sent.headers["location"])
    terms = {"enabled": "on", "threshold": "100", "automatic_amount": "250", "per_day": "2"} | change
    page = await shop.client.post("/app/credits/automatic", data=terms)
    assert page.status_code == 422
    assert f'id="e-{field}"' in page.text
