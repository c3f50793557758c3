"""Credits that come back when their money has gone back: the customer has the one or the other, never both."""

from __future__ import annotations

from datetime import timedelta

import pytest

from autorisen import billing, payments
from autorisen.billing.audit.run_audit import run_checks
from autorisen.billing.wallet import Grant, GrantKind, grants_of
from autorisen.billing.wallet.top_up import start_top_up
from autorisen.kit.money import Money
from tests.factories.billing import Shop
from tests.factories.disputes import give_in, lose
from tests.factories.payments import DISPUTED, SUCCEEDS
from tests.factories.wallet import Purse


class Spent:
    """A top-up that is used up: R300 for a paid invoice, R200 for one that is still open, the rest refunded."""

    def __init__(self, shop: Shop, card: str = SUCCEEDS, bought: int = 50_000) -> None:
        self.shop, self.card, self.bought = shop, card, Money(bought, "ZAR")

    async def buy(self) -> None:
        customer = await self.shop.customer()
        self.purse = Purse(self.shop, customer)
        checkout = await start_top_up(self.shop.runtime, customer_id=customer.id, amount=self.bought)
        await self.shop.pay(checkout.url, self.card)
        self.payment_id = checkout.payment_id
        await self.purse.invoice(30_000)
        if self.bought.minor > 50_000:
            await self.refund(self.bought.minor - 50_000)
        self.open = await self.purse.invoice(25_000)

    async def grant(self) -> Grant:
        async with self.shop.runtime.database.read() as tx:
            (grant,) = await grants_of(tx, self.purse.customer.id)
        return grant

    async def refund(self, minor: int) -> None:
        async with self.shop.runtime.unit() as unit:
            await payments.refund_payment(unit, self.payment_id, amount=Money(minor, "ZAR"))
        await self.shop.worker.drain()

    async def void(self) -> None:
        async with self.shop.runtime.unit() as unit:
            await billing.void_invoice(unit, self.open.id, reason="tests", actor="tests")

    async def stand(self) -> tuple[int, int, int]:
        """What is in the wallet, what went back unexplained, and what is owed; the audit finds nothing of it."""
        async with self.shop.runtime.database.read(snapshot=True) as tx:
            found = [one.kind for each in await run_checks(tx) for one in each.listed]
        # The fees of these invoices are no price of the catalog.
        assert set(found) <= {"fee_amount"}
        id = self.purse.customer.id
        refunds, owed = await self.shop.balance(f"refunds:{id}"), await self.shop.balance(f"unapplied:{id}")
        return await self.purse.balance(), refunds, -owed


@pytest.mark.parametrize("gone, left", [(50_000, (0, 30_000, 0)), (10_000, (10_000, 0, 0))])
async def test_credits_whose_money_went_back_do_not_come_back(shop: Shop, gone: int, left: tuple[int, ...]) -> None:
    spent = Spent(shop)
    await spent.buy()
    await spent.refund(gone)
    assert await spent.stand() == (0, gone, 0)
    await spent.void()
    assert await spent.stand() == left


async def test_credits_whose_money_is_disputed_wait_for_what_the_bank_decides(shop: Shop) -> None:
    spent = Spent(shop, DISPUTED)
    await spent.buy()
    await spent.refund(10_000)
    await shop.advance(days=2)
    await spent.void()
    assert await spent.stand() == (0, 0, 10_000)
    await lose(shop, spent.payment_id)
    assert await spent.stand() == (0, 30_000, 0)


async def test_the_life_of_credits_lacks_no_day_of_a_dispute_that_is_won(shop: Shop) -> None:
    """Goal: what came back and was held in the middle of the dispute shortens nothing of what was held before."""
    spent = Spent(shop, DISPUTED)
    await spent.buy()
    expires_at = (await spent.grant()).expires_at
    assert expires_at is not None
    await shop.advance(days=1)
    await shop.advance(days=3)
    await spent.void()
    await shop.advance(days=4)
    await give_in(shop, spent.payment_id)
    await shop.worker.drain()
    assert await spent.stand() == (20_000, 0, 0)
    tied_up, disputed = timedelta(days=4), timedelta(days=7)
    assert (await spent.grant()).expires_at == expires_at + tied_up + disputed


async def test_a_refund_of_what_was_unused_takes_nothing_of_what_comes_back(shop: Shop) -> None:
    spent = Spent(shop, bought=55_000)
    await spent.buy()
    assert await spent.stand() == (0, 0, 0)
    await spent.void()
    assert await spent.stand() == (20_000, 0, 0)


async def test_news_that_comes_after_the_void_takes_what_came_back(shop: Shop) -> None:
    spent = Spent(shop)
    await spent.buy()
    await spent.void()
    assert await spent.stand() == (20_000, 0, 0)
    await spent.refund(50_000)
    assert await spent.stand() == (0, 30_000, 0)


async def test_credits_that_no_payment_bought_come_back(shop: Shop) -> None:
    spent = Spent(shop)
    await spent.buy()
    other = Purse(shop, await shop.customer("gifted"))
    await other.give(20_000, GrantKind.GOODWILL)
    spent.open = await other.invoice(25_000)
    await spent.refund(50_000)
    await spent.void()
    assert await other.balance() == 20_000
