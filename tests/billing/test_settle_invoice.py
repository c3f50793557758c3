"""Payments and what else is heard of them: exact amounts only, once, and nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from autorisen import billing, catalog, payments, subscriptions
from autorisen.accounts import Customer
from autorisen.billing import Invoice, InvoiceStatus, store
from autorisen.billing.wallet import NewsTooEarly
from autorisen.kit.ids import public_id
from autorisen.kit.mail import mails
from autorisen.payments.store import payments_for
from tests.factories.billing import Shop
from tests.factories.payments import DISPUTED, FAILS_LATER, facts


async def _open_invoice(shop: Shop) -> tuple[Customer, Invoice, payments.PaymentSucceeded]:
    """An invoice whose charge failed, and a payment that would settle it."""
    customer = await shop.customer()
    await shop.upgrade(customer, card=FAILS_LATER)
    await shop.advance(days=31, hours=2)
    invoice = (await shop.invoices(customer))[-1]
    async with shop.runtime.database.read() as tx:
        (attempt,) = await payments_for(tx, invoice.reference)
    paid = payments.PaymentSucceeded(
        attempt.id, customer.id, invoice.reference, invoice.total.minor, "ZAR", "sandbox", shop.clock.now()
    )
    return customer, invoice, paid


async def _settle(shop: Shop, fact: payments.PaymentSucceeded) -> None:
    async with shop.runtime.unit() as unit:
        await billing.settle_invoice(unit, fact)


@pytest.mark.parametrize(
    "change",
    [
        {"amount_minor": 1},
        {"amount_minor": 52_899},
        {"amount_minor": 52_901},
        {"currency": "USD"},
        {"customer_id": UUID(int=5)},
        {"reference": "invoice:00000000-0000-0000-0000-000000000005"},
        {"reference": "invoice:1"},
    ],
)
async def test_a_payment_that_is_not_exact_settles_nothing(shop: Shop, change: dict[str, object]) -> None:
    """Regressions 1 and 2: neither another plan's price nor a cent pays an invoice."""
    customer, invoice, paid = await _open_invoice(shop)
    fact = replace(paid, **change)  # type: ignore[arg-type]  # one field of it
    if "customer_id" in change:
        other = await shop.customer("other")
        fact = replace(fact, customer_id=other.id)
    await _settle(shop, fact)
    await _settle(shop, fact)
    assert (await shop.invoices(customer))[-1].status is InvoiceStatus.OPEN
    (parked,) = await facts(shop.runtime, "PaymentUnapplied")
    assert parked["reason"]
    assert (await shop.subscription(customer)).status is subscriptions.Status.PAST_DUE
    assert await shop.balance(f"receivable:{customer.id}") == invoice.total.minor
    assert await shop.balance(f"unapplied:{fact.customer_id}", fact.currency) == -fact.amount_minor


async def test_settled_twice_is_settled_once_and_a_second_payment_is_kept(shop: Shop) -> None:
    customer, invoice, paid = await _open_invoice(shop)
    await _settle(shop, paid)
    await _settle(shop, paid)
    await shop.worker.drain()
    assert (await shop.invoices(customer))[-1].status is InvoiceStatus.PAID
    assert await shop.balance(f"receivable:{customer.id}") == 0
    assert (await shop.subscription(customer)).status is subscriptions.Status.ACTIVE
    (first,) = await _upgrade_payment(shop, customer)
    await _settle(shop, replace(paid, payment_id=first.id, reference=invoice.reference))
    assert await facts(shop.runtime, "PaymentUnapplied") == []


async def _upgrade_payment(shop: Shop, customer: Customer) -> list[payments.Payment]:
    async with shop.runtime.database.read() as tx:
        return await payments_for(tx, (await shop.invoices(customer))[0].reference)


async def _refund(shop: Shop, payment_id: UUID) -> None:
    async with shop.runtime.unit() as unit:
        await payments.refund_payment(unit, payment_id)
    await shop.worker.drain()


async def test_a_failed_charge_keeps_the_invoice_open_and_says_how_to_pay(shop: Shop) -> None:
    """Regression 4 and the way back: past due by a failed charge, active again by a later payment."""
    customer, invoice, _ = await _open_invoice(shop)
    assert invoice.status is InvoiceStatus.OPEN
    assert (await shop.subscription(customer)).status is subscriptions.Status.PAST_DUE
    async with shop.runtime.database.read() as tx:
        newest = (await mails(tx, recipient=customer.email))[0].message
    assert "did not go through" in newest.subject
    assert billing.invoice_url(invoice, shop.runtime.settings) in newest.text
    checkout = await billing.pay_invoice(shop.runtime, customer_id=customer.id, invoice_id=invoice.id)
    await shop.pay(checkout.url)
    assert (await shop.invoices(customer))[-1].status is InvoiceStatus.PAID
    assert (await shop.subscription(customer)).status is subscriptions.Status.ACTIVE
    assert (await shop.period(customer)).start_at == invoice.lines[-1].period_start
    async with shop.runtime.database.read() as tx:
        receipt = (await mails(tx, recipient=customer.email))[0].message
    assert "Receipt" in receipt.subject
    assert receipt.attachments[0].filename == "INV-2026-00002.pdf"
    with pytest.raises(billing.NothingToPay):
        await billing.pay_invoice(shop.runtime, customer_id=customer.id, invoice_id=invoice.id)


