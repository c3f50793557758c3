"""What a pause costs: nothing. What it gives back: nothing. What it lets through: nothing for nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from autorisen import billing, subscriptions
from autorisen.accounts import Customer
from autorisen.billing import LineKind
from autorisen.billing.handle_payment_news import on_payment_disputed
from autorisen.billing.lifecycle import pauses
from autorisen.payments import PaymentDisputed
from autorisen.subscriptions import Status
from tests.factories.billing import Shop
from tests.factories.payments import FAILS_LATER
from tests.factories.wallet import Purse


async def pause(shop: Shop, customer: Customer, *, at_once: bool = True) -> None:
    async with shop.runtime.unit() as unit:
        await pauses.pause(unit, (await shop.subscription(customer)).id, at_once=at_once, actor="tests")
    await shop.worker.drain()


async def resume(shop: Shop, customer: Customer) -> billing.Invoice | None:
    async with shop.runtime.unit() as unit:
        invoice = await pauses.resume(unit, (await shop.subscription(customer)).id, actor="tests")
    await shop.worker.drain()
    return invoice


async def test_paused_and_resumed_in_the_paid_period_it_is_as_before(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    period = await shop.period(customer)
    await shop.advance(minutes=1)
    await shop.use(customer, 2_000)
    await pause(shop, customer)
    await shop.advance(days=5)
    assert await resume(shop, customer) is None
    assert await shop.period(customer) == period
    await shop.use(customer, 10, prefix="more")
    await shop.advance(days=26, hours=2)
    close = (await shop.invoices(customer))[-1]
    # The allowance was not given twice.
    assert [(line.kind, line.amount.minor) for line in close.lines] == [
        (LineKind.USAGE, 250),
        (LineKind.FLAT_FEE, 52_900),
    ]


async def test_months_go_by_without_a_fee_until_it_is_resumed(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    await pause(shop, customer, at_once=False)
    assert (await shop.subscription(customer)).status is Status.ACTIVE
    await shop.advance(days=100)
    assert (await shop.subscription(customer)).status is Status.PAUSED
    assert [each.total.minor for each in await shop.invoices(customer)] == [52_900]
    async with shop.runtime.database.read() as tx:
        cost = await billing.cost_so_far(tx, customer_id=customer.id, now=shop.clock.now())
        upcoming = await billing.next_invoice(tx, shop.runtime.settings, customer_id=customer.id, now=shop.clock.now())
    assert upcoming is not None
    assert (cost.total.minor, upcoming.draft.lines) == (0, ())
    invoice = await resume(shop, customer)
    assert invoice is not None
    period = await shop.period(customer)
    assert (period.kind, period.start_at) == ("paid", shop.clock.now())
    paid = (await shop.invoices(customer))[-1]
    assert (paid.id, paid.status, paid.total.minor) == (invoice.id, billing.InvoiceStatus.PAID, 52_900)
    await shop.advance(days=31)
    assert len(await shop.invoices(customer)) == 3, "and it renews again"


async def test_a_resumption_that_credits_pay_asks_no_gateway(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    await pause(shop, customer)
    await shop.advance(days=40)
    purse = Purse(shop, customer)
    await purse.give(60_000)
    invoice = await resume(shop, customer)
    assert invoice is not None
    assert (invoice.status, invoice.amount_due.minor) == (billing.InvoiceStatus.PAID, 0)
    assert await shop.at_gateway() == 52_900, "the upgrade's, and nothing since"
    assert (await shop.subscription(customer)).status is Status.ACTIVE
    assert await purse.balance() == 7_100


async def test_what_is_used_all_the_same_is_charged_without_allowance(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    await pause(shop, customer)
    await shop.advance(days=32)
    await shop.use(customer, 12)
    async with shop.runtime.database.read() as tx:
        cost = await billing.cost_so_far(tx, customer_id=customer.id, now=shop.clock.now())
    assert cost.total.minor == 300
    await shop.advance(days=31)
    last = (await shop.invoices(customer))[-1]
    assert [(line.kind, line.included, line.amount.minor) for line in last.lines] == [(LineKind.USAGE, Decimal(0), 300)]


async def test_what_is_owed_comes_before_resuming(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer, card=FAILS_LATER)
    await shop.advance(minutes=1)
    await shop.use(customer, 3_000)
    await pause(shop, customer)
    await shop.advance(days=31, hours=2)
    with pytest.raises(billing.InvoiceWaiting, match="pay INV-2026-00002 first"):
        await resume(shop, customer)
    assert (await shop.subscription(customer)).status is Status.PAUSED


async def test_a_dispute_comes_before_resuming(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    await pause(shop, customer)
    async with shop.runtime.unit() as unit:
        row = await (await unit.tx.execute("SELECT payment_id, amount_minor FROM billing.invoice_payments")).fetchone()
        assert row is not None
        disputed = PaymentDisputed(
            payment_id=row[0],
            customer_id=customer.id,
            reference="",
            amount_minor=row[1],
            currency="ZAR",
            gateway="sandbox",
        )
        await on_payment_disputed(unit, disputed)
    with pytest.raises(billing.InvoiceDisputed):
        await resume(shop, customer)


async def test_a_quote_is_not_honoured_in_a_pause(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    await shop.advance(days=1)
    checkout = await billing.start_upgrade(
        shop.runtime, customer_id=customer.id, plan_key="enterprise", interval="month"
    )
    await pause(shop, customer)
    await shop.pay(checkout.url)
    assert (await shop.subscription(customer)).plan_key == "pro"
    assert await shop.balance(f"unapplied:{customer.id}") < 0
    with pytest.raises(billing.NotAnUpgrade, match="resume it first"):
        await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="enterprise", interval="month")
    assert await subscriptions_are_whole(shop, customer)


async def subscriptions_are_whole(shop: Shop, customer: Customer) -> bool:
    async with shop.runtime.database.read() as tx:
        return len(await subscriptions.subscription_history(tx, customer.id)) == 1
