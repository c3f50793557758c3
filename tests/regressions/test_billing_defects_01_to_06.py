"""Twelve ways in which the billing of the system before this one was wrong, a test each by its number: one to six.

That system was run and each defect seen to happen, or read in its source. A docstring says first what went wrong there,
then what holds here. All of it goes through the public API, the sandbox's checkout page and its signed webhooks, as far
as it can; money is looked up in the ledger. The other six are in the file beside this one; what else holds around each
is in tests/billing, tests/subscriptions and tests/payments.
"""

from __future__ import annotations

import json

import pytest

from autorisen import billing, payments
from autorisen.accounts import Customer
from autorisen.kit.money import Money
from tests.factories.billing import START, Shop
from tests.factories.payments import (
    FAILS_LATER,
    SUCCEEDS,
    OpenCheckout,
    event_body,
    facts,
    signed,
    the_payment,
)
from tests.regressions.asking import (
    PRO,
    PRO_YEAR,
    checkout_of,
    deliver,
    page_to_pay,
    pay_and_take,
    plan_of,
    runs_included,
    told,
)


async def test_01_a_small_payment_does_not_activate_a_dear_plan(shop: Shop) -> None:
    """There: five rand paid for anything, with an Enterprise subscription pending, activated Enterprise.

    Here a payment belongs to one quote: what else is paid buys only itself, and the quote takes its whole sum only.
    """
    customer = await shop.customer()
    path = await checkout_of(shop, customer, "enterprise")
    top_up = await billing.wallet.start_top_up(shop.runtime, customer_id=customer.id, amount=Money(5_000, "ZAR"))
    await shop.pay(top_up.url)
    assert await plan_of(shop, customer) == ("free", "active")
    await pay_and_take(shop, path, 500)
    assert [parked["reason"] for parked in await facts(shop.runtime, "DeliveryParked")] == ["wrong_amount"]
    assert await plan_of(shop, customer) == ("free", "active")
    assert (await told(shop, "invoices", customer))["invoices"] == []
    assert await shop.at_gateway() == 5_000, "the credits alone"


async def test_02_one_cent_does_not_pay_an_invoice(shop: Shop) -> None:
    """There: a notification of 0.01 paid an invoice of 529.00; amount, merchant and sender were not looked at.

    Here only who has the merchant's secret can notify, the gateway's own word counts and not what a notification
    claims, and amount, currency and reference must be the invoice's to the cent.
    """
    customer = await shop.customer()
    await shop.upgrade(customer, card=FAILS_LATER)
    await shop.advance(days=31, hours=2)
    invoice = (await shop.invoices(customer))[-1]
    path = await page_to_pay(shop, invoice)
    payment = await the_payment(shop.runtime, invoice.reference)
    news = event_body(OpenCheckout(customer.id, "", "", path, path.rpartition("/")[2]), payment)
    assert await deliver(shop, ({}, json.dumps(news).encode())) == 400
    assert await deliver(shop, signed(shop.runtime, news, secret=b"of another merchant")) == 400
    assert await deliver(shop, signed(shop.runtime, news, event_id="sev_untrue")) == 200
    await pay_and_take(shop, path, 1)
    claimed = news | {"data": news["data"] | {"amount_minor": 1}}
    assert await deliver(shop, signed(shop.runtime, claimed, event_id="sev_cent")) == 200
    assert {each["reason"] for each in await facts(shop.runtime, "DeliveryParked")} == {"wrong_amount"}
    assert [each.status.value for each in await shop.invoices(customer)] == ["paid", "open"]
    assert await plan_of(shop, customer) == ("pro", "past_due")
    assert await shop.balance(f"receivable:{customer.id}") == invoice.total.minor == PRO


