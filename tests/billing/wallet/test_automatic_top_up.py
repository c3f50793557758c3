"""Below the threshold the saved card is charged: with consent, within limits, one at a time, and off after failures."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import psycopg
import pytest

from autorisen import payments
from autorisen.accounts import Customer
from autorisen.billing import wallet
from autorisen.billing.wallet import store_top_ups
from autorisen.billing.wallet.automatic_top_up import note_failure, top_up_if_low
from autorisen.billing.wallet.model import AutomaticTopUp, GrantKind, TopUp, TopUpStatus
from autorisen.kit.money import Money
from tests.factories.billing import Shop
from tests.factories.payments import DISPUTED, FAILS_LATER, SUCCEEDS, facts
from tests.factories.wallet import Purse


async def _card(shop: Shop, customer: Customer, card: str = SUCCEEDS, minor: int = 50_000) -> None:
    checkout = await wallet.start_top_up(shop.runtime, customer_id=customer.id, amount=Money(minor, "ZAR"))
    await shop.pay(checkout.url, card)


async def _agree(shop: Shop, customer: Customer, **changes: Any) -> None:
    terms: dict[str, Any] = {
        "enabled": True,
        "threshold": Money(10_000, "ZAR"),
        "amount": Money(30_000, "ZAR"),
        "per_day": 2,
        "actor": "tests",
    }
    async with shop.runtime.unit() as unit:
        await wallet.set_automatic_top_up(unit, customer_id=customer.id, **(terms | changes))
    await shop.worker.drain()


async def _told(purse: Purse) -> list[str]:
    subjects = [each.subject.replace("\u00a0", "") for each in await purse.mails()]
    return [each for each in subjects if "down to" in each]


async def _setting(shop: Shop, customer: Customer) -> AutomaticTopUp:
    async with shop.runtime.database.read() as tx:
        found = await store_top_ups.automatic(tx, customer.id, "ZAR")
    assert found is not None
    return found


async def _automatic(shop: Shop, customer: Customer) -> list[TopUp]:
    async with shop.runtime.database.read() as tx:
        return [each for each in await store_top_ups.top_ups(tx, customer.id) if each.automatic]


async def test_a_balance_that_falls_below_is_topped_up(shop: Shop, customer: Customer, purse: Purse) -> None:
    await _card(shop, customer)
    await _agree(shop, customer)
    await purse.invoice(40_000)
    await shop.worker.drain()
    assert await _automatic(shop, customer) == []
    await purse.invoice(1)
    await shop.worker.drain()
    assert await purse.balance() == 39_999
    assert [each.status for each in await _automatic(shop, customer)] == [TopUpStatus.PAID]
    assert await shop.at_gateway() == 80_000
    assert "new credits" in (await purse.mails())[-1].subject
    assert [each for each in await purse.mails() if "down to" in each.subject] == []


async def test_what_is_low_already_is_topped_up_until_it_is_not(shop: Shop, customer: Customer, purse: Purse) -> None:
    await _card(shop, customer, minor=5_000)
    await _agree(shop, customer, threshold=Money(60_000, "ZAR"), per_day=5)
    assert await purse.balance() == 65_000
    assert len(await _automatic(shop, customer)) == 2


async def test_no_more_than_agreed_in_a_day(shop: Shop, customer: Customer, purse: Purse) -> None:
    await _card(shop, customer, minor=5_000)
    await _agree(shop, customer, threshold=Money(1_000_000, "ZAR"))
    assert len(await _automatic(shop, customer)) == 2
    await purse.invoice(5_000)
    await shop.worker.drain()
    assert len(await _automatic(shop, customer)) == 2
    await shop.advance(days=1)
    await purse.invoice(5_000)
    await shop.worker.drain()
    assert len(await _automatic(shop, customer)) == 4


async def test_two_at_once_are_one(shop: Shop, customer: Customer, purse: Purse) -> None:
    await _card(shop, customer)
    await _agree(shop, customer, per_day=10)
    await purse.invoice(45_000)

    async def rush() -> TopUp | None:
        async with shop.runtime.unit() as unit:
            return await top_up_if_low(unit, customer.id, "ZAR")

    begun = await asyncio.gather(*(rush() for _ in range(8)))
    assert sum(each is not None for each in begun) == 1
    (waiting,) = await _automatic(shop, customer)
    second = replace(waiting, id=UUID(int=5))
    with pytest.raises(psycopg.errors.UniqueViolation):
        async with shop.runtime.unit() as unit:
            await store_top_ups.insert_top_up(unit.tx, second)
    await shop.worker.drain()
    assert await purse.balance() == 35_000


async def test_after_two_failures_it_is_off_and_the_customer_is_told(
    shop: Shop, customer: Customer, purse: Purse
) -> None:
    await _card(shop, customer, FAILS_LATER)
    await _agree(shop, customer)
    await purse.invoice(45_000)
    await shop.worker.drain()
    setting = await _setting(shop, customer)
    assert (setting.enabled, setting.failures) == (True, 1)
    assert "try once more" in (await purse.mails())[-1].text
    await purse.invoice(1_000)
    await shop.worker.drain()
    setting = await _setting(shop, customer)
    assert (setting.enabled, setting.failures) == (False, 2)
    assert setting.off_because.startswith("2 charges in a row failed: ")
    assert "switched automatic top-up off" in (await purse.mails())[-1].text
    await purse.invoice(1_000)
    await shop.worker.drain()
    assert len(await _automatic(shop, customer)) == 2
    # Switched on again it begins anew, with another card.
    await shop.advance(days=1)
    await _card(shop, customer, minor=5_000)
    await _agree(shop, customer, threshold=Money(20_000, "ZAR"))
    assert (await _setting(shop, customer)).failures == 0
    assert await purse.balance() == 3_000 + 5_000 + 30_000


async def test_a_success_forgets_the_failure_before_it(shop: Shop, customer: Customer, purse: Purse) -> None:
    await _card(shop, customer, FAILS_LATER)
    await _agree(shop, customer)
    await purse.invoice(45_000)
    await shop.worker.drain()
    await _card(shop, customer, minor=5_000)
    await purse.invoice(1_000)
    await shop.worker.drain()
    assert (await _setting(shop, customer)).failures == 0
    assert [each.status for each in await _automatic(shop, customer)] == [TopUpStatus.PAID, TopUpStatus.FAILED]


async def test_a_late_success_after_the_switch_off_leaves_it_off(shop: Shop, customer: Customer, purse: Purse) -> None:
    await _card(shop, customer)
    await _agree(shop, customer)
    await purse.invoice(45_000)
    async with shop.runtime.unit() as unit:
        waiting = await top_up_if_low(unit, customer.id, "ZAR")
        assert waiting is not None
        await note_failure(unit, waiting, "earlier")
        await note_failure(unit, waiting, "earlier")
    await shop.worker.drain()
    setting = await _setting(shop, customer)
    assert (setting.enabled, setting.failures) == (False, 2)
    assert await purse.balance() == 35_000


async def test_without_a_card_there_is_no_consent(shop: Shop, customer: Customer) -> None:
    with pytest.raises(payments.NoSavedMethod):
        await _agree(shop, customer)
    await _agree(shop, customer, enabled=False)
    assert not (await _setting(shop, customer)).enabled


async def test_a_card_that_is_gone_counts_as_a_failure(shop: Shop, customer: Customer, purse: Purse) -> None:
    await _card(shop, customer)
    await _agree(shop, customer)
    async with shop.runtime.unit() as unit:
        await unit.tx.execute("UPDATE payments.payment_methods SET is_default = false")
    await purse.invoice(45_000)
    await shop.worker.drain()
    (failed,) = await _automatic(shop, customer)
    assert (failed.status, failed.failure) == (TopUpStatus.FAILED, "There is no saved card any more.")
    assert (await _setting(shop, customer)).failures == 1


@pytest.mark.parametrize(
    "change, field",
    [
        ({"amount": Money(4_999, "ZAR")}, "/amount_minor"),
        ({"amount": Money(10_000_001, "ZAR")}, "/amount_minor"),
        ({"threshold": Money(0, "ZAR")}, "/threshold_minor"),
        ({"threshold": Money(10_000_001, "ZAR")}, "/threshold_minor"),
        ({"per_day": 0}, "/per_day"),
        ({"per_day": 11}, "/per_day"),
        ({"amount": Money(30_000, "USD")}, "/currency"),
    ],
)
async def test_hostile_terms_are_refused(shop: Shop, customer: Customer, change: dict[str, Any], field: str) -> None:
    await _card(shop, customer)
    with pytest.raises(wallet.TopUpRefused) as refused:
        await _agree(shop, customer, **change)
    assert [error.field for error in refused.value.errors] == [field]


async def test_a_low_balance_is_told_once_to_who_buys_credits(shop: Shop, customer: Customer, purse: Purse) -> None:
    await purse.give(20_000)
    await purse.invoice(15_000)
    await shop.worker.drain()
    assert await _told(purse) == []
    await purse.give(20_000, GrantKind.PAID)
    await purse.invoice(15_001)
    await purse.invoice(1)
    await shop.worker.drain()
    assert await _told(purse) == ["Your credits are down to R99,99"]
    assert len(await facts(shop.runtime, "CreditsFell")) == 3


async def test_an_own_threshold_counts_when_automatic_top_up_is_off(
    shop: Shop, customer: Customer, purse: Purse
) -> None:
    await _agree(shop, customer, enabled=False, threshold=Money(50_000, "ZAR"))
    await purse.give(60_000)
    await purse.invoice(10_001)
    await shop.worker.drain()
    assert await _told(purse) == ["Your credits are down to R499,99"]


@pytest.mark.parametrize("card", [SUCCEEDS, DISPUTED])
async def test_money_that_went_back_switches_it_off(shop: Shop, customer: Customer, purse: Purse, card: str) -> None:
    await _card(shop, customer, card)
    await _agree(shop, customer)
    if card == SUCCEEDS:
        async with shop.runtime.unit() as unit:
            (grant,) = await wallet.grants_of(unit.tx, customer.id)
            await wallet.refund_credits(unit, grant.id)
    await shop.advance(days=3)
    setting = await _setting(shop, customer)
    assert not setting.enabled
    assert setting.off_because.startswith("a top-up")
    assert await _automatic(shop, customer) == []
    assert await purse.balance() == 0
