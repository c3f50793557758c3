"""The customer's pages of its subscription's life: each says what will happen before it does."""

from __future__ import annotations

import pytest

from autorisen import accounts, subscriptions
from autorisen.accounts import Customer
from autorisen.subscriptions import Status
from tests.billing.lifecycle.test_first_payments import subscribe
from tests.billing.lifecycle.test_trials import try_pro, with_card
from tests.factories.accounts import make_customer, make_member, sign_in
from tests.factories.billing import Shop
from tests.factories.payments import FAILS_LATER


async def signed_in(shop: Shop, customer: Customer) -> None:
    async with shop.runtime.unit() as unit:
        await make_member(unit, customer.id, email="member@acme.example")
    await again(shop)


async def again(shop: Shop) -> None:
    """A month is longer than a session."""
    await sign_in(shop.client, shop.runtime, "member@acme.example")


async def page(shop: Shop, path: str) -> str:
    answer = await shop.client.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 200, answer.text
    return answer.text


async def post(shop: Shop, path: str, **form: str) -> str:
    """Send a form; gives the page that it leads to."""
    answer = await shop.client.post(path, data=form)
    await shop.worker.drain()
    assert (answer.status_code, answer.headers["location"]) == (303, "/app/billing"), answer.text
    return await page(shop, "/app/billing")


async def test_a_trial_is_offered_begun_and_bought(shop: Shop) -> None:
    customer = await shop.customer()
    assert "14 days to try" in await page(shop, "/pricing")
    await signed_in(shop, customer)
    offer = await page(shop, "/app/upgrade?plan=pro&interval=month")
    assert "Try Pro for 14 days" in offer
    billing = await post(shop, "/app/billing/trial", plan="pro", interval="month")
    assert "Your trial has begun" in billing
    assert "You are trying Pro until" in billing
    assert "Then you are on the free plan again, and owe nothing." in billing
    assert "Trialing" in billing
    buy = await page(shop, "/app/upgrade?plan=pro&interval=month")
    assert "Continue to payment" in buy
    assert "Try Pro" not in buy
    assert "14 days to try" not in await page(shop, "/pricing"), "it is being tried"
    ends = await page(shop, "/app/billing/cancel")
    assert "With the end of the trial" in ends
    assert "is not given back" not in ends
    cancelled = await post(shop, "/app/billing/cancel")
    assert "Pro ends on" in cancelled
    assert "You are trying Pro until" not in cancelled
    kept = await post(shop, "/app/billing/keep")
    assert "Taken back" in kept
    over = await post(shop, "/app/billing/cancel", when="now")
    assert "Your plan has ended" in over
    assert "Change, pause or leave" not in over
    assert "Try Pro" not in await page(shop, "/app/upgrade?plan=pro&interval=month"), "once"


async def test_a_trial_with_a_card_says_that_it_goes_on(shop: Shop) -> None:
    customer = await with_card(shop)
    await signed_in(shop, customer)
    await try_pro(shop, customer, "year")
    billing = await page(shop, "/app/billing")
    assert "Then it goes on at R4\N{NO-BREAK SPACE}990,00 a year, charged to your saved card." in billing


async def test_a_refused_trial_is_a_problem_with_a_way_on(shop: Shop) -> None:
    customer = await shop.customer()
    await signed_in(shop, customer)
    form = {"plan": "enterprise", "interval": "year"}
    answer = await shop.client.post("/app/billing/trial", data=form, headers={"Accept": "text/html"})
    assert answer.status_code == 409
    assert "Enterprise has no trial" in answer.text


async def test_a_downgrade_says_when_and_can_be_taken_back(shop: Shop) -> None:
    customer = await shop.customer(address="12 Kloof Road")
    await shop.upgrade(customer, "enterprise")
    await signed_in(shop, customer)
    assert 'href="/app/upgrade?plan=pro' in await page(shop, "/pricing")
    review = await page(shop, "/app/upgrade?plan=pro&interval=month")
    assert "Change to Pro" in review
    assert "Due now" in review
    assert "Continue to payment" not in review
    billing = await post(shop, "/app/upgrade", plan="pro", interval="month")
    assert "Pro begins with the end of your period" in billing
    assert "Enterprise becomes Pro on" in billing
    assert "becomes Pro with its period" in billing
    assert "From then on it costs R529,00 a month." in billing
    assert "Enterprise becomes Pro" not in await post(shop, "/app/billing/keep")
    review = await page(shop, "/app/upgrade?plan=free&interval=month")
    assert "free" in review
    assert "Enterprise ends on" in await post(shop, "/app/upgrade", plan="free", interval="month")


