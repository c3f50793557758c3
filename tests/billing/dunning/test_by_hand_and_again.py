"""What people do about unpaid invoices, and what happens twice, late or meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from autorisen import billing, payments, subscriptions
from autorisen.billing import InvoiceStatus
from autorisen.billing.dunning import DunningOver, DunningPaused, jobs
from autorisen.billing.dunning.model import Outcome, Stage
from autorisen.billing.dunning.take_step import begin_dunning, take_step
from autorisen.billing.wallet.top_up import start_top_up
from autorisen.kit.money import Money
from tests.billing.dunning.test_dunning import allowed, attempts, done, dunning_of, failing, overdue, pay
from tests.factories.billing import Shop
from tests.factories.payments import DECLINED, facts

End = Callable[..., Awaitable[None]]


async def test_a_new_card_is_tried_at_once_on_what_is_unpaid(shop: Shop) -> None:
    customer, invoice = await overdue(shop)
    await shop.advance(days=8)
    other = await start_top_up(shop.runtime, customer_id=customer.id, amount=Money(10_000, "ZAR"))
    await shop.pay(other.url)
    paid = (await shop.invoices(customer))[-1]
    assert paid.status is InvoiceStatus.PAID
    assert (None, "charged") in await done(shop, invoice)
    assert (await dunning_of(shop, invoice)).outcome is Outcome.PAID


async def test_paused_nothing_happens_and_the_days_that_are_left_stay(shop: Shop) -> None:
    _customer, invoice = await failing(shop)
    async with shop.runtime.unit() as unit:
        await billing.pause_dunning(unit, invoice.id, actor="tests")
        await billing.pause_dunning(unit, invoice.id, actor="tests")
        with pytest.raises(DunningPaused):
            await billing.retry_now(unit, invoice.id, actor="tests")
    await shop.advance(days=30)
    assert await done(shop, invoice) == [(0, "charge_failed"), (None, "paused")]
    async with shop.runtime.unit() as unit:
        await billing.resume_dunning(unit, invoice.id, actor="tests")
        await billing.resume_dunning(unit, invoice.id, actor="tests")
    await shop.advance(days=2)
    assert len(await attempts(shop, invoice)) == 1
    await shop.advance(days=1)
    assert len(await attempts(shop, invoice)) == 2


@pytest.mark.parametrize(
    "verb, outcome",
    [(billing.void_invoice, Outcome.VOID), (billing.write_off_invoice, Outcome.WRITTEN_OFF)],
)
async def test_an_invoice_that_is_ended_by_hand_is_chased_no_more(shop: Shop, verb: End, outcome: Outcome) -> None:
    """A paused chase takes no step, so it can't wait for one to see that it is over."""
    _customer, invoice = await failing(shop)
    async with shop.runtime.unit() as unit:
        await billing.pause_dunning(unit, invoice.id, actor="tests")
        await verb(unit, invoice.id, reason="a mistake", actor="tests")
    await shop.worker.drain()
    dunning = await dunning_of(shop, invoice)
    assert (dunning.outcome, dunning.ended_at) == (outcome, shop.clock.now())


async def test_an_operator_can_charge_now_and_the_schedule_stays(shop: Shop) -> None:
    _customer, invoice = await failing(shop)
    planned = (await dunning_of(shop, invoice)).next_at
    async with shop.runtime.unit() as unit:
        await billing.retry_now(unit, invoice.id, actor="tests")
    await shop.worker.drain()
    assert await done(shop, invoice) == [(0, "charge_failed"), (None, "charged"), (None, "charge_failed")]
    assert (await dunning_of(shop, invoice)).next_at == planned


async def test_what_is_over_or_was_never_begun_is_refused(shop: Shop) -> None:
    customer, invoice = await failing(shop)
    (first, *_) = await shop.invoices(customer)
    await pay(shop, customer, invoice)
    async with shop.runtime.unit() as unit:
        for verb in (billing.pause_dunning, billing.resume_dunning, billing.retry_now):
            with pytest.raises(DunningOver):
                await verb(unit, invoice.id, actor="tests")
            with pytest.raises(billing.DunningNotFound):
                await verb(unit, first.id, actor="tests")
        await take_step(unit, invoice.id)
        await take_step(unit, first.id)


async def test_the_job_of_a_step_that_runs_twice_does_it_once(shop: Shop) -> None:
    _customer, invoice = await failing(shop)
    shop.clock.advance(timedelta(days=3))
    for _ in range(2):
        async with shop.runtime.unit() as unit:
            await take_step(unit, invoice.id)
    await shop.worker.drain()
    assert len(await attempts(shop, invoice)) == 2


async def test_a_subscription_that_ended_meanwhile_is_not_ended_again(shop: Shop) -> None:
    customer, invoice = await failing(shop)
    async with shop.runtime.unit() as unit:
        await subscriptions.cancel_now(unit, (await shop.subscription(customer)).id)
    for days in (3, 2, 2, 7, 14):
        await shop.advance(days=days)
    assert (await dunning_of(shop, invoice)).stage is Stage.ENDED
    assert (await shop.subscription(customer)).plan_key == "free"
    assert await allowed(shop, customer)


async def test_a_card_declined_on_the_page_before_the_due_date_chases_nobody(shop: Shop) -> None:
    customer, invoice = await overdue(shop)
    checkout = await billing.pay_invoice(shop.runtime, customer_id=customer.id, invoice_id=invoice.id)
    await shop.pay(checkout.url, DECLINED)
    async with shop.runtime.database.read() as tx:
        assert await billing.find_dunning(tx, invoice.id) is None
    assert await facts(shop.runtime, "InvoicePaymentFailed") == []


async def test_many_overdue_invoices_are_begun_with_in_several_goes(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_AT_ONCE", 1)
    found = [await overdue(shop, key) for key in ("acme", "bolt")]
    await shop.advance(days=8)
    await shop.advance(days=1)
    for _, invoice in found:
        assert (await done(shop, invoice))[0] == (0, "reminded")
    before = await done(shop, found[0][1])
    async with shop.runtime.unit() as unit:
        await begin_dunning(unit, found[0][1], first_charge_failed=False)
        paid = (await shop.invoices(found[0][0]))[0]
        await begin_dunning(unit, replace(paid, status=InvoiceStatus.PAID), first_charge_failed=True)
    assert await done(shop, found[0][1]) == before


async def test_a_new_card_leaves_what_is_paused_alone(shop: Shop) -> None:
    customer, invoice = await failing(shop)
    async with shop.runtime.unit() as unit:
        await billing.pause_dunning(unit, invoice.id, actor="tests")
    page = await start_top_up(shop.runtime, customer_id=customer.id, amount=Money(10_000, "ZAR"))
    await shop.pay(page.url)
    assert len(await attempts(shop, invoice)) == 1


async def test_a_new_card_that_can_help_as_little_is_not_charged(shop: Shop) -> None:
    customer, invoice = await failing(shop)
    await billing.pay_invoice(shop.runtime, customer_id=customer.id, invoice_id=invoice.id)
    page = await start_top_up(shop.runtime, customer_id=customer.id, amount=Money(10_000, "ZAR"))
    await shop.pay(page.url)
    assert [each.kind for each in await attempts(shop, invoice)] == [
        payments.PaymentKind.SAVED_METHOD,
        payments.PaymentKind.CHECKOUT,
    ]
