"""The dispute of a top-up is decided for us: what was taken back of its credits can be spent again."""

from __future__ import annotations

from datetime import timedelta

from autorisen import billing, payments
from autorisen.accounts import Customer
from autorisen.billing.wallet import grants_of
from autorisen.billing.wallet.expire_credits import EXPIRE, WARN
from autorisen.billing.wallet.model import PAID_LIFE, Grant, TopUp, TopUpStatus
from autorisen.billing.wallet.return_top_up import on_top_up_disputed
from autorisen.billing.wallet.store_top_ups import top_ups
from autorisen.billing.wallet.top_up import start_top_up
from autorisen.kit.money import Money
from autorisen.kit.work.store import facts_not_handled
from tests.factories.billing import Shop
from tests.factories.disputes import ask_back, findings, give_in, lose
from tests.factories.payments import DISPUTE_WON, SUCCEEDS
from tests.factories.wallet import Purse

PRO = 52_900


async def _top_up(shop: Shop, customer: Customer, card: str, minor: int = 50_000) -> payments.Payment:
    checkout = await start_top_up(shop.runtime, customer_id=customer.id, amount=Money(minor, "ZAR"))
    await shop.pay(checkout.url, card)
    async with shop.runtime.database.read() as tx:
        payment = await payments.payment(tx, checkout.payment_id)
    assert payment is not None
    return payment


async def bought(shop: Shop, customer: Customer) -> tuple[Grant, TopUp]:
    async with shop.runtime.database.read() as tx:
        return (await grants_of(tx, customer.id))[0], (await top_ups(tx, customer.id))[0]


async def test_credits_are_given_back_with_the_time_they_were_gone(
    shop: Shop, customer: Customer, purse: Purse
) -> None:
    began = shop.clock.now()
    await _top_up(shop, customer, DISPUTE_WON, PRO + 30_000)
    await purse.invoice(PRO)
    await shop.advance(days=2)
    assert await purse.balance() == 0
    assert (await bought(shop, customer))[1].status is TopUpStatus.RETURNED
    await shop.advance(days=7)
    assert await purse.balance() == 30_000
    grant, top_up = await bought(shop, customer)
    assert grant.expires_at == began + PAID_LIFE + timedelta(days=7)
    assert top_up.status is TopUpStatus.PAID
    assert await shop.balance(f"unapplied:{customer.id}") == 0
    assert (await shop.at_gateway(), await shop.balance("disputed:sandbox")) == (PRO + 30_000, 0)
    told = (await purse.mails())[-1]
    assert "is closed" in told.subject
    assert "R300,00 of credits are yours to use again" in told.text.replace("\u00a0", "")
    assert await findings(shop) == []


async def test_what_went_back_during_the_dispute_is_not_given_back(
    shop: Shop, customer: Customer, purse: Purse
) -> None:
    payment = await _top_up(shop, customer, DISPUTE_WON)
    await shop.advance(days=2)
    await lose(shop, payment.id, 10_000)
    assert await findings(shop) == []
    await shop.advance(days=7)
    assert await purse.balance() == 40_000
    assert (await bought(shop, customer))[1].status is TopUpStatus.RETURNED
    assert await shop.balance(f"unapplied:{customer.id}") == 0
    assert await findings(shop) == []


async def test_a_top_up_whose_credits_were_used_has_none_to_give_back(
    shop: Shop, customer: Customer, purse: Purse
) -> None:
    await _top_up(shop, customer, DISPUTE_WON, PRO)
    await purse.invoice(PRO)
    await shop.advance(days=2)
    await shop.advance(days=7)
    assert await purse.balance() == 0
    assert [each.kind for each in await purse.movements()] == ["grant", "draw"]
    told = (await purse.mails())[-1]
    assert "is closed" in told.subject
    assert "to use again" not in told.text
    assert await findings(shop) == []


async def test_late_news_of_a_top_ups_dispute_changes_nothing(shop: Shop, customer: Customer, purse: Purse) -> None:
    payment = await _top_up(shop, customer, SUCCEEDS)
    told = (payment.id, customer.id, payment.reference, 50_000, "ZAR", "sandbox")
    await ask_back(shop, payment.id)
    await give_in(shop, payment.id)
    await shop.worker.drain()
    async with shop.runtime.unit() as unit:
        await on_top_up_disputed(unit, payments.PaymentDisputed(*told, ordinal=1))
    assert await purse.balance() == 50_000
    await ask_back(shop, payment.id)
    await shop.worker.drain()
    async with shop.runtime.unit() as unit:
        await billing.on_dispute_won(unit, payments.PaymentDisputeWon(*told, ordinal=1))
    assert await purse.balance() == 0
    assert await findings(shop) == []


async def test_a_dispute_that_was_over_when_it_was_heard_took_nothing(
    shop: Shop, customer: Customer, purse: Purse
) -> None:
    payment = await _top_up(shop, customer, SUCCEEDS)
    told = len(await purse.mails())
    await ask_back(shop, payment.id)
    await give_in(shop, payment.id)
    await shop.worker.drain()
    won = (payment.id, customer.id, payment.reference, 50_000, "ZAR", "sandbox")
    async with shop.runtime.unit() as unit:
        await billing.on_dispute_won(unit, payments.PaymentDisputeWon(*won, ordinal=1))
    grant, top_up = await bought(shop, customer)
    assert (grant.remaining.minor, top_up.status) == (50_000, TopUpStatus.PAID)
    assert len(await purse.mails()) == told
    async with shop.runtime.database.read() as tx:
        assert await facts_not_handled(tx, ("PaymentDisputed", "PaymentDisputeWon")) == []
    assert (await shop.at_gateway(), await shop.balance("disputed:sandbox")) == (50_000, 0)
    assert await findings(shop) == []


async def test_credits_that_were_given_back_expire(shop: Shop, customer: Customer, purse: Purse) -> None:
    await _top_up(shop, customer, DISPUTE_WON)
    await shop.advance(days=2)
    await shop.advance(days=7)
    expires_at = (await bought(shop, customer))[0].expires_at
    assert expires_at is not None
    async with shop.runtime.database.read() as tx:
        found = await tx.execute(
            "SELECT kind FROM kit.jobs WHERE key LIKE %(key)s ORDER BY kind", {"key": f"%{expires_at.isoformat()}"}
        )
        assert [kind for (kind,) in await found.fetchall()] == [EXPIRE, WARN]
