"""A trial over time: reminded, ended, paid on or not, and never charged for itself."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from autorisen import billing, subscriptions
from autorisen.accounts import Customer
from autorisen.billing import LineKind
from autorisen.billing.closing.store import failures
from autorisen.billing.lifecycle.pauses import pause
from autorisen.billing.lifecycle.trials import start_trial
from autorisen.kit.mail import mails
from autorisen.kit.problems import Problem
from autorisen.subscriptions import Status
from tests.factories.accounts import make_customer
from tests.factories.billing import Shop
from tests.factories.payments import FAILS_LATER, SUCCEEDS

DAY = timedelta(days=1)


async def try_pro(shop: Shop, customer: Customer, interval: billing.model.Interval = "month") -> subscriptions.Period:
    async with shop.runtime.unit() as unit:
        trial = await start_trial(unit, customer_id=customer.id, plan_key="pro", interval=interval, actor="tests")
    await shop.worker.drain()
    return trial


async def with_card(shop: Shop, card: str = SUCCEEDS) -> Customer:
    """A customer of the Free plan whose card is saved: it paid for another plan once."""
    customer = await shop.customer(address="12 Kloof Road")
    await shop.upgrade(customer, "enterprise", card=card)
    async with shop.runtime.unit() as unit:
        found = await subscriptions.subscription_of(unit.tx, customer.id)
        assert found is not None
        await subscriptions.cancel_now(unit, found.id)
    await shop.advance(hours=2)
    return customer


async def subjects(shop: Shop, customer: Customer) -> list[str]:
    """The subjects of the mails to a customer, the oldest first."""
    async with shop.runtime.database.read() as tx:
        return [each.message.subject for each in reversed(await mails(tx, recipient=customer.email))]


async def body_of(shop: Shop, customer: Customer, subject: str) -> str:
    """What the newest mail with that subject says, without its frame."""
    async with shop.runtime.database.read() as tx:
        found = [each.message for each in await mails(tx, recipient=customer.email) if each.message.subject == subject]
    assert found, subject
    return found[0].text.split("\n\n")[1]


async def test_without_a_card_nothing_is_ever_charged(shop: Shop) -> None:
    customer = await shop.customer()
    trial = await try_pro(shop, customer)
    assert (trial.end_at - trial.start_at) == 14 * DAY
    await shop.advance(minutes=1)
    await shop.use(customer, 3_000)
    async with shop.runtime.database.read() as tx:
        cost = await billing.cost_so_far(tx, customer_id=customer.id, now=shop.clock.now())
        upcoming = await billing.next_invoice(tx, shop.runtime.settings, customer_id=customer.id, now=shop.clock.now())
    assert upcoming is not None
    assert (cost.total.minor, upcoming.draft.total.minor) == (0, 0)
    assert [line.quantity for line in cost.lines if line.meter == "agent.execution"] == [3_000]
    await shop.advance(days=10, hours=23)
    assert await subjects(shop, customer) == []
    await shop.advance(hours=1)
    (reminder,) = await subjects(shop, customer)
    assert reminder.startswith("Your trial of Pro ends on")
    await shop.advance(days=3)
    after = await shop.subscription(customer)
    assert (after.plan_key, after.status, after.started_at) == ("free", Status.ACTIVE, trial.end_at)
    assert (await subjects(shop, customer))[1:] == ["Your trial of Pro is over"]
    await shop.advance(days=60)
    # Late use of the trial is corrected, and still costs nothing.
    await shop.use(customer, 500, at=trial.start_at + DAY, prefix="late")
    await shop.advance(days=31)
    assert await shop.invoices(customer) == []


async def test_with_a_card_the_paid_time_begins_at_the_end(shop: Shop) -> None:
    customer = await with_card(shop)
    before = len(await shop.invoices(customer))
    trial = await try_pro(shop, customer, "year")
    await shop.use(customer, 2_500)
    async with shop.runtime.database.read() as tx:
        upcoming = await billing.next_invoice(tx, shop.runtime.settings, customer_id=customer.id, now=shop.clock.now())
    assert upcoming is not None
    assert upcoming.draft.total.minor == 499_000
    await shop.advance(days=14)
    (invoice,) = (await shop.invoices(customer))[before:]
    period, after = await shop.period(customer), await shop.subscription(customer)
    assert (after.status, after.plan_key, period.start_at) == (Status.ACTIVE, "pro", trial.end_at)
    assert (period.end_at, period.interval) == (trial.end_at.replace(year=2027), "year")
    assert [(line.kind, line.amount.minor) for line in invoice.lines] == [(LineKind.FLAT_FEE, 499_000)]
    assert (invoice.lines[0].period_start, invoice.lines[0].period_end) == (period.start_at, period.end_at)
    assert invoice.status is billing.InvoiceStatus.PAID
    await shop.advance(hours=2)
    assert len(await shop.invoices(customer)) == before + 1, "the close of the trial bills nothing"


async def test_a_trial_whose_end_is_late_is_not_closed_as_unpaid(shop: Shop) -> None:
    """The job that looks for the card fails for two hours: the closing waits for it, and says why."""
    customer = await with_card(shop)
    before = len(await shop.invoices(customer))
    trial = await try_pro(shop, customer)
    await end_trials_at(shop, trial.end_at + timedelta(hours=2))
    await shop.advance(days=14, hours=1)
    assert (await shop.subscription(customer)).status is Status.TRIALING
    async with shop.runtime.database.read() as tx:
        (failed,) = await failures(tx, 10)
    assert failed.period_id == trial.id
    assert failed.reason.startswith("TrialBeingSettled: what follows the trial is not decided")
    await shop.advance(hours=2)
    await shop.advance(minutes=5)
    after, period = await shop.subscription(customer), await shop.period(customer)
    assert (after.status, after.plan_key, period.start_at) == (Status.ACTIVE, "pro", trial.end_at)
    assert [each.total.minor for each in (await shop.invoices(customer))[before:]] == [52_900]
    async with shop.runtime.database.read() as tx:
        assert await failures(tx, 10) == []
        assert (await subscriptions.period(tx, trial.id)).status == "closed"


async def end_trials_at(shop: Shop, at: datetime) -> None:
    async with shop.runtime.unit() as unit:
        moved = await unit.tx.execute("UPDATE kit.jobs SET due_at = %s WHERE kind = 'billing.end_trial'", (at,))
        assert moved.rowcount == 1


async def test_a_card_that_fails_at_the_end_makes_it_past_due(shop: Shop) -> None:
    customer = await with_card(shop, FAILS_LATER)
    await try_pro(shop, customer)
    await shop.advance(days=14, hours=1)
    after = await shop.subscription(customer)
    assert (after.status, after.plan_key) == (Status.PAST_DUE, "pro")


async def test_cancelled_it_costs_nothing_card_or_not(shop: Shop) -> None:
    customer = await with_card(shop)
    before = len(await shop.invoices(customer))
    await try_pro(shop, customer)
    async with shop.runtime.unit() as unit:
        await subscriptions.request_cancel(unit, (await shop.subscription(customer)).id)
        upcoming = await billing.next_invoice(unit.tx, unit.settings, customer_id=customer.id, now=unit.now)
    assert upcoming is not None
    assert not upcoming.draft.lines
    await shop.advance(days=14, hours=2)
    assert (await shop.subscription(customer)).plan_key == "free"
    assert len(await shop.invoices(customer)) == before


async def test_stopped_at_once_no_reminder_comes(shop: Shop) -> None:
    customer = await shop.customer()
    await try_pro(shop, customer)
    async with shop.runtime.unit() as unit:
        await subscriptions.cancel_now(unit, (await shop.subscription(customer)).id)
    await shop.advance(days=20)
    assert await subjects(shop, customer) == ["Pro has ended"]
    assert await shop.invoices(customer) == []


async def test_bought_early_the_paid_time_begins_with_the_payment(shop: Shop) -> None:
    customer = await shop.customer()
    await try_pro(shop, customer)
    await shop.advance(days=2)
    await shop.upgrade(customer, "pro")
    period = await shop.period(customer)
    assert (period.kind, period.start_at) == ("paid", shop.clock.now())
    await shop.advance(days=12, hours=1)
    assert [each.total.minor for each in await shop.invoices(customer)] == [52_900]
    assert (await shop.subscription(customer)).status is Status.ACTIVE


async def test_who_is_told_what_will_happen(shop: Shop) -> None:
    customer = await with_card(shop)
    await try_pro(shop, customer)
    await shop.advance(days=11)
    async with shop.runtime.database.read() as tx:
        newest = (await mails(tx, recipient=customer.email))[0].message
    assert "R529,00 a month, charged to your saved card" in newest.text
    assert "/app/billing" in newest.text


async def test_where_there_is_no_trial(shop: Shop) -> None:
    customer = await shop.customer()
    async with shop.runtime.unit() as unit:
        other = await make_customer(unit, key="new")
    for who, plan, code in (
        (customer, "gold", "plan_unknown"),
        (customer, "enterprise", "trial_refused"),
        (other, "pro", "subscription_missing"),
    ):
        with pytest.raises(Problem) as caught:
            await try_plan(shop, who, plan)
        assert caught.value.code == code
    async with shop.runtime.unit() as unit:
        free = await shop.subscription(customer)
        pro, enterprise = [await billing.upgrades.start_upgrade.wanted_plan(unit, key) for key in ("pro", "enterprise")]
        assert await billing.can_try(unit, free, pro)
        assert not await billing.can_try(unit, free, enterprise)
    await try_pro(shop, customer)
    async with shop.runtime.unit() as unit:
        assert not await billing.can_try(unit, await shop.subscription(customer), pro)


async def try_plan(shop: Shop, customer: Customer, plan: str) -> None:
    async with shop.runtime.unit() as unit:
        await start_trial(unit, customer_id=customer.id, plan_key=plan, interval="month", actor="tests")


async def test_the_audit_rates_the_use_of_trials_and_pauses_as_they_were_rated(shop: Shop) -> None:
    customer = await with_card(shop)
    await try_pro(shop, customer)
    await shop.advance(minutes=1)
    await shop.use(customer, 3_000)
    await shop.advance(days=14, hours=2)
    async with shop.runtime.unit() as unit:
        await pause(unit, (await shop.subscription(customer)).id, at_once=False, actor="tests")
    await shop.advance(days=32)
    await shop.use(customer, 30, prefix="paused")
    await shop.advance(days=32)
    assert (await billing.audit(shop.runtime, actor="tests")).findings == 0
