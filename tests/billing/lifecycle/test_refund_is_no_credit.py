"""What went back of a payment is no credit any more when a plan changes, with a credit note or without one."""

from __future__ import annotations

from autorisen import payments
from autorisen.accounts import Customer
from autorisen.billing.credit_notes.issue_credit_note import Request, issue_credit_note
from autorisen.billing.credit_notes.model import Settlement, Wanted
from autorisen.billing.model import LineKind
from autorisen.billing.upgrades.start_upgrade import preview_upgrade
from autorisen.kit.money import Money
from tests.billing.lifecycle.test_no_credit_farming import Story
from tests.factories.billing import Shop
from tests.factories.payments import SUCCEEDS, facts
from tests.factories.wallet import Purse


async def test_what_was_refunded_without_a_credit_note_is_no_credit(shop: Shop) -> None:
    customer = await shop.customer(address="12 Kloof Road")
    await shop.upgrade(customer)
    story = Story(shop, customer)
    await story.live([("part", 0, 50_000), ("change", "enterprise", "month", SUCCEEDS)])
    credit = [
        line.amount.minor for each in await shop.invoices(customer) for line in each.lines if line.amount.minor < 0
    ]
    assert len(credit) == 1
    assert -2_900 <= credit[0] < -2_800, "what is left of the fee, less a moment"


async def test_a_refund_that_a_credit_note_explains_counts_for_what_it_was(shop: Shop) -> None:
    """R200 went back for use, first without and then with its credit note: the fee's credit is whole again."""
    customer = await shop.customer(address="12 Kloof Road")
    await shop.upgrade(customer)
    await shop.advance(minutes=5)
    await shop.use(customer, 10_000)
    await shop.advance(days=31, hours=2)
    invoice = (await shop.invoices(customer))[-1]
    story = Story(shop, customer)
    await story.do_part(0, 20_000)
    await shop.worker.drain()
    assert await quoted_credit(shop, customer) < 33_000
    usage = next(line for line in invoice.lines if line.kind is LineKind.USAGE)
    assert usage.id is not None
    wanted = Wanted(lines={usage.id: Money(20_000, "ZAR")})
    async with shop.runtime.unit() as unit:
        await issue_credit_note(unit, invoice.id, Request("too much", wanted, Settlement.REFUND), actor="tests")
    assert await quoted_credit(shop, customer) > 52_000


async def test_a_fee_that_credits_paid_is_credited_whole(shop: Shop) -> None:
    customer = await shop.customer(address="12 Kloof Road")
    await shop.upgrade(customer)
    await Purse(shop, customer).give(60_000)
    await shop.advance(days=31, hours=2)
    async with shop.runtime.database.read() as tx:
        assert len(await payments.list_payments(tx, customer_id=customer.id)) == 1, "none has paid the second month"
    assert await quoted_credit(shop, customer) > 52_000


async def quoted_credit(shop: Shop, customer: Customer) -> int:
    async with shop.runtime.unit() as unit:
        draft = await preview_upgrade(unit, customer_id=customer.id, plan_key="enterprise", interval="month")
    return sum(-line.amount.minor for line in draft.lines if line.kind is LineKind.PRORATION_CREDIT)


async def test_a_quote_does_not_take_off_what_was_refunded_since(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    await shop.advance(days=3)
    story = Story(shop, customer)
    await story.do_quote("enterprise", "month")
    await story.do_part(0, 20_000)
    await story.do_pay_quote(0)
    (parked,) = await facts(shop.runtime, "PaymentUnapplied")
    assert parked["reason"] == "what the quote takes off was given back since"
    await story.check()