async def test_with_two_unpaid_invoices_one_payment_is_not_enough(shop: Shop) -> None:
    customer, first, _ = await _open_invoice(shop)
    # Else the plan ends before there is a second one, and the new card pays that too.
    await shop.pause_dunning(first)
    await shop.advance(days=31)
    assert [each.status.value for each in await shop.invoices(customer)] == ["paid", "open", "open"]
    await shop.pause_dunning((await shop.invoices(customer))[-1])
    checkout = await billing.pay_invoice(shop.runtime, customer_id=customer.id, invoice_id=first.id)
    await shop.pay(checkout.url)
    assert [each.status.value for each in await shop.invoices(customer)] == ["paid", "paid", "open"]
    assert (await shop.subscription(customer)).status is subscriptions.Status.PAST_DUE


async def test_news_of_a_failure_after_the_payment_changes_nothing(shop: Shop) -> None:
    customer, invoice, paid = await _open_invoice(shop)
    await _settle(shop, paid)
    failed = payments.PaymentFailed(
        paid.payment_id,
        customer.id,
        invoice.reference,
        paid.amount_minor,
        "ZAR",
        "sandbox",
        "late",
        "Too late.",
        payments.PaymentKind.SAVED_METHOD,
    )
    async with shop.runtime.unit() as unit:
        await billing.on_payment_failed(unit, failed)
        await billing.on_payment_failed(unit, replace(failed, reference="invoice:1"))
    assert (await shop.subscription(customer)).status is subscriptions.Status.ACTIVE


async def _open_without_card(shop: Shop) -> tuple[Customer, Invoice]:
    """An open invoice of a customer who has no saved card, so that nothing was charged."""
    customer = await shop.customer()
    async with shop.runtime.unit() as unit:
        plan = await catalog.current_plan(unit.tx, "pro", unit.now)
        subscription = await shop.subscription(customer)
        await subscriptions.change_plan(unit, subscription_id=subscription.id, plan_version=plan, at=unit.now)
    await shop.advance(days=31, hours=2)
    return customer, (await shop.invoices(customer))[-1]


async def test_a_payment_page_that_was_left_is_no_failed_payment_before_the_due_date(shop: Shop) -> None:
    customer, invoice = await _open_without_card(shop)
    await billing.pay_invoice(shop.runtime, customer_id=customer.id, invoice_id=invoice.id)
    await shop.advance(days=2)
    (failed,) = await facts(shop.runtime, "PaymentFailed")
    assert (failed["code"], failed["kind"]) == ("checkout_expired", "checkout")
    assert (await shop.subscription(customer)).status is subscriptions.Status.ACTIVE
    assert await facts(shop.runtime, "InvoicePaymentFailed") == []
    assert invoice.due_at is not None
    shop.clock.set(invoice.due_at)
    await billing.pay_invoice(shop.runtime, customer_id=customer.id, invoice_id=invoice.id)
    await shop.advance(days=2)
    assert (await shop.subscription(customer)).status is subscriptions.Status.PAST_DUE
    assert len(await facts(shop.runtime, "InvoicePaymentFailed")) == 1


async def test_a_refund_ends_what_it_paid_for(shop: Shop) -> None:
    """Regression 5: the money goes back, the paid plan goes with it, and the books show both."""
    customer = await shop.customer()
    await shop.upgrade(customer)
    (payment,) = await _upgrade_payment(shop, customer)
    await shop.advance(days=2)
    await _refund(shop, payment.id)
    (invoice,) = await shop.invoices(customer)
    assert (invoice.status, invoice.refunded_at is not None) == (InvoiceStatus.PAID, True)
    assert (await shop.subscription(customer)).plan_key == "free"
    assert await shop.at_gateway() == 0
    assert await shop.balance(f"refunds:{customer.id}") == 52_900
    # The cut period is closed without a further fee.
    await shop.advance(days=40)
    assert len(await shop.invoices(customer)) == 1


