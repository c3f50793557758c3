"""Upgrade by checkout: the server counts, the old plan stays until the money is here, and it happens once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from autorisen import accounts, billing, payments, subscriptions
from autorisen.billing import InvoiceStatus, LineKind
from autorisen.billing.model import ChangeStatus, PendingChange
from autorisen.billing.store import find_invoice
from autorisen.billing.upgrades.apply_change import why_too_late
from autorisen.billing.upgrades.start_upgrade import preview_upgrade
from autorisen.catalog import shipped_catalog
from autorisen.kit.problems import Problem
from tests.factories.accounts import make_customer
from tests.factories.billing import START, Shop
from tests.factories.catalog import apply_text
from tests.factories.payments import DECLINED, FAILS_LATER, facts


async def test_the_old_plan_stays_until_the_new_one_is_paid(shop: Shop) -> None:
    """Regression 9: a click on upgrade takes nothing away, and an abandoned checkout leaves nothing behind."""
    customer = await shop.customer()
    checkout = await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="pro", interval="month")
    declined = await shop.pay(checkout.url, DECLINED)
    assert declined.status_code == 402
    before = await shop.subscription(customer)
    assert (before.plan_key, before.status) == ("free", subscriptions.Status.ACTIVE)
    assert await shop.invoices(customer) == []
    assert await facts(shop.runtime, "InvoicePaymentFailed") == []
    await shop.pay(checkout.url)
    after = await shop.subscription(customer)
    assert (after.plan_key, after.interval, after.status) == ("pro", "month", subscriptions.Status.ACTIVE)
    (invoice,) = await shop.invoices(customer)
    period = await shop.period(customer)
    assert (invoice.status, invoice.total.minor, period.fee_invoiced) == (InvoiceStatus.PAID, 52_900, True)
    assert (invoice.lines[0].period_start, invoice.lines[0].period_end) == (period.start_at, period.end_at)


async def test_a_double_click_is_one_checkout(shop: Shop) -> None:
    customer = await shop.customer()

    async def click() -> payments.Checkout:
        return await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="pro", interval="month")

    first, second = await asyncio.gather(click(), click())
    shop.clock.advance(timedelta(hours=3))
    third = await click()
    assert {first.id, second.id, third.id} == {first.id}


async def test_of_two_upgrades_only_the_one_paid_first_happens(shop: Shop) -> None:
    customer = await shop.customer()
    pro = await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="pro", interval="month")
    big = await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="enterprise", interval="month")
    await shop.pay(pro.url)
    await shop.pay(big.url)
    assert (await shop.subscription(customer)).plan_key == "pro"
    assert [invoice.total.minor for invoice in await shop.invoices(customer)] == [52_900]
    (parked,) = await facts(shop.runtime, "PaymentUnapplied")
    assert parked["amount_minor"] == 179_900
    # The money of the second one is not lost: it is owed to its payer.
    assert await shop.balance(f"unapplied:{customer.id}") == -179_900
    assert await shop.at_gateway() == 52_900 + 179_900


async def test_both_paid_before_anything_is_settled_still_one_happens(shop: Shop) -> None:
    customer = await shop.customer()
    form = {"number": "4242 4242 4242 4242", "expiry": "12/30", "cvc": "123"}
    for plan in ("pro", "enterprise"):
        checkout = await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key=plan, interval="month")
        await shop.client.post(checkout.url + "/pay", data=form)
    await asyncio.gather(shop.worker.drain(), shop.worker.drain(), shop.worker.drain())
    assert len(await shop.invoices(customer)) == 1
    assert len(await facts(shop.runtime, "PaymentUnapplied")) == 1
    assert len(await facts(shop.runtime, "PlanChanged")) == 1


async def test_unused_paid_time_is_taken_off(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    period = await shop.period(customer)
    await shop.advance(days=10)
    await shop.use(customer, 2_400)
    await shop.advance(hours=1)
    await shop.upgrade(customer, "enterprise")
    _, upgrade = await shop.invoices(customer)
    left = int((period.end_at - shop.clock.now()).total_seconds())
    whole = int((period.end_at - period.start_at).total_seconds())
    credit = (52_900 * left * 2 + whole) // (whole * 2)
    assert [(line.kind, line.amount.minor) for line in upgrade.lines] == [
        (LineKind.FLAT_FEE, 179_900),
        (LineKind.PRORATION_CREDIT, -credit),
    ]
    assert (await shop.subscription(customer)).plan_key == "enterprise"
    # The ended part of Pro is closed an hour later: its usage at its own price, and no second fee.
    await shop.advance(hours=2)
    close = (await shop.invoices(customer))[-1]
    assert [(line.kind, line.amount.minor) for line in close.lines] == [(LineKind.USAGE, 10_000)]
    await shop.advance(days=31)
    renewal = (await shop.invoices(customer))[-1]
    assert [line.amount.minor for line in renewal.lines] == [179_900]


async def test_a_year_that_is_paid_lasts_a_year(shop: Shop) -> None:
    """Regression 3: the yearly price buys a year, and the next one comes after it."""
    customer = await shop.customer()
    await shop.upgrade(customer, "pro", "year")
    period = await shop.period(customer)
    assert (period.end_at - START).days == 365
    (invoice,) = await shop.invoices(customer)
    assert invoice.total.minor == 499_000
    await shop.advance(days=300)
    assert len(await shop.invoices(customer)) == 1
    await shop.advance(days=66)
    renewal = (await shop.invoices(customer))[-1]
    assert [line.amount.minor for line in renewal.lines] == [499_000]
    assert (renewal.number or "").startswith("INV-2027-00001")


async def test_month_to_year_credits_the_month(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    await shop.advance(days=1)
    await shop.upgrade(customer, "pro", "year")
    assert (await shop.subscription(customer)).interval == "year"
    assert [line.kind for line in (await shop.invoices(customer))[1].lines] == [
        LineKind.FLAT_FEE,
        LineKind.PRORATION_CREDIT,
    ]


@pytest.mark.parametrize(
    "present,wanted,refusal",
    [
        (None, ("free", "month"), "not_an_upgrade"),
        (None, ("gold", "month"), "plan_unknown"),
        (None, ("enterprise", "year"), "billing_details_needed"),
        (("pro", "month"), ("pro", "month"), "not_an_upgrade"),
        (("pro", "month"), ("free", "month"), "not_an_upgrade"),
        (("pro", "year"), ("pro", "month"), "not_an_upgrade"),
        (("pro", "year"), ("enterprise", "month"), "not_an_upgrade"),
        (("enterprise", "month"), ("pro", "year"), "not_an_upgrade"),
    ],
)
async def test_what_is_no_upgrade_is_refused(
    shop: Shop, present: tuple[str, str] | None, wanted: tuple[str, str], refusal: str
) -> None:
    customer = await shop.customer()
    if present:
        await shop.upgrade(customer, present[0], present[1])  # type: ignore[arg-type]  # an interval
    before = await shop.subscription(customer)
    with pytest.raises(Problem) as caught:
        await billing.start_upgrade(
            shop.runtime,
            customer_id=customer.id,
            plan_key=wanted[0],
            interval=wanted[1],  # type: ignore[arg-type]  # an interval
        )
    assert caught.value.code == refusal
    assert await shop.subscription(customer) == before


async def test_over_five_thousand_rand_needs_an_address(shop: Shop) -> None:
    customer = await shop.customer(address="12 Kloof Road\nCape Town")
    await shop.upgrade(customer, "enterprise", "year")
    (invoice,) = await shop.invoices(customer)
    assert (invoice.total.minor, invoice.customer.address) == (1_719_000, "12 Kloof Road\nCape Town")


async def test_changed_details_make_a_new_quote(shop: Shop) -> None:
    customer = await shop.customer()
    first = await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="pro", interval="month")
    async with shop.runtime.unit() as unit:
        await accounts.update_customer(
            unit,
            customer_id=customer.id,
            name="Acme Holdings",
            email=customer.email,
            country="ZA",
            time_zone=customer.time_zone,
            billing_address="",
            vat_number="",
            actor="tests",
        )
    second = await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="pro", interval="month")
    assert first.id != second.id
    # The older page may still be open in another tab; paid, it is honoured, and the newer one is dropped.
    await shop.pay(first.url)
    assert (await shop.subscription(customer)).plan_key == "pro"
    await shop.pay(second.url)
    assert len(await facts(shop.runtime, "PaymentUnapplied")) == 1


async def test_an_old_quote_with_a_credit_is_not_honoured(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    await shop.advance(days=1)
    stale = await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="enterprise", interval="month")
    shop.clock.advance(timedelta(hours=2))
    fresh = await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="enterprise", interval="month")
    assert stale.id != fresh.id
    await shop.advance(hours=23)
    async with shop.runtime.database.read() as tx:
        found = await payments.checkout_with_payment(tx, stale.id, customer_id=customer.id)
    assert found is not None
    async with shop.runtime.unit() as unit:
        payment = found[1]
        paid = payments.PaymentSucceeded(
            payment.id, customer.id, payment.reference, payment.amount.minor, "ZAR", "sandbox", unit.now
        )
        await billing.settle_invoice(unit, paid)
    (parked,) = await facts(shop.runtime, "PaymentUnapplied")
    assert "expired" in parked["reason"]
    assert (await shop.subscription(customer)).plan_key == "pro"


async def test_an_unpaid_invoice_comes_first(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer, card=FAILS_LATER)
    await shop.advance(days=31, hours=2)
    with pytest.raises(billing.InvoiceWaiting, match="pay INV-2026-00002 first"):
        await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="enterprise", interval="month")


async def test_a_period_that_is_being_closed_comes_first(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    shop.clock.advance(timedelta(days=31, minutes=30))
    with pytest.raises(billing.InvoiceWaiting, match="being invoiced"):
        await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="enterprise", interval="month")


async def test_a_free_period_that_is_being_closed_keeps_nobody_waiting(shop: Shop) -> None:
    customer = await shop.customer()
    shop.clock.set((await shop.period(customer)).end_at + timedelta(minutes=30))
    await shop.upgrade(customer)
    assert (await shop.subscription(customer)).plan_key == "pro"
    assert [invoice.total.minor for invoice in await shop.invoices(customer)] == [52_900]


async def test_a_quote_without_a_credit_does_not_outlive_the_next_fee(shop: Shop) -> None:
    """Asked for in the last instant, nothing is left to credit; then the next period's fee is charged."""
    customer = await shop.customer()
    await shop.upgrade(customer)
    shop.clock.set((await shop.period(customer)).end_at - timedelta(microseconds=1))
    quote = await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="enterprise", interval="month")
    await shop.advance(hours=2)
    await shop.pay(quote.url)
    assert [invoice.total.minor for invoice in await shop.invoices(customer)] == [52_900, 52_900]
    (parked,) = await facts(shop.runtime, "PaymentUnapplied")
    assert "a fee was invoiced after the quote" in parked["reason"]
    assert (await shop.subscription(customer)).plan_key == "pro"