async def test_03_the_price_of_a_year_buys_a_year(shop: Shop) -> None:
    """There: the yearly price was paid and the period lasted thirty days.

    Here it lasts until the same day of the next year, is entitled to all along, and is renewed at the yearly price.
    """
    customer = await shop.customer()
    await shop.advance(days=1)
    await shop.pay(await checkout_of(shop, customer, "pro", "year"))
    period = (await told(shop, "subscription", customer))["current_period"]
    assert (period["start_at"], period["end_at"]) == ("2026-03-02T08:00:00Z", "2027-03-02T08:00:00Z")
    await shop.advance(days=364)
    assert (await told(shop, "subscription", customer))["current_period"] == period
    assert await runs_included(shop, customer) == "24000", "twelve months of runs"
    await shop.advance(days=1, hours=2)
    assert [each.total.minor for each in await shop.invoices(customer)] == [PRO_YEAR, PRO_YEAR]
    assert (await told(shop, "subscription", customer))["current_period"]["end_at"] == "2028-03-02T08:00:00Z"


@pytest.mark.parametrize("card", [SUCCEEDS, FAILS_LATER])
async def test_04_a_paid_renewal_extends_the_plan(shop: Shop, card: str) -> None:
    """There: the payment for the next month, made while the plan was active, did not extend its period.

    Here the next period begins where the last one ends, paid by the saved card or later by hand, and is paid once.
    """
    customer = await shop.customer()
    await shop.advance(days=1)
    await shop.upgrade(customer, card=card)
    first = await shop.period(customer)
    await shop.advance(days=31, hours=2)
    renewal = (await shop.invoices(customer))[-1]
    if card == FAILS_LATER:
        await shop.pay(await page_to_pay(shop, renewal))
    second = await shop.period(customer)
    assert (second.start_at, second.end_at) == (first.end_at, START.replace(month=5, day=2))
    await shop.advance(days=29, hours=20)
    assert await plan_of(shop, customer) == ("pro", "active")
    assert [(each.total.minor, each.status.value) for each in await shop.invoices(customer)] == [(PRO, "paid")] * 2
    assert await shop.at_gateway() == 2 * PRO


async def test_05_a_refund_ends_the_plan_that_it_had_paid(shop: Shop) -> None:
    """There: a refund marked the invoice as refunded, and the subscription stayed active.

    Here the plan goes with the money, at once, nothing more is charged, and the ledger shows both ways.
    """
    customer = await shop.customer()
    await shop.upgrade(customer)
    await shop.advance(days=2)
    async with shop.runtime.unit() as unit:
        (payment,) = await payments.list_payments(unit.tx, customer_id=customer.id)
        await payments.refund_payment(unit, payment.id)
    await shop.worker.drain()
    assert await plan_of(shop, customer) == ("free", "active")
    (invoice,) = await shop.invoices(customer)
    assert invoice.refunded_at == shop.clock.now()
    assert await shop.at_gateway() == 0
    await shop.advance(days=60)
    assert len(await shop.invoices(customer)) == 1


async def hold(shop: Shop, customer: Customer, key: str) -> int:
    """Ask for a run of an agent before it begins, as every run does. Gives the status of the answer."""
    wanted = {"customer": customer.key, "meter": "agent.execution", "quantity": 1, "expires_in_seconds": 60, "key": key}
    return (await shop.client.post("/api/holds", json=wanted)).status_code


async def test_06_an_unpaid_plan_does_not_entitle_for_ever(shop: Shop) -> None:
    """There: nothing looked at a period's end, so that an expired subscription went on entitling.

    Here an unpaid renewal is past due, suspended after the days of grace, when no run may begin, and over two weeks
    later; every answer is that of the instant, also when no job has run.
    """
    customer = await shop.customer()
    await shop.upgrade(customer, card=FAILS_LATER)
    await shop.advance(days=31, hours=2)
    assert await plan_of(shop, customer) == ("pro", "past_due")
    assert await hold(shop, customer, "in-grace") == 201
    for _ in range(15):
        await shop.advance(days=1)
    assert await runs_included(shop, customer) == "0"
    assert await hold(shop, customer, "suspended") in (403, 429)
    for _ in range(15):
        await shop.advance(days=1)
    assert await plan_of(shop, customer) == ("free", "active")
