"""A payment that is disputed after a part of it went back: the bank asks for the rest, and only that is booked."""

from __future__ import annotations

from autorisen import billing, payments, subscriptions
from autorisen.billing.wallet.return_top_up import on_top_up_refunded
from autorisen.billing.wallet.top_up import start_top_up
from autorisen.kit.money import Money
from tests.factories.billing import Shop
from tests.factories.credit_notes import credit, paid_invoice, part, the_payment
from tests.factories.disputes import ask_back, findings, lose
from tests.factories.payments import DISPUTED, facts


async def test_a_dispute_asks_for_what_has_not_gone_back(shop: Shop) -> None:
    customer, invoice = await paid_invoice(shop, DISPUTED)
    await credit(shop, invoice, part(10_000))
    await shop.advance(days=2)
    assert (await shop.at_gateway(), await shop.balance("disputed:sandbox")) == (0, 42_900)
    assert await findings(shop) == []
    await lose(shop, (await the_payment(shop, invoice)).id)
    assert (await shop.at_gateway(), await shop.balance("disputed:sandbox")) == (0, 0)
    assert await shop.balance(f"refunds:{customer.id}") == 42_900
    assert await findings(shop) == []


async def test_a_dispute_of_a_top_up_asks_for_what_has_not_gone_back(shop: Shop) -> None:
    customer = await shop.customer()
    checkout = await start_top_up(shop.runtime, customer_id=customer.id, amount=Money(50_000, "ZAR"))
    await shop.pay(checkout.url, DISPUTED)
    async with shop.runtime.unit() as unit:
        await payments.refund_payment(unit, checkout.payment_id, amount=Money(20_000, "ZAR"))
    await shop.advance(days=2)
    assert (await shop.at_gateway(), await shop.balance("disputed:sandbox")) == (0, 30_000)
    async with shop.runtime.database.read() as tx:
        payment = await payments.payment(tx, checkout.payment_id)
    assert payment is not None
    await lose(shop, payment.id)
    assert await shop.at_gateway() == 0
    for account in ("disputed:sandbox", f"unapplied:{customer.id}", f"wallet:{customer.id}"):
        assert await shop.balance(account) == 0, account
    assert await findings(shop) == []


async def test_a_refund_that_is_heard_after_the_dispute_left_before_it(shop: Shop) -> None:
    customer, invoice = await paid_invoice(shop, DISPUTED)
    await shop.advance(days=2)
    payment = await the_payment(shop, invoice)
    told = (payment.id, customer.id, payment.reference, 10_000, "ZAR", "sandbox")
    for was_disputed, clearing, disputed in ((False, -10_000, 52_900), (True, -10_000, 42_900)):
        refunded = 10_000 + 10_000 * was_disputed
        async with shop.runtime.unit() as unit:
            fact = payments.PaymentRefunded(*told, refunded_minor=refunded, was_disputed=was_disputed)
            await billing.on_payment_refunded(unit, fact)
            await on_top_up_refunded(unit, fact)
        assert (await shop.at_gateway(), await shop.balance("disputed:sandbox")) == (clearing, disputed)


async def test_facts_say_what_was_left_and_whence_it_went(shop: Shop) -> None:
    _, invoice = await paid_invoice(shop, DISPUTED)
    await credit(shop, invoice, part(10_000))
    await shop.advance(days=2)
    await lose(shop, (await the_payment(shop, invoice)).id)
    (disputed,) = await facts(shop.runtime, "PaymentDisputed")
    assert disputed["amount_minor"] == 42_900
    refunds = [(each["amount_minor"], each["was_disputed"]) for each in await facts(shop.runtime, "PaymentRefunded")]
    assert refunds == [(10_000, False), (42_900, True)]


async def test_a_lost_dispute_of_an_earlier_period_ends_no_subscription(shop: Shop) -> None:
    customer, invoice = await paid_invoice(shop)
    await shop.advance(days=31, hours=2)
    payment = await the_payment(shop, invoice)
    await ask_back(shop, payment.id)
    await shop.worker.drain()
    assert (await shop.subscription(customer)).status is subscriptions.Status.PAST_DUE
    await lose(shop, payment.id)
    assert (await shop.subscription(customer)).status is subscriptions.Status.ACTIVE
    assert await findings(shop) == []
