"""The way to a higher plan: reviewed first, paid at the gateway, true only when the money is here."""

from __future__ import annotations

from autorisen.subscriptions import set_addon
from tests.factories.accounts import sign_in
from tests.factories.addons import pro_with
from tests.factories.billing import Shop
from tests.factories.catalog import apply_text
from tests.factories.payments import DECLINED, FAILS_LATER
from tests.portal.conftest import Signed

HTMX = {"HX-Request": "true"}


async def test_the_review_says_what_changes_and_what_it_costs(shop: Shop, signed: Signed) -> None:
    await signed()
    page = (await shop.client.get("/app/upgrade?plan=pro&interval=month")).text
    assert "Upgrade to Pro" in page
    assert "R529,00" in page
    assert "R69,00 VAT included" in page
    assert "then R0,25 per execution" in page
    assert "Continue to payment" in page
    yearly = (await shop.client.get("/app/upgrade?plan=pro&interval=year")).text
    assert "R4\N{NO-BREAK SPACE}990,00" in yearly


async def test_looking_changes_nothing(shop: Shop, signed: Signed) -> None:
    customer = await signed()
    for _ in range(2):
        await shop.client.get("/app/upgrade?plan=pro&interval=month")
    assert (await shop.subscription(customer)).plan_key == "free"
    assert await shop.invoices(customer) == []


async def test_paid_at_the_gateway_it_is_true(shop: Shop, signed: Signed) -> None:
    customer = await signed()
    answer = await shop.client.post("/app/upgrade", data={"plan": "pro", "interval": "month"})
    assert answer.status_code == 303
    checkout = answer.headers["location"]
    assert "/sandbox/checkout/" in checkout
    page = (await shop.client.get(checkout)).text
    assert "R529,00" in page
    assert (await shop.subscription(customer)).plan_key == "free", "nothing changes before the money is here"
    paid = await shop.client.post(
        checkout + "/pay", data={"number": "4242424242424242", "expiry": "12/30", "cvc": "123"}
    )
    back = paid.headers["location"]
    assert "/app/upgrade/done?checkout=chk_" in back
    waiting = await shop.client.get(back)
    assert "Waiting for the gateway" in waiting.text
    part = await shop.client.get(back, headers=HTMX)
    assert "<html" not in part.text
    assert 'hx-trigger="every 1s"' in part.text
    await shop.worker.drain()
    done = await shop.client.get(back, headers=HTMX)
    assert (done.status_code, done.headers["HX-Redirect"]) == (204, "/app")
    assert "Paid. You are on Pro now." in (await shop.client.get("/app")).text
    without_scripts = await shop.client.get(back)
    assert (without_scripts.status_code, without_scripts.headers["location"]) == (303, "/app")
    assert (await shop.subscription(customer)).plan_key == "pro"


async def test_a_failed_payment_says_so(shop: Shop, signed: Signed) -> None:
    customer = await signed()
    answer = await shop.client.post("/app/upgrade", data={"plan": "pro", "interval": "month"})
    checkout = answer.headers["location"]
    await shop.pay(checkout, DECLINED)
    await shop.advance(days=2)
    listed = await shop.client.get(checkout)
    assert "Back to the shop" in listed.text, "an expired checkout leads back"
    assert (await shop.subscription(customer)).plan_key == "free"


async def test_what_is_not_an_upgrade_is_refused_with_a_way_on(shop: Shop, signed: Signed) -> None:
    customer = await signed()
    await shop.upgrade(customer)
    same = await shop.client.get("/app/upgrade?plan=pro&interval=month")
    assert same.status_code == 409
    assert "Pro is the present plan." in same.text
    assert "Continue to payment" not in same.text
    posted = await shop.client.post("/app/upgrade", data={"plan": "pro", "interval": "month"})
    assert posted.status_code == 409
    assert "Pro is the present plan." in posted.text
    year = await shop.client.get("/app/upgrade?plan=pro&interval=year")
    assert "Pay Pro by the year" in year.text


async def test_an_open_invoice_comes_first(shop: Shop, signed: Signed) -> None:
    customer = await signed()
    await shop.upgrade(customer, card=FAILS_LATER)
    await shop.advance(days=32)
    await sign_in(shop.client, shop.runtime)  # a month is longer than a session
    page = await shop.client.get("/app/upgrade?plan=enterprise&interval=month")
    assert page.status_code == 409
    assert "Pay INV-2026-00002 first." in page.text
    assert 'href="/app/invoices"' in page.text


async def test_unknown_plans_and_checkouts_lead_back(shop: Shop, signed: Signed) -> None:
    await signed()
    for path in ("/app/upgrade?plan=nothing", "/app/upgrade"):
        answer = await shop.client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/pricing")
    posted = await shop.client.post("/app/upgrade", data={"plan": "nothing"})
    assert (posted.status_code, posted.headers["location"]) == (303, "/pricing")
    done = await shop.client.get("/app/upgrade/done?checkout=chk_nonsense")
    assert (done.status_code, done.headers["location"]) == (303, "/app")


async def test_add_ons_that_the_other_plan_does_not_sell_are_said(shop: Shop, signed: Signed) -> None:
    customer = await signed()
    async with shop.runtime.unit() as unit:
        await apply_text(unit, pro_with())
    await shop.upgrade(customer)
    more = "/app/upgrade?plan=enterprise&interval=month"
    assert "add-ons" not in (await shop.client.get(more)).text, "there are none yet"
    subscription = await shop.subscription(customer)
    async with shop.runtime.unit() as unit:
        await set_addon(unit, subscription_id=subscription.id, key="extra_agents", quantity=3, actor="tests")
    await shop.advance(seconds=1)
    assert "so they end with the change: Extra agents (3)." in (await shop.client.get(more)).text
    less = (await shop.client.get("/app/upgrade?plan=free&interval=month")).text
    assert "so they end then: Extra agents (3)." in less
    yearly = (await shop.client.get("/app/upgrade?plan=pro&interval=year")).text
    assert "add-ons" not in yearly, "Pro sells them by the year too"