async def test_a_change_is_refused_when_the_subscription_ended_meanwhile(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    await shop.advance(days=1)
    checkout = await billing.start_upgrade(
        shop.runtime, customer_id=customer.id, plan_key="enterprise", interval="month"
    )
    async with shop.runtime.unit() as unit:
        await subscriptions.cancel_now(unit, (await shop.subscription(customer)).id)
    await shop.pay(checkout.url)
    (parked,) = await facts(shop.runtime, "PaymentUnapplied")
    assert parked["reason"] == "the subscription is over"
    assert (await shop.subscription(customer)).plan_key == "free"


async def test_a_new_customer_without_a_plan_is_told_to_wait(shop: Shop) -> None:
    async with shop.runtime.unit() as unit:
        customer = await make_customer(unit)
    with pytest.raises(billing.SubscriptionMissing):
        await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="pro", interval="month")


async def test_a_preview_stores_nothing(shop: Shop) -> None:
    customer = await shop.customer()
    async with shop.runtime.unit() as unit:
        draft = await preview_upgrade(unit, customer_id=customer.id, plan_key="pro", interval="month")
        assert draft.total.minor == 52_900
        row = await (await unit.tx.execute("SELECT count(*) FROM billing.invoices")).fetchone()
    assert row == (0,)


async def test_a_draft_is_no_invoice_for_anybody(shop: Shop) -> None:
    customer = await shop.customer()
    await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="pro", interval="month")
    async with shop.runtime.unit() as unit:
        row = await (await unit.tx.execute("SELECT id FROM billing.invoices")).fetchone()
        assert row is not None
        assert (await find_invoice(unit.tx, row[0])) is not None
        with pytest.raises(billing.InvoiceNotFound):
            await billing.invoice(unit.tx, row[0])