async def test_pause_and_resume_inside_the_paid_period(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    await signed_in(shop, customer)
    asked = await page(shop, "/app/billing/pause")
    assert "Pause now" in asked
    assert "Nothing is given back" in asked
    planned = await post(shop, "/app/billing/pause")
    assert "Pro pauses on" in planned
    assert "pauses with its period" in planned
    paused = await post(shop, "/app/billing/pause", when="now")
    assert "Pro is paused" in paused
    assert "Its period runs until" in paused
    assert (await shop.subscription(customer)).status is Status.PAUSED
    assert "be paused now" in await page(shop, "/app/billing/pause")
    asked = await page(shop, "/app/billing/resume")
    assert "Nothing is due now" in asked
    assert "Your plan goes on" in await post(shop, "/app/billing/resume")
    assert "is not paused" in await page(shop, "/app/billing/resume")


async def test_resume_after_the_paid_period_says_the_fee(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    await signed_in(shop, customer)
    await post(shop, "/app/billing/pause", when="now")
    await shop.advance(days=40)
    await again(shop)
    assert "No fee is charged, and nothing can be used." in await page(shop, "/app/billing")
    assert "R529,00" in await page(shop, "/app/billing/resume")
    assert "Pro ends on" in await post(shop, "/app/billing/cancel")
    assert "Pro is paused" in await post(shop, "/app/billing/keep")
    await post(shop, "/app/billing/resume")
    assert (await shop.subscription(customer)).status is Status.ACTIVE
    assert len(await shop.invoices(customer)) == 2


async def test_resume_takes_a_cancellation_back(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    await signed_in(shop, customer)
    await post(shop, "/app/billing/cancel")
    assert "Pro ends on" not in await post(shop, "/app/billing/resume")
    async with shop.runtime.database.read() as tx:
        subscription = await shop.subscription(customer)
        log = await accounts.audit_log(tx, target=subscription.public_id)
    assert [each.action for each in log] == ["subscription.keep", "subscription.cancel"]


async def test_the_free_plan_has_nothing_to_cancel(shop: Shop) -> None:
    await signed_in(shop, await shop.customer())
    assert "Free costs nothing" in await page(shop, "/app/billing/cancel")
    assert "be paused now" in await page(shop, "/app/billing/pause")


async def test_a_first_payment_that_failed_is_paid_or_dropped(shop: Shop) -> None:
    customer = await with_card(shop, FAILS_LATER)
    await signed_in(shop, customer)
    await subscribe(shop, customer)
    assert "Your saved card is being charged" in await page(shop, "/app/billing")
    await shop.worker.drain()
    assert "Pro waits for its payment" in await page(shop, "/app/billing")
    answer = await shop.client.post("/app/billing/pay-first")
    assert "/sandbox/checkout/" in answer.headers["location"]
    assert "Dropped. Nothing is owed." in await post(shop, "/app/billing/drop-first")
    assert "waits for its payment" not in await post(shop, "/app/billing/drop-first"), "asked twice"
    await subscribe(shop, customer)
    await shop.worker.drain()
    answer = await shop.client.post("/app/billing/pay-first")
    await shop.pay(answer.headers["location"])
    assert (await shop.subscription(customer)).plan_key == "pro"


async def test_before_there_is_a_plan_the_pages_say_so(shop: Shop) -> None:
    async with shop.runtime.unit() as unit:
        customer = await make_customer(unit)
    await signed_in(shop, customer)
    for path in ("/app/billing/cancel", "/app/billing/pause", "/app/billing/resume"):
        answer = await shop.client.get(path, headers={"Accept": "text/html"})
        assert (answer.status_code, "being set up" in answer.text) == (409, True)


@pytest.mark.parametrize("path", ["cancel", "pause", "resume", "keep", "trial", "pay-first", "drop-first"])
async def test_a_visitor_changes_nothing(shop: Shop, path: str) -> None:
    customer = await shop.customer()
    answer = await shop.client.post(f"/app/billing/{path}", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login")
    async with shop.runtime.database.read() as tx:
        assert len(await subscriptions.subscription_history(tx, customer.id)) == 1
