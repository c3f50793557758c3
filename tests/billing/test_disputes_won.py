"""The bank gives in: what the money had paid for is paid again, and every cent is where it was."""

from __future__ import annotations

from autorisen import billing, payments
from autorisen.accounts import Customer
from autorisen.kit.money import Money
from tests.factories.billing import Shop
from tests.factories.credit_notes import now, paid_invoice, the_payment
from tests.factories.disputes import ask_back, findings, give_in, lose
from tests.factories.payments import DISPUTE_LOST, DISPUTE_WON, SUCCEEDS, facts

PRO = 52_900


async def stands(shop: Shop, customer: Customer) -> tuple[str, bool, int, int]:
    """The subscription, whether its invoice is disputed, what the gateway holds and what a bank asks back."""
    subscription, invoice = await shop.subscription(customer), await now(shop, customer)
    held = (await shop.at_gateway(), await shop.balance("disputed:sandbox"))
    return (subscription.status.value, invoice.disputed_at is not None, *held)


async def test_a_subscription_is_paid_again(shop: Shop) -> None:
    customer, _ = await paid_invoice(shop, DISPUTE_WON)
    await shop.advance(days=2)
    assert await stands(shop, customer) == ("past_due", True, 0, PRO)
    assert await findings(shop) == []
    await shop.advance(days=7)
    assert await stands(shop, customer) == ("active", False, PRO, 0)
    assert await findings(shop) == []


async def test_a_payment_is_disputed_and_won_more_than_once(shop: Shop) -> None:
    """Goal: late news of an earlier dispute changes nothing of a later one. Method: tell it again at each place."""
    customer, invoice = await paid_invoice(shop, SUCCEEDS)
    payment = await the_payment(shop, invoice)
    told = (payment.id, customer.id, payment.reference, PRO, "ZAR", "sandbox")
    disputed, won = payments.PaymentDisputed(*told, ordinal=1), payments.PaymentDisputeWon(*told, ordinal=1)
    await ask_back(shop, payment.id)
    await give_in(shop, payment.id)
    await shop.worker.drain()
    async with shop.runtime.unit() as unit:
        await billing.on_payment_disputed(unit, disputed)
    assert await stands(shop, customer) == ("active", False, PRO, 0)
    await ask_back(shop, payment.id)
    await shop.worker.drain()
    async with shop.runtime.unit() as unit:
        await billing.on_dispute_won(unit, won)
    assert await stands(shop, customer) == ("past_due", True, 0, PRO)
    assert await findings(shop) == []
    await give_in(shop, payment.id)
    await shop.worker.drain()
    assert await stands(shop, customer) == ("active", False, PRO, 0)
    assert await findings(shop) == []
    ordinals = {
        name: [each["ordinal"] for each in await facts(shop.runtime, name)]
        for name in ("PaymentDisputed", "PaymentDisputeWon")
    }
    assert ordinals == {"PaymentDisputed": [1, 2], "PaymentDisputeWon": [1, 2]}


async def test_a_refund_after_a_dispute_that_was_won_comes_from_the_gateway(shop: Shop) -> None:
    customer, invoice = await paid_invoice(shop, DISPUTE_WON)
    await shop.advance(days=2)
    await shop.advance(days=7)
    async with shop.runtime.unit() as unit:
        await payments.refund_payment(unit, (await the_payment(shop, invoice)).id)
    await shop.worker.drain()
    assert (await stands(shop, customer))[2:] == (0, 0)
    assert await shop.balance(f"refunds:{customer.id}") == PRO
    assert await findings(shop) == []


async def test_a_dispute_that_was_lost_is_not_won_afterwards(shop: Shop) -> None:
    customer, invoice = await paid_invoice(shop, DISPUTE_WON)
    await shop.advance(days=2)
    payment = await the_payment(shop, invoice)
    await lose(shop, payment.id)
    await shop.advance(days=7)
    assert (await the_payment(shop, invoice)).status is payments.PaymentStatus.REFUNDED
    assert (await stands(shop, customer))[2:] == (0, 0)
    assert await findings(shop) == []


async def test_a_dispute_that_is_lost_ends_what_its_money_had_paid_for(shop: Shop) -> None:
    customer, invoice = await paid_invoice(shop, DISPUTE_LOST)
    await shop.advance(days=2)
    assert await stands(shop, customer) == ("past_due", True, 0, PRO)
    await shop.advance(days=7)
    assert (await the_payment(shop, invoice)).status is payments.PaymentStatus.REFUNDED
    assert (await shop.subscription(customer)).plan_key == "free"
    assert (await stands(shop, customer))[2:] == (0, 0)
    assert await shop.balance(f"refunds:{customer.id}") == PRO
    assert await findings(shop) == []


async def test_money_that_pays_nothing_is_disputed_and_won(shop: Shop) -> None:
    customer = await shop.customer()
    checkout = await payments.start_checkout(
        shop.runtime,
        customer_id=customer.id,
        reference="nothing:1",
        amount=Money(PRO, "ZAR"),
        description="nothing",
        return_url="/",
    )
    await shop.pay(checkout.url, DISPUTE_WON)
    await shop.advance(days=2)
    await shop.advance(days=7)
    assert await shop.balance(f"unapplied:{customer.id}") == -PRO
    assert (await shop.at_gateway(), await shop.balance("disputed:sandbox")) == (PRO, 0)
    assert await findings(shop) == []