OUTLET = """
[[plan]]
key = "outlet"
name = "Outlet"
tagline = "Above Pro, and cheaper."
rank = 9
features = []

[plan.limits]
agents = 1
executions = 1
projects = 1
storage_mb = 1
support_hours = 1

[[plan.price]]
currency = "ZAR"
interval = "month"
amount = "10.00"
"""


async def test_a_plan_that_costs_less_than_the_credit_waits(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    await shop.advance(days=1)
    async with shop.runtime.unit() as unit:
        await apply_text(unit, shipped_catalog() + OUTLET)
    await shop.advance(minutes=1)
    with pytest.raises(billing.NotAnUpgrade, match="worth more"):
        await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="outlet", interval="month")
    with pytest.raises(billing.PlanUnknown) as caught:
        await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="outlet", interval="year")
    assert caught.value.errors[0].field == "/interval"


def test_a_quote_from_another_plan_is_too_late() -> None:
    plan, other = UUID(int=1), UUID(int=2)
    change = PendingChange(
        id=UUID(int=3),
        subscription_id=UUID(int=4),
        customer_id=UUID(int=5),
        from_plan_version_id=plan,
        period_id=UUID(int=6),
        plan_version_id=UUID(int=7),
        interval="month",
        invoice_id=UUID(int=8),
        credit_minor=0,
        status=ChangeStatus.WAITING,
        created_at=START,
    )
    subscription = subscriptions.Subscription(
        id=UUID(int=4),
        customer_id=UUID(int=5),
        plan_version_id=other,
        plan_key="pro",
        currency="ZAR",
        interval="month",
        status=subscriptions.Status.ACTIVE,
        cancel_at_period_end=False,
        started_at=START,
        ended_at=None,
        anchor_at=START,
        time_zone="UTC",
    )
    period = subscriptions.Period(
        id=UUID(int=6),
        subscription_id=UUID(int=4),
        customer_id=UUID(int=5),
        plan_version_id=plan,
        interval="month",
        ordinal=1,
        start_at=START,
        end_at=START + timedelta(days=31),
        planned_end_at=START + timedelta(days=31),
        status="open",
        fee_invoiced=False,
    )

    def reason(change: PendingChange, subscription: subscriptions.Subscription, **at: int) -> str | None:
        now = START + timedelta(**at)
        return why_too_late(change, subscription, period, paid_at=now, now=now)

    assert reason(change, subscription) == "the plan was changed meanwhile"
    same = replace(subscription, plan_version_id=plan)
    assert reason(change, same, days=40) is None
    credited = replace(change, credit_minor=1)
    assert reason(credited, same, hours=24) is None
    for late in (reason(credited, same, hours=25), reason(replace(credited, period_id=UUID(int=9)), same)):
        assert late is not None
        assert "expired" in late
    assert reason(change, replace(same, status=subscriptions.Status.ENDED)) == "the subscription is over"
