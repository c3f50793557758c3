"""Unpaid invoices on real rows: retries, reminders, suspension, recovery at any time, and what operators do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from autorisen import billing, catalog, payments, subscriptions
from autorisen.accounts import Customer
from autorisen.billing import Invoice, InvoiceStatus
from autorisen.billing.dunning import CannotRetry, store
from autorisen.billing.dunning.jobs import find_overdue
from autorisen.billing.dunning.model import Dunning, Outcome, Policy, Stage
from autorisen.billing.dunning.take_step import take_step
from autorisen.billing.invoice_link import invoice_url
from autorisen.billing.issue_invoice import issue_invoice
from autorisen.kit.mail import Message, mails
from autorisen.payments.store import payments_for
from autorisen.subscriptions import Status
from tests.factories.accounts import make_member, sign_in
from tests.factories.billing import Shop, a_draft_like
from tests.factories.payments import FAILS_LATER


async def failing(shop: Shop, key: str = "acme") -> tuple[Customer, Invoice]:
    """A customer whose card failed at the renewal: day 0 of the schedule."""
    customer = await shop.customer(key)
    await shop.upgrade(customer, card=FAILS_LATER)
    await shop.advance(days=31, hours=2)
    return customer, (await shop.invoices(customer))[-1]


async def dunning_of(shop: Shop, invoice: Invoice) -> Dunning:
    async with shop.runtime.database.read() as tx:
        found = await billing.find_dunning(tx, invoice.id)
    assert found is not None
    return found


async def done(shop: Shop, invoice: Invoice) -> list[tuple[int | None, str]]:
    async with shop.runtime.database.read() as tx:
        return [(each.step, each.kind) for each in await store.events_of(tx, invoice.id)]


async def attempts(shop: Shop, invoice: Invoice) -> list[payments.Payment]:
    async with shop.runtime.database.read() as tx:
        return await payments_for(tx, invoice.reference)


async def mailed(shop: Shop) -> list[Message]:
    async with shop.runtime.database.read() as tx:
        return [each.message for each in sorted(await mails(tx, limit=500), key=lambda mail: mail.id)]


async def allowed(shop: Shop, customer: Customer) -> bool:
    """Whether one more agent execution may be used now."""
    async with shop.runtime.database.read() as tx:
        rows = await subscriptions.entitlements(tx, customer_id=customer.id, now=shop.clock.now())
    return next(row for row in rows if row.key == "agent.execution").allows_more


async def pay(shop: Shop, customer: Customer, invoice: Invoice) -> None:
    checkout = await billing.pay_invoice(shop.runtime, customer_id=customer.id, invoice_id=invoice.id)
    await shop.pay(checkout.url)


async def test_a_card_that_fails_is_tried_on_four_days_and_then_the_plan_is_suspended(shop: Shop) -> None:
    customer, invoice = await failing(shop)
    assert await done(shop, invoice) == [(0, "charge_failed")]
    for days in (3, 2, 2):
        await shop.advance(days=days)
    assert await done(shop, invoice) == [
        (0, "charge_failed"),
        (1, "charged"),
        (None, "charge_failed"),
        (2, "charged"),
        (None, "charge_failed"),
        (3, "charged"),
        (None, "charge_failed"),
    ]
    assert len(await attempts(shop, invoice)) == 4
    assert (await dunning_of(shop, invoice)).stage is Stage.GRACE
    assert (await shop.subscription(customer)).status is Status.PAST_DUE
    assert await allowed(shop, customer), "the plan goes on in the grace time"
    await shop.advance(days=7)
    assert (await dunning_of(shop, invoice)).stage is Stage.SUSPENDED
    assert not await allowed(shop, customer)
    subjects = [mail.subject for mail in await mailed(shop)]
    assert subjects.count(f"Payment of invoice {invoice.number} did not go through") == 4
    assert subjects[-1] == f"Your plan is suspended: invoice {invoice.number} is unpaid"
    text = (await mailed(shop))[-1].text
    assert invoice_url(invoice, shop.runtime.settings) in text, "with a link to pay"
    assert "your plan ends on" in text


async def test_a_payment_restores_everything_at_any_time(shop: Shop) -> None:
    customer, invoice = await failing(shop)
    for days in (3, 2, 2, 7):
        await shop.advance(days=days)
    assert not await allowed(shop, customer)
    await pay(shop, customer, invoice)
    assert await allowed(shop, customer)
    subscription = await shop.subscription(customer)
    assert (subscription.plan_key, subscription.status, subscription.suspended_at) == ("pro", Status.ACTIVE, None)
    over = await dunning_of(shop, invoice)
    assert (over.outcome, over.next_at) == (Outcome.PAID, None)
    assert [mail.subject for mail in await mailed(shop)][-2:].count("Your plan works again") == 1
    before = len(await attempts(shop, invoice))
    await shop.advance(days=20)
    assert len(await attempts(shop, invoice)) == before, "nothing more is done"


async def test_without_a_payment_the_plan_ends_and_the_claim_stays(shop: Shop) -> None:
    customer, invoice = await failing(shop)
    for days in (3, 2, 2, 7, 14):
        await shop.advance(days=days)
    assert (await shop.subscription(customer)).plan_key == "free"
    assert (await dunning_of(shop, invoice)).stage is Stage.ENDED
    assert (await shop.invoices(customer))[-1].status is InvoiceStatus.OPEN
    assert [mail.subject for mail in await mailed(shop)][
        -1
    ] == f"Your plan has ended: invoice {invoice.number} was not paid"
    await pay(shop, customer, invoice)
    assert (await dunning_of(shop, invoice)).outcome is Outcome.PAID
    assert await allowed(shop, customer), "on the free plan"


async def test_the_link_of_the_mail_leads_to_the_payment(shop: Shop) -> None:
    """Whoever has the mail can pay, without an account."""
    _customer, invoice = await failing(shop)
    text = (await mailed(shop))[-1].text
    path = text.partition(shop.runtime.settings.base_url)[2].split()[0]
    page = (await shop.client.get(path)).text
    assert f'action="{path}/pay"' in page
    asked = await shop.client.post(f"{path}/pay")
    await shop.pay(asked.headers["location"])
    assert (await dunning_of(shop, invoice)).outcome is Outcome.PAID


async def test_a_suspended_customer_reads_why_and_what_to_do(shop: Shop) -> None:
    customer, _invoice = await failing(shop)
    async with shop.runtime.unit() as unit:
        await make_member(unit, customer.id, email="busy@acme.example")
    for days in (3, 2, 2, 7):
        await shop.advance(days=days)
    await sign_in(shop.client, shop.runtime, "busy@acme.example")
    page = (await shop.client.get("/app/billing")).text
    assert "Your plan is suspended: nothing can be used until it is paid." in page
    assert "Suspended" in (await shop.client.get("/app")).text


async def test_a_chase_keeps_the_policy_that_it_began_with(shop: Shop) -> None:
    _customer, invoice = await failing(shop)
    runtime = replace(shop.runtime, settings=replace(shop.runtime.settings, dunning_days="0,1", dunning_grace_days=0))
    shop.clock.advance(timedelta(days=2))
    async with runtime.unit() as unit:
        await take_step(unit, invoice.id)
    assert await done(shop, invoice) == [(0, "charge_failed")]
    assert (await dunning_of(shop, invoice)).policy == Policy()


async def test_paid_in_part_of_the_claims_stays_suspended_and_is_told_so(shop: Shop) -> None:
    customer, invoice = await failing(shop)
    for days in (3, 2, 2, 7):
        await shop.advance(days=days)
    async with shop.runtime.unit() as unit:
        other = await issue_invoice(unit, a_draft_like(invoice))
    await pay(shop, customer, invoice)
    assert not await allowed(shop, customer)
    assert "Your plan works again" not in [mail.subject for mail in await mailed(shop)]
    await pay(shop, customer, other)
    assert await allowed(shop, customer)


async def test_a_jump_over_all_steps_is_one_charge_and_one_mail(shop: Shop) -> None:
    customer, invoice = await failing(shop)
    before = len(await mailed(shop))
    await shop.advance(days=13)
    assert [kind for _, kind in await done(shop, invoice)] == [
        "charge_failed", "skipped", "skipped", "charged", "charge_failed",
    ]  # fmt: skip
    assert len(await attempts(shop, invoice)) == 2
    assert len(await mailed(shop)) == before + 1
    assert await allowed(shop, customer)


async def test_a_jump_past_the_suspension_gives_a_day_of_notice(shop: Shop) -> None:
    customer, invoice = await failing(shop)
    await shop.advance(days=100)
    assert (await dunning_of(shop, invoice)).stage is Stage.GRACE
    assert await allowed(shop, customer)
    await shop.advance(days=1)
    assert not await allowed(shop, customer)


async def overdue(shop: Shop, key: str = "acme") -> tuple[Customer, Invoice]:
    """An invoice that nothing was charged for: there is no saved card."""
    customer = await shop.customer(key)
    async with shop.runtime.unit() as unit:
        plan = await catalog.current_plan(unit.tx, "pro", unit.now)
        subscription = await shop.subscription(customer)
        await subscriptions.change_plan(unit, subscription_id=subscription.id, plan_version=plan, at=unit.now)
    await shop.advance(days=31, hours=2)
    return customer, (await shop.invoices(customer))[-1]


async def test_an_invoice_without_a_card_is_reminded_of_from_its_due_date_on(shop: Shop) -> None:
    customer, invoice = await overdue(shop)
    async with shop.runtime.database.read() as tx:
        assert await billing.find_dunning(tx, invoice.id) is None
    await shop.advance(days=8)
    assert await done(shop, invoice) == [(0, "reminded")]
    assert (await shop.subscription(customer)).status is Status.PAST_DUE
    await shop.advance(days=3)
    assert await done(shop, invoice) == [(0, "reminded"), (1, "reminded")]
    reminder = (await mailed(shop))[-1]
    assert reminder.subject.startswith(f"Reminder: invoice {invoice.number}")
    assert invoice_url(invoice, shop.runtime.settings) in reminder.text
    assert await attempts(shop, invoice) == []
    async with shop.runtime.unit() as unit:
        await find_overdue(unit, {})
    assert await done(shop, invoice) == [(0, "reminded"), (1, "reminded")], "begun once"


async def test_a_hard_decline_is_not_asked_again(shop: Shop) -> None:
    _customer, invoice = await failing(shop)
    async with shop.runtime.unit() as unit:
        await unit.tx.execute("UPDATE payments.payments SET failure_code = 'stolen_card' WHERE status = 'failed'")
    await shop.advance(days=3)
    assert await done(shop, invoice) == [(0, "charge_failed"), (1, "reminded")]
    assert len(await attempts(shop, invoice)) == 1
    async with shop.runtime.unit() as unit:
        with pytest.raises(CannotRetry, match="for good: stolen_card"):
            await billing.retry_now(unit, invoice.id, actor="tests")


async def test_an_open_payment_page_is_never_joined_by_a_charge(shop: Shop) -> None:
    customer, invoice = await failing(shop)
    await shop.advance(days=2, hours=20)
    await billing.pay_invoice(shop.runtime, customer_id=customer.id, invoice_id=invoice.id)
    await shop.advance(hours=4)
    assert [(each.kind, each.is_live) for each in await attempts(shop, invoice)] == [
        (payments.PaymentKind.SAVED_METHOD, False),
        (payments.PaymentKind.CHECKOUT, True),
    ]
    assert (await done(shop, invoice))[-1] == (1, "reminded")


async def test_a_claim_that_ends_otherwise_ends_the_chase(shop: Shop) -> None:
    _customer, invoice = await failing(shop)
    async with shop.runtime.unit() as unit:
        await unit.tx.execute(
            "UPDATE billing.invoices SET status = 'uncollectible', written_off_at = now(), write_off_reason = 'tests'"
            " WHERE id = %s",
            (invoice.id,),
        )
    await shop.advance(days=3)
    over = await dunning_of(shop, invoice)
    assert (over.outcome, over.next_at) == (Outcome.WRITTEN_OFF, None)
    assert len(await attempts(shop, invoice)) == 1
