"""Twelve ways in which the billing of the system before this one was wrong, a test each by its number: seven to twelve.

That system was run and each defect seen to happen, or read in its source. A docstring says first what went wrong there,
then what holds here. All of it goes through the public API, the sandbox's checkout page and its signed webhooks, as far
as it can; money is looked up in the ledger. The other six are in the file beside this one; what else holds around each
is in tests/billing, tests/subscriptions and tests/payments.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from autorisen import payments, subscriptions
from autorisen.accounts import Customer
from autorisen.billing.closing import Closed, close_due
from autorisen.billing.number_invoice import invoice_number
from autorisen.kit.work import Worker
from autorisen.payments.sandbox.gateway import webhook_secret
from autorisen.worker import registry
from tests.factories.billing import Shop
from tests.factories.payments import (
    OpenCheckout,
    count,
    event_body,
    facts,
    signed,
)
from tests.regressions.asking import (
    PRO,
    PRO_YEAR,
    RUNS_OF,
    ask,
    checkout_of,
    deliver,
    pay_on_page,
    plan_of,
    runs_included,
    told,
)


async def test_07_a_cancelled_plan_entitles_to_nothing_after_its_end(shop: Shop) -> None:
    """There: a cancelled subscription whose time was over still entitled to the paid plan.

    Here its last instant is the period's last: from the end on only Free is left, even before any job has closed it.
    """
    customer = await shop.customer()
    await shop.upgrade(customer)
    assert (await ask(shop, "POST", "subscription/cancel", customer)).status_code == 200
    end = (await shop.period(customer)).end_at
    shop.clock.set(end - timedelta(microseconds=1))
    assert await runs_included(shop, customer) == RUNS_OF["pro"]
    shop.clock.set(end)
    assert await runs_included(shop, customer) == RUNS_OF["free"]
    await shop.advance(hours=2)
    assert await plan_of(shop, customer) == ("free", "active")


@pytest.mark.parametrize("interval", ["month", "year"])
async def test_08_cancelled_at_the_end_of_the_period_nothing_more_is_charged(shop: Shop, interval: str) -> None:
    """There: who had cancelled got an invoice of another month at its end, was past due and dunned; the branch for
    them was never reached. Renewals always cost the monthly price, also of a year.

    Here the plan ends with its period, without a fee, a reminder or a debt; kept instead, a year costs a year.
    """
    customer, keeper = await shop.customer(), await shop.customer("keeper")
    for each in (customer, keeper):
        await shop.pay(await checkout_of(shop, each, "pro", interval))
    assert (await ask(shop, "POST", "subscription/cancel", customer)).status_code == 200
    await shop.advance(days=31 if interval == "month" else 365, hours=2)
    price = PRO if interval == "month" else PRO_YEAR
    assert [each.total.minor for each in await shop.invoices(customer)] == [price]
    assert [each.total.minor for each in await shop.invoices(keeper)] == [price, price]
    assert await plan_of(shop, customer) == ("free", "active")
    await shop.advance(days=60)
    assert len(await shop.invoices(customer)) == 1
    assert await facts(shop.runtime, "SubscriptionPastDue") == []
    assert await shop.balance(f"receivable:{customer.id}") == 0


async def test_09_a_click_on_upgrade_takes_nothing_away(shop: Shop) -> None:
    """There: the click turned the active subscription into a pending one, so that access was lost before anything was
    paid; and who had gone could not resume.

    Here the present plan holds until the new one is paid, an abandoned checkout leaves nothing behind, and a
    cancellation can be taken back.
    """
    customer = await shop.customer()
    await shop.upgrade(customer)
    before = await told(shop, "subscription", customer)
    path = await checkout_of(shop, customer, "enterprise")
    assert await told(shop, "subscription", customer) == before
    await shop.advance(days=3)
    assert await told(shop, "subscription", customer) == before, "the page has expired"
    assert (await shop.client.get(path)).status_code in (200, 410)
    assert len(await shop.invoices(customer)) == 1
    assert (await ask(shop, "POST", "subscription/cancel", customer)).json()["cancel_at_period_end"]
    assert (await ask(shop, "POST", "subscription/resume", customer)).json() == before
    await shop.advance(days=30)
    assert await plan_of(shop, customer) == ("pro", "active")
    assert [each.total.minor for each in await shop.invoices(customer)] == [PRO, PRO]


async def test_10_any_number_of_workers_bill_once_and_number_without_gap(shop: Shop) -> None:
    """There: every web worker started a scheduler of its own, without a lock, and an invoice's number was the highest
    one seen and one more.

    Here the web bills nothing, four workers at once close each period once, and numbers come from a locked counter.
    Who claims a period holds its row until the invoice is committed: another one finds it closed, or, with SKIP LOCKED,
    does not even wait for it (below). The key of `billing.closings` would refuse a second invoice all the same; that it
    never has to is why nothing may be put off here.
    """
    customers = [await shop.customer(f"customer-{number}") for number in range(12)]
    for each in customers:
        await pay_on_page(shop, await checkout_of(shop, each, "pro"))
    await work_by_four(shop)  # each payment settles its invoice in a transaction of its own
    assert await numbers_of(shop, customers) == [invoice_number(2026, number) for number in range(1, 13)]
    shop.clock.advance(timedelta(days=31, hours=2))
    for each in customers:
        await plan_of(shop, each)
        assert len((await told(shop, "invoices", each))["invoices"]) == 1, "asking bills nothing"
    with capture_logs() as lines:
        await work_by_four(shop)
    assert [line for line in lines if line["event"].startswith("closing.")] == [], "none was refused, split or put off"
    assert await numbers_of(shop, customers) == [invoice_number(2026, number) for number in range(1, 25)]
    assert {len(await shop.invoices(each)) for each in customers} == {2}
    assert await shop.at_gateway() == 24 * PRO


async def test_10_what_one_worker_holds_no_other_bills_or_waits_for(shop: Shop) -> None:
    customer = await shop.customer()
    await pay_on_page(shop, await checkout_of(shop, customer, "pro"))
    await work_by_four(shop)
    shop.clock.advance(timedelta(days=31, hours=2))
    async with shop.runtime.unit() as unit:
        held = await subscriptions.claim_due_periods(unit.tx, ended_by=unit.now, limit=10)
        assert len(held) == 2, "the days before the purchase, and the month"
        assert await asyncio.wait_for(close_due(shop.runtime), timeout=5) == Closed()
    assert (await close_due(shop.runtime)).closed == 1
    assert len(await shop.invoices(customer)) == 1
    assert (await close_due(shop.runtime)).closed == 1
    assert len(await shop.invoices(customer)) == 2


async def work_by_four(shop: Shop) -> None:
    await asyncio.gather(*(Worker(shop.runtime, registry()).drain() for _ in range(4)))


async def numbers_of(shop: Shop, customers: list[Customer]) -> list[str]:
    found = [await shop.invoices(each) for each in customers]
    return sorted(str(invoice.number) for invoices in found for invoice in invoices)


async def test_11_no_secret_of_a_gateway_is_logged(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """There: the gateway's passphrase was part of a text that was logged at the level INFO.

    Here neither the secret nor a signature made with it is in any line, at any level, whatever the webhook is told.
    """
    secret = webhook_secret(shop.runtime.settings)
    customer = await shop.customer()
    with capture_logs() as lines, caplog.at_level(logging.DEBUG):
        await shop.upgrade(customer)
        news = signed(shop.runtime, {"type": "payment.succeeded"}, event_id="sev_odd")
        assert await deliver(shop, news) == 200
        assert await deliver(shop, (news[0], news[1] + b" ")) == 400
        assert await deliver(shop, signed(shop.runtime, {}, seconds=-86_400)) == 400
    said = json.dumps(lines, default=repr) + caplog.text
    assert said.count("delivery.refused") == 2, "the lines are seen"
    signature = news[0]["webhook-signature"].partition(",")[2]
    forms = (secret.hex(), base64.b64encode(secret).decode(), repr(secret), shop.runtime.settings.secret_key, signature)
    assert [form for form in forms if form in said] == []


async def test_12_a_notification_is_verified_as_it_was_sent_blank_fields_and_all(shop: Shop) -> None:
    """There: fields without a value were dropped before a notification's signature was checked, which the provider
    does not do, so that a true notification with a blank field was refused.

    Here the signature is checked on the bytes as they came, and exactly these are stored.
    """
    customer = await shop.customer()
    path = await checkout_of(shop, customer, "pro")
    await pay_on_page(shop, path)
    async with shop.runtime.unit() as unit:
        await unit.tx.execute("DELETE FROM kit.jobs")  # only the notification of this test is heard
        (payment,) = await payments.list_payments(unit.tx, customer_id=customer.id)
    news = event_body(OpenCheckout(customer.id, "", "", path, path.rpartition("/")[2]), payment)
    body = json.dumps(news | {"item_description": "", "custom_str1": "", "name_last": None}, indent=3).encode() + b"\n"
    headers, _ = signed(shop.runtime, body)
    without_blanks = json.dumps(news).encode()
    assert await deliver(shop, (headers, without_blanks)) == 400
    assert await count(shop.runtime, "payments.deliveries") == 0
    assert await deliver(shop, (headers, body)) == 200
    async with shop.runtime.database.read() as tx:
        (stored,) = await payments.list_deliveries(tx)
    assert (stored.body, stored.status) == (body, payments.DeliveryStatus.APPLIED)
    assert await plan_of(shop, customer) == ("pro", "active")
