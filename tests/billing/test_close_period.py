"""A period's end: usage in arrears, the next fee in advance, once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from autorisen import billing, subscriptions
from autorisen.billing import InvoiceStatus, LineKind, Purpose
from autorisen.billing.closing import close_period
from autorisen.billing.errors import PeriodStillOpen
from autorisen.billing.explanation.explain_invoice import explain
from autorisen.billing.rating import store as store_rated
from autorisen.kit.mail import mails
from autorisen.kit.work import Worker
from autorisen.kit.work.store import queue_state
from autorisen.worker import registry
from tests.factories.billing import START, Shop
from tests.factories.payments import facts
from tests.factories.subscriptions import subscribe


async def test_a_month_on_pro_is_invoiced_and_paid_by_the_saved_card(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    await shop.advance(days=3)
    await shop.use(customer, 2_500)
    await shop.advance(days=28, hours=2)
    upgrade, close = await shop.invoices(customer)
    assert (upgrade.purpose, upgrade.number, upgrade.total.minor) == (Purpose.UPGRADE, "INV-2026-00001", 52_900)
    assert (close.purpose, close.number, close.status) == (
        Purpose.PERIOD_CLOSE,
        "INV-2026-00002",
        InvoiceStatus.PAID,
    )
    assert [
        (line.kind, line.meter, int(line.quantity), int(line.included), line.amount.minor) for line in close.lines
    ] == [
        (LineKind.USAGE, "agent.execution", 2_500, 2_000, 12_500),
        (LineKind.FLAT_FEE, None, 1, 0, 52_900),
    ]
    assert (close.total.minor, close.tax.minor, close.subtotal.minor) == (65_400, 1_630 + 6_900, 65_400 - 8_530)
    following = await shop.period(customer)
    assert (close.lines[1].period_start, close.lines[1].period_end) == (following.start_at, following.end_at)
    assert await shop.balance(f"receivable:{customer.id}") == 0
    assert await shop.at_gateway() == 52_900 + 65_400
    assert await shop.balance("tax:vat_output") == -(6_900 + 8_530)
    assert await shop.balance("revenue:usage") == -(12_500 - 1_630)


async def test_a_free_period_costs_nothing_and_is_still_explained(shop: Shop) -> None:
    customer = await shop.customer()
    free = await shop.period(customer)
    await shop.use(customer, 80)
    await shop.advance(days=32)
    assert await shop.invoices(customer) == []
    async with shop.runtime.database.read() as tx:
        closing = await store_rated.find_closing(tx, free.id)
        rated = (await store_rated.latest_rated(tx, [free.id]))[free.id]["agent.execution", None]
    assert closing is not None
    assert closing.invoice_id is None
    assert (int(rated.quantity), int(rated.included), int(rated.billable), rated.amount.minor) == (80, 50, 0, 0)
    assert (await shop.period(customer)).start_at == free.end_at


async def test_closing_twice_or_at_once_from_two_sides_is_closing_once(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    period = await shop.period(customer)
    shop.clock.set(period.end_at + timedelta(hours=1))

    async def close() -> billing.Invoice | None:
        async with shop.runtime.unit() as unit:
            closing = await close_period(unit, period.id)
            return None if closing.invoice_id is None else await billing.invoice(unit.tx, closing.invoice_id)

    first, second = await asyncio.gather(close(), close())
    third = await close()
    assert first is not None
    assert second is not None
    assert third is not None
    assert {first.id, second.id, third.id} == {first.id}
    assert len(await shop.invoices(customer)) == 2


async def test_a_close_that_is_killed_in_the_middle_has_not_happened(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    period = await shop.period(customer)
    shop.clock.set(period.end_at + timedelta(hours=1))

    async def killed() -> None:
        async with shop.runtime.unit() as unit:
            await close_period(unit, period.id)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await killed()
    assert len(await shop.invoices(customer)) == 1
    assert (await shop.period(customer)).id == period.id
    assert len(await facts(shop.runtime, "InvoiceIssued")) == 1
    await shop.worker.drain()
    assert [invoice.number for invoice in await shop.invoices(customer)] == ["INV-2026-00001", "INV-2026-00002"]


async def test_a_period_waits_for_its_grace_time(shop: Shop) -> None:
    customer = await shop.customer()
    period = await shop.period(customer)
    shop.clock.set(period.end_at + timedelta(minutes=59))
    async with shop.runtime.unit() as unit:
        with pytest.raises(PeriodStillOpen):
            await close_period(unit, period.id)
    await shop.use(customer, 3, at=period.end_at - timedelta(seconds=1))
    await shop.use(customer, 4, at=period.end_at, prefix="next")
    await shop.advance(minutes=1)
    async with shop.runtime.database.read() as tx:
        assert int((await store_rated.latest_rated(tx, [period.id]))[period.id]["agent.execution", None].quantity) == 3


async def test_a_longer_grace_time_puts_off_the_closes_that_wait_already(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    period = await shop.period(customer)
    settings = replace(shop.runtime.settings, usage_grace_minutes=3 * 24 * 60)
    patient = Worker(replace(shop.runtime, settings=settings), registry())
    shop.clock.set(period.end_at + timedelta(hours=1))
    for _ in range(3):
        await patient.drain()
        shop.clock.advance(timedelta(hours=23))
    async with shop.runtime.database.read() as tx:
        assert await store_rated.find_closing(tx, period.id) is None
        assert (await queue_state(tx, shop.clock.now())).retrying == 0
    shop.clock.set(period.end_at + timedelta(days=3))
    await patient.drain()
    assert [invoice.purpose for invoice in await shop.invoices(customer)] == [Purpose.UPGRADE, Purpose.PERIOD_CLOSE]
    async with shop.runtime.database.read() as tx:
        assert (await queue_state(tx, shop.clock.now())).dead == 0


async def test_without_a_saved_card_the_invoice_goes_out_by_mail(shop: Shop) -> None:
    async with shop.runtime.unit() as unit:
        customer, _ = await subscribe(unit)
    await shop.worker.drain()
    (first,) = await shop.invoices(customer)
    assert (first.purpose, first.status, first.total.minor) == (Purpose.START, InvoiceStatus.OPEN, 52_900)
    await shop.advance(days=31, hours=1)
    first, second = await shop.invoices(customer)
    assert second.status is InvoiceStatus.OPEN
    assert [line.kind for line in second.lines] == [LineKind.FLAT_FEE]
    async with shop.runtime.database.read() as tx:
        # Between them are the reminders of the first one.
        newest, *_, oldest = await mails(tx, recipient=customer.email)
    assert second.number is not None
    assert second.number in newest.message.subject
    assert billing.invoice_url(second, shop.runtime.settings) in newest.message.text
    assert newest.message.attachments[0].content.startswith(b"%PDF-")
    assert first.number is not None
    assert first.number in oldest.message.subject


async def test_late_usage_of_a_billed_period_is_a_line_on_the_next_invoice(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    billed = await shop.period(customer)
    await shop.advance(days=1)
    await shop.use(customer, 1_990)
    await shop.advance(days=30, hours=2)
    await shop.use(customer, 30, at=START + timedelta(days=30), prefix="late")
    await shop.advance(days=31)
    (line,) = [line for line in (await shop.invoices(customer))[-1].lines if line.kind is LineKind.USAGE_ADJUSTMENT]
    # 2 020 used, 2 000 included: 20 of the 30 late ones cost R0.25 each.
    assert (int(line.quantity), line.amount.minor, line.tax.minor) == (30, 500, 65)
    assert (line.period_start, line.period_end) == (billed.start_at, billed.end_at)
    async with shop.runtime.database.read() as tx:
        explained = await explain(tx, (await shop.invoices(customer))[-1])
    reason = next(each for each in explained if each.line.id == line.id)
    assert reason.before is not None
    assert reason.rated is not None
    assert (int(reason.before.quantity), int(reason.rated.quantity), reason.rated.revision) == (1_990, 2_020, 2)
    assert sum(day.quantity for day in reason.days) == 2_020
    await shop.advance(days=31)
    assert not [line for line in (await shop.invoices(customer))[-1].lines if line.kind is LineKind.USAGE_ADJUSTMENT]


async def test_cancelled_at_period_end_bills_the_usage_and_no_further_fee(shop: Shop) -> None:
    """Regression 8: whoever cancels at the period's end gets no new fee, no past due, and lands on Free."""
    customer = await shop.customer()
    await shop.upgrade(customer)
    await shop.advance(days=2)
    await shop.use(customer, 2_004)
    before = await shop.subscription(customer)
    async with shop.runtime.unit() as unit:
        await subscriptions.request_cancel(unit, before.id)
    await shop.advance(days=40)
    last = (await shop.invoices(customer))[-1]
    assert [(line.kind, line.amount.minor) for line in last.lines] == [(LineKind.USAGE, 100)]
    after = await shop.subscription(customer)
    assert (after.plan_key, after.status) == ("free", subscriptions.Status.ACTIVE)
    assert await facts(shop.runtime, "SubscriptionPastDue") == []
    await shop.advance(days=40)
    assert (await shop.invoices(customer))[-1].id == last.id
