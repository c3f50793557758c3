"""A first payment by the saved card: it begins when it is paid, and expires when it is not."""

from __future__ import annotations

import pytest

from autorisen import billing, subscriptions
from autorisen.accounts import Customer
from autorisen.billing import InvoiceStatus
from autorisen.billing.lifecycle import first_payment
from autorisen.billing.lifecycle.first_payment import pay_first
from autorisen.billing.model import Interval
from autorisen.catalog import shipped_catalog
from autorisen.kit.problems import Problem
from autorisen.subscriptions import Status, Subscription
from tests.billing.lifecycle.test_trials import subjects, with_card
from tests.factories.billing import Shop
from tests.factories.catalog import apply_text
from tests.factories.payments import FAILS_LATER, facts


async def subscribe(shop: Shop, customer: Customer, plan: str = "pro", interval: Interval = "month") -> Subscription:
    async with shop.runtime.unit() as unit:
        wanted = await first_payment.subscribe(
            unit, customer_id=customer.id, plan_key=plan, interval=interval, actor="tests"
        )
    assert wanted.status is Status.INCOMPLETE
    return wanted


async def test_paid_it_begins_at_that_moment(shop: Shop) -> None:
    customer = await with_card(shop)
    wanted = await subscribe(shop, customer)
    assert (await shop.subscription(customer)).plan_key == "free"
    await shop.worker.drain()
    after, period = await shop.subscription(customer), await shop.period(customer)
    assert (after.id, after.status, after.plan_key) == (wanted.id, Status.ACTIVE, "pro")
    invoice = (await shop.invoices(customer))[-1]
    assert (invoice.status, invoice.total.minor, invoice.subscription_id) == (InvoiceStatus.PAID, 52_900, wanted.id)
    assert (invoice.lines[0].period_start, invoice.lines[0].period_end) == (period.start_at, period.end_at)
    await shop.advance(days=31, hours=2)
    assert [line.amount.minor for line in (await shop.invoices(customer))[-1].lines] == [52_900]
    assert "Free has ended" not in await subjects(shop, customer)


async def test_declined_it_waits_for_a_payment_by_hand(shop: Shop) -> None:
    customer = await with_card(shop, FAILS_LATER)
    wanted = await subscribe(shop, customer)
    await shop.worker.drain()
    assert (await shop.subscription(customer)).plan_key == "free"
    assert "Pro waits for its payment" in await subjects(shop, customer)
    await shop.advance(hours=22)
    checkout = await pay_first(shop.runtime, customer_id=customer.id)
    assert (await pay_first(shop.runtime, customer_id=customer.id)).id == checkout.id
    await shop.pay(checkout.url)
    assert (await shop.subscription(customer)).id == wanted.id
    await shop.advance(hours=2)
    assert (await shop.subscription(customer)).status is Status.ACTIVE, "the expiry finds it begun"


async def test_unpaid_for_23_hours_it_expires_and_nothing_is_owed(shop: Shop) -> None:
    customer = await with_card(shop, FAILS_LATER)
    before = len(await shop.invoices(customer))
    wanted = await subscribe(shop, customer)
    await shop.advance(hours=22, minutes=59)
    checkout = await pay_first(shop.runtime, customer_id=customer.id)
    await shop.advance(minutes=1)
    async with shop.runtime.database.read() as tx:
        assert (await subscriptions.subscription(tx, wanted.id)).status is Status.ENDED
    assert (await subjects(shop, customer))[-1] == "Pro has not begun"
    with pytest.raises(billing.NothingToPay):
        await pay_first(shop.runtime, customer_id=customer.id)
    # The page that was still open is paid: the money is kept for its payer, and nothing begins.
    await shop.pay(checkout.url)
    assert (await shop.subscription(customer)).plan_key == "free"
    assert len(await facts(shop.runtime, "PaymentUnapplied")) == 1
    assert len(await shop.invoices(customer)) == before
    await subscribe(shop, customer)


async def test_who_bought_another_plan_meanwhile_does_not_pay_twice_for_it(shop: Shop) -> None:
    customer = await with_card(shop, FAILS_LATER)
    await subscribe(shop, customer)
    await shop.worker.drain()
    checkout = await pay_first(shop.runtime, customer_id=customer.id)
    await shop.upgrade(customer, "enterprise")
    await shop.pay(checkout.url)
    assert (await shop.subscription(customer)).plan_key == "enterprise"
    (parked,) = await facts(shop.runtime, "PaymentUnapplied")
    assert "change the plan" in parked["reason"]


async def test_a_cancelled_wish_gets_no_mail_and_no_charge(shop: Shop) -> None:
    customer = await with_card(shop, FAILS_LATER)
    wanted = await subscribe(shop, customer)
    async with shop.runtime.unit() as unit:
        await subscriptions.cancel_now(unit, wanted.id)
    await shop.advance(days=2)
    told = await subjects(shop, customer)
    assert "Pro waits for its payment" not in told
    assert "Pro has not begun" not in told


@pytest.mark.parametrize(
    "plan, interval, code",
    [
        ("free", "month", "not_an_upgrade"),
        ("gold", "month", "plan_unknown"),
        ("pro", "month", "no_saved_method"),
        ("enterprise", "year", "billing_details_needed"),
    ],
)
async def test_what_is_refused(shop: Shop, plan: str, interval: Interval, code: str) -> None:
    customer = await shop.customer()
    with pytest.raises(Problem) as caught:
        await subscribe(shop, customer, plan, interval)
    assert caught.value.code == code
    async with shop.runtime.database.read() as tx:
        assert await subscriptions.wanted_subscription(tx, customer.id) is None


async def test_what_is_owed_comes_first(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer, card=FAILS_LATER)
    await shop.advance(minutes=1)
    await shop.use(customer, 3_000)
    await shop.advance(minutes=1)
    async with shop.runtime.unit() as unit:
        await subscriptions.cancel_now(unit, (await shop.subscription(customer)).id)
    await shop.advance(hours=2)
    with pytest.raises(billing.InvoiceWaiting):
        await subscribe(shop, customer)


async def test_a_dispute_comes_first_and_a_free_cycle_is_no_purchase(shop: Shop) -> None:
    customer = await with_card(shop)
    async with shop.runtime.unit() as unit:
        await apply_text(unit, shipped_catalog() + GIVEN)
    await shop.advance(minutes=1)
    with pytest.raises(billing.NotAnUpgrade, match="costs nothing by the year"):
        await subscribe(shop, customer, "given", "year")
    async with shop.runtime.unit() as unit:
        await unit.tx.execute("UPDATE billing.invoices SET disputed_at = %s WHERE status = 'paid'", (unit.now,))
    with pytest.raises(billing.InvoiceDisputed):
        await subscribe(shop, customer)


GIVEN = """
[[plan]]
key = "given"
name = "Given"
tagline = "Free by the year."
rank = 9
features = []
limits = { agents = 1, executions = 1, projects = 1, storage_mb = 1, support_hours = 1 }
price = [
    { currency = "ZAR", interval = "month", amount = "10.00" },
    { currency = "ZAR", interval = "year", amount = "0.00" },
]
"""


async def test_a_first_draft_is_no_invoice_of_anything_else(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    assert not first_payment.is_first((await shop.invoices(customer))[0])