async def test_a_refund_after_the_end_revives_and_ends_nothing(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    (payment,) = await _upgrade_payment(shop, customer)
    await shop.advance(days=1)
    async with shop.runtime.unit() as unit:
        await subscriptions.cancel_now(unit, (await shop.subscription(customer)).id)
    free = await shop.subscription(customer)
    await _refund(shop, payment.id)
    assert await shop.subscription(customer) == free
    assert (await shop.invoices(customer))[0].refunded_at is not None


async def test_a_refund_of_an_earlier_period_leaves_the_plan(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    (payment,) = await _upgrade_payment(shop, customer)
    await shop.advance(days=31, hours=2)
    await _refund(shop, payment.id)
    assert (await shop.subscription(customer)).plan_key == "pro"


async def test_unapplied_money_can_go_back(shop: Shop) -> None:
    customer = await shop.customer()
    pro = await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="pro", interval="month")
    big = await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="enterprise", interval="month")
    await shop.pay(pro.url)
    await shop.pay(big.url)
    async with shop.runtime.database.read() as tx:
        (waiting,) = await billing.list_unapplied(tx, 10)
        assert await billing.count_unapplied(tx) == 1
    assert (waiting.public_id, waiting.refunded_at) == (public_id("pay", big.payment_id), None)
    await _refund(shop, big.payment_id)
    async with shop.runtime.database.read() as tx:
        (returned,) = await billing.list_unapplied(tx, 10)
        assert await billing.count_unapplied(tx) == 0
    assert returned.refunded_at == shop.clock.now()
    assert await shop.balance(f"unapplied:{customer.id}") == 0
    assert (await shop.subscription(customer)).plan_key == "pro"


async def test_a_dispute_makes_the_subscription_past_due(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer, card=DISPUTED)
    await shop.advance(days=2)
    assert len(await facts(shop.runtime, "PaymentDisputed")) == 1
    assert (await shop.subscription(customer)).status is subscriptions.Status.PAST_DUE
    (known,) = await facts(shop.runtime, "PaymentDisputed")
    stranger = payments.PaymentDisputed(
        UUID(int=77), customer.id, known["reference"], known["amount_minor"], "ZAR", "sandbox"
    )
    (invoice,) = await shop.invoices(customer)
    assert invoice.disputed_at is not None
    assert await shop.at_gateway() == 0
    assert await shop.balance("disputed:sandbox") == 52_900
    async with shop.runtime.unit() as unit:
        with pytest.raises(NewsTooEarly):
            await billing.on_payment_disputed(unit, stranger)
    assert await shop.balance("disputed:sandbox") == 52_900
    await shop.advance(hours=1)
    assert shop.clock.now() > (await shop.period(customer)).start_at + timedelta(days=2)


async def test_disputed_money_buys_nothing_more(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer, card=DISPUTED)
    await shop.advance(hours=23)
    quoted = await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="enterprise", interval="month")
    await shop.advance(hours=2)
    with pytest.raises(billing.InvoiceDisputed, match="INV-2026-00001"):
        await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="enterprise", interval="month")
    period = await shop.period(customer)
    async with shop.runtime.database.read() as tx:
        assert await store.paid_fee(tx, period.id) is None
    # The quote from before took the disputed money off.
    await shop.pay(quoted.url)
    (parked,) = await facts(shop.runtime, "PaymentUnapplied")
    assert parked["reason"] == "an earlier payment is disputed"
    held = await shop.subscription(customer)
    assert (held.plan_key, held.status) == ("pro", subscriptions.Status.PAST_DUE)


async def test_a_later_payment_does_not_settle_a_dispute(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer, card=DISPUTED)
    await shop.advance(days=2)
    await shop.advance(days=29, hours=2)
    assert [each.status for each in await shop.invoices(customer)] == [InvoiceStatus.PAID, InvoiceStatus.PAID]
    assert (await shop.subscription(customer)).status is subscriptions.Status.PAST_DUE


async def test_a_refund_ends_a_dispute(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer, card=DISPUTED)
    await shop.advance(days=2)
    (fact,) = await facts(shop.runtime, "PaymentDisputed")
    refunded = payments.PaymentRefunded(
        UUID(fact["payment_id"]), customer.id, fact["reference"], fact["amount_minor"], "ZAR", "sandbox"
    )
    async with shop.runtime.unit() as unit:
        await billing.on_payment_refunded(unit, refunded)
    assert await shop.at_gateway() == 0
    assert await shop.balance("disputed:sandbox") == 0
    assert await shop.balance(f"refunds:{customer.id}") == 52_900
    assert (await shop.subscription(customer)).plan_key == "free"
    async with shop.runtime.database.read() as tx:
        assert await store.disputed_number(tx, (await shop.invoices(customer))[0].subscription_id) is None
