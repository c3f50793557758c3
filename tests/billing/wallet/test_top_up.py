"""Credits are bought: granted when the money has come and not before, once; taken back, unused, when it goes back."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import psycopg
import pytest

from autorisen import billing, payments
from autorisen.accounts import Customer
from autorisen.billing import wallet
from autorisen.billing.wallet import store_top_ups
from autorisen.billing.wallet.model import PAID_LIFE, TopUp, TopUpStatus
from autorisen.kit.money import Money
from tests.factories.billing import Shop
from tests.factories.payments import DECLINED, DISPUTED, facts
from tests.factories.wallet import Purse


async def _buy(shop: Shop, customer: Customer, minor: int = 50_000, card: str | None = None) -> None:
    checkout = await wallet.start_top_up(shop.runtime, customer_id=customer.id, amount=Money(minor, "ZAR"))
    await (shop.pay(checkout.url) if card is None else shop.pay(checkout.url, card))


async def _top_ups(shop: Shop, customer: Customer) -> list[TopUp]:
    async with shop.runtime.database.read() as tx:
        return await store_top_ups.top_ups(tx, customer.id)


async def _grant(shop: Shop, customer: Customer) -> wallet.Grant:
    async with shop.runtime.database.read() as tx:
        return (await wallet.grants_of(tx, customer.id))[0]


async def test_a_top_up_is_granted_when_its_money_has_come(shop: Shop, customer: Customer, purse: Purse) -> None:
    checkout = await wallet.start_top_up(shop.runtime, customer_id=customer.id, amount=Money(50_000, "ZAR"))
    await shop.worker.drain()
    assert await purse.balance() == 0
    async with shop.runtime.database.read() as tx:
        payment = await payments.payment(tx, checkout.payment_id)
    assert payment is not None
    assert payment.description.replace("\u00a0", "") == "Credits of R500,00"
    await shop.pay(checkout.url)
    assert await purse.balance() == 50_000
    assert await shop.at_gateway() == 50_000
    grant = await _grant(shop, customer)
    assert (grant.kind, grant.expires_at) == (wallet.GrantKind.PAID, shop.clock.now() + PAID_LIFE)
    assert [each.status for each in await _top_ups(shop, customer)] == [TopUpStatus.PAID]
    assert "of new credits" in (await purse.mails())[-1].subject
    assert await facts(shop.runtime, "PaymentUnapplied") == []


async def test_a_double_click_finds_the_same_page_and_later_there_is_a_new_one(shop: Shop, customer: Customer) -> None:
    amount = Money(50_000, "ZAR")
    first = await wallet.start_top_up(shop.runtime, customer_id=customer.id, amount=amount)
    assert await wallet.start_top_up(shop.runtime, customer_id=customer.id, amount=amount) == first
    other = await wallet.start_top_up(shop.runtime, customer_id=customer.id, amount=Money(60_000, "ZAR"))
    assert other.url != first.url
    await shop.advance(hours=1)
    assert (await wallet.start_top_up(shop.runtime, customer_id=customer.id, amount=amount)).url != first.url


@pytest.mark.parametrize(
    "amount, field",
    [
        (Money(4_999, "ZAR"), "/amount_minor"),
        (Money(10_000_001, "ZAR"), "/amount_minor"),
        (Money(-5_000, "ZAR"), "/amount_minor"),
        (Money(5_000, "USD"), "/currency"),
    ],
)
async def test_hostile_amounts_are_refused(shop: Shop, customer: Customer, amount: Money, field: str) -> None:
    with pytest.raises(wallet.TopUpRefused) as refused:
        await wallet.start_top_up(shop.runtime, customer_id=customer.id, amount=amount)
    assert [error.field for error in refused.value.errors] == [field]
    assert await _top_ups(shop, customer) == []


async def test_a_payment_heard_of_twice_grants_once(shop: Shop, customer: Customer, purse: Purse) -> None:
    fact = await _paid(shop, customer)
    for _ in range(2):
        async with shop.runtime.unit() as unit:
            await wallet.settle_top_up(unit, fact)
    assert await purse.balance() == 50_000


async def _paid(shop: Shop, customer: Customer) -> payments.PaymentSucceeded:
    await _buy(shop, customer)
    (top_up,) = await _top_ups(shop, customer)
    async with shop.runtime.database.read() as tx:
        (payment,) = await payments.payments_for(tx, top_up.reference)
    return payments.PaymentSucceeded(
        payment.id, customer.id, top_up.reference, 50_000, "ZAR", "sandbox", shop.clock.now()
    )


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"amount_minor": 49_999}, "the top-up asks for ZAR 500.00"),
        ({"currency": "USD"}, "the top-up asks for ZAR 500.00"),
        ({"reference": f"topup:{UUID(int=5)}"}, "there is no such top-up"),
        ({"customer_id": UUID(int=5)}, "the top-up is another customer's"),
        ({}, "the top-up is paid by another payment"),
    ],
)
async def test_money_that_is_not_what_was_asked_for_is_kept_and_buys_nothing(
    shop: Shop, customer: Customer, purse: Purse, change: dict[str, object], reason: str
) -> None:
    fact = await _paid(shop, customer)
    if change:
        await wallet.start_top_up(shop.runtime, customer_id=customer.id, amount=Money(50_000, "ZAR"))
        fact = replace(fact, reference=(await _top_ups(shop, customer))[0].reference)
    if "customer_id" in change:
        change = {"customer_id": (await shop.customer("other")).id}
    await shop.upgrade(customer)
    async with shop.runtime.database.read() as tx:
        (other,) = await payments.payments_for(tx, (await shop.invoices(customer))[0].reference)
    fact = replace(fact, payment_id=other.id, **change)  # type: ignore[arg-type]  # one field of it
    async with shop.runtime.unit() as unit:
        await billing.settle_invoice(unit, fact)
        await wallet.settle_top_up(unit, fact)
    await shop.worker.drain()
    assert await purse.balance() == 50_000
    async with shop.runtime.database.read() as tx:
        (kept,) = await billing.list_unapplied(tx, 10)
    assert (kept.payment_id, kept.reason) == (other.id, reason)


async def test_a_declined_card_grants_nothing_and_a_new_try_may_succeed(
    shop: Shop, customer: Customer, purse: Purse
) -> None:
    await _buy(shop, customer, card=DECLINED)
    await shop.advance(days=2)
    (failed,) = await _top_ups(shop, customer)
    assert (failed.status, await purse.balance()) == (TopUpStatus.FAILED, 0)
    assert failed.failure
    await _buy(shop, customer)
    assert await purse.balance() == 50_000
    # News about other things, and old news, change nothing.
    async with shop.runtime.unit() as unit:
        about = (
            UUID(int=1),
            customer.id,
            failed.reference,
            50_000,
            "ZAR",
            "sandbox",
            "declined",
            "old news",
            "checkout",
        )
        await wallet.fail_top_up(unit, payments.PaymentFailed(*about))
        await wallet.fail_top_up(unit, replace(payments.PaymentFailed(*about), reference="invoice:x"))
        await wallet.fail_top_up(unit, replace(payments.PaymentFailed(*about), reference=f"topup:{UUID(int=5)}"))
    assert [each.failure for each in await _top_ups(shop, customer)] == ["", failed.failure]


async def test_a_refund_sends_back_what_is_unused(shop: Shop, customer: Customer, purse: Purse) -> None:
    await _buy(shop, customer)
    await purse.invoice(20_000)
    grant = await _grant(shop, customer)
    async with shop.runtime.unit() as unit:
        assert await wallet.refund_credits(unit, grant.id) == Money(30_000, "ZAR")
    assert await purse.balance() == 0
    assert await shop.balance(f"unapplied:{customer.id}") == -30_000
    await shop.worker.drain()
    assert await purse.balance() == 0
    assert await shop.balance(f"unapplied:{customer.id}") == 0
    assert await shop.at_gateway() == 20_000
    assert await shop.balance(f"refunds:{customer.id}") == 0
    told = (await purse.mails())[-1].text.replace("\u00a0", "")
    assert "R300,00 of your payment of R500,00 for credits was refunded" in told
    assert "taken back R300,00 of credits that were unused" in told
    assert "still owed" not in told
    assert [each.status for each in await _top_ups(shop, customer)] == [TopUpStatus.RETURNED]


async def test_a_refund_of_everything_says_what_had_been_used(shop: Shop, customer: Customer, purse: Purse) -> None:
    await _buy(shop, customer)
    await purse.invoice(20_000)
    payment_id = UUID((await _grant(shop, customer)).source.removeprefix("payment:"))
    async with shop.runtime.unit() as unit:
        await payments.refund_payment(unit, payment_id)
    await shop.worker.drain()
    assert await purse.balance() == 0
    assert await shop.at_gateway() == 0
    assert await shop.balance(f"refunds:{customer.id}") == 20_000
    assert await shop.balance(f"unapplied:{customer.id}") == 0
    told = (await purse.mails())[-1].text.replace("\u00a0", "")
    assert "R200,00 had been used for invoices, and is still owed" in told


async def test_refunds_in_parts_take_from_what_is_left(shop: Shop, customer: Customer, purse: Purse) -> None:
    await _buy(shop, customer)
    payment_id = UUID((await _grant(shop, customer)).source.removeprefix("payment:"))
    for minor, reference in ((10_000, "one"), (15_000, "two")):
        async with shop.runtime.unit() as unit:
            await payments.refund_payment(unit, payment_id, amount=Money(minor, "ZAR"), reference=reference)
        await shop.worker.drain()
    assert await purse.balance() == 25_000
    assert await shop.at_gateway() == 25_000
    assert await shop.balance(f"unapplied:{customer.id}") == 0


async def test_disputed_money_buys_nothing_more(shop: Shop, customer: Customer, purse: Purse) -> None:
    await _buy(shop, customer, card=DISPUTED)
    await purse.invoice(20_000)
    await shop.advance(days=3)
    assert await purse.balance() == 0
    assert await shop.balance("disputed:sandbox") == 50_000
    assert await shop.at_gateway() == 0
    assert await shop.balance(f"unapplied:{customer.id}") == -30_000
    told = [each for each in await purse.mails() if "disputed" in each.subject]
    assert len(told) == 1
    grant = await _grant(shop, customer)
    lost = payments.PaymentRefunded(
        UUID(grant.source.removeprefix("payment:")), customer.id, (await _top_ups(shop, customer))[0].reference,
        50_000, "ZAR", "sandbox", 50_000,
    )  # fmt: skip
    async with shop.runtime.unit() as unit:
        await billing.on_payment_refunded(unit, lost)
        await billing.on_top_up_refunded(unit, lost)
    assert await shop.balance("disputed:sandbox") == 0
    assert await shop.balance(f"unapplied:{customer.id}") == 0
    assert await shop.balance(f"refunds:{customer.id}") == 20_000


async def test_a_dispute_after_everything_is_used_takes_nothing(shop: Shop, customer: Customer, purse: Purse) -> None:
    await _buy(shop, customer, card=DISPUTED)
    await purse.invoice(50_000)
    before = len(await purse.movements())
    await shop.advance(days=3)
    assert len(await purse.movements()) == before
    assert await shop.balance("disputed:sandbox") == 50_000


async def test_what_nobody_paid_for_is_not_refunded(shop: Shop, customer: Customer, purse: Purse) -> None:
    given = await purse.give(1_000)
    await _buy(shop, customer)
    paid = await _grant(shop, customer)
    async with shop.runtime.unit() as unit:
        await wallet.refund_credits(unit, paid.id)
    for id, error in (
        (given.id, wallet.NotRefundable),
        (paid.id, wallet.NotRefundable),
        (UUID(int=5), wallet.GrantNotFound),
    ):
        with pytest.raises(error):
            async with shop.runtime.unit() as unit:
                await wallet.refund_credits(unit, id)


async def test_a_top_up_only_moves_forward(shop: Shop, customer: Customer) -> None:
    await _buy(shop, customer)
    for statement in (
        "UPDATE billing.top_ups SET status = 'pending', settled_at = NULL",
        "UPDATE billing.top_ups SET status = 'failed'",
        "UPDATE billing.top_ups SET amount_minor = 1",
        "DELETE FROM billing.top_ups",
        "TRUNCATE billing.top_ups",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation):
            async with shop.runtime.unit() as unit:
                await unit.tx.execute(statement)
