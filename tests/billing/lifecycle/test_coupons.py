"""Coupons and the life of a subscription: what a coupon pays is not charged, one that is used up pays nothing."""

from __future__ import annotations

import pytest

from autorisen.accounts import Customer
from autorisen.billing.coupons import CouponCoversAll, redeem_coupon
from autorisen.billing.lifecycle.first_payment import pay_first
from autorisen.subscriptions import Status
from tests.billing.lifecycle.test_first_payments import subscribe
from tests.billing.lifecycle.test_trials import try_pro, with_card
from tests.factories.billing import Shop
from tests.factories.catalog import apply_text
from tests.factories.coupons import catalog_with, coupon_text
from tests.factories.payments import FAILS_LATER, SUCCEEDS, facts

WHOLE = 'percent = "100"\nduration = "once"'
ONCE = 'percent = "20"\nduration = "once"'


async def with_card_and_coupon(shop: Shop, terms: str, card: str = SUCCEEDS) -> Customer:
    customer = await with_card(shop, card)
    async with shop.runtime.unit() as unit:
        await apply_text(unit, catalog_with(coupon_text(terms)))
    async with shop.runtime.unit() as unit:
        await redeem_coupon(unit, customer_id=customer.id, text="LAUNCH", actor="tests")
    return customer


async def test_the_paid_time_after_a_trial_may_be_paid_by_a_coupon(shop: Shop) -> None:
    customer = await with_card_and_coupon(shop, WHOLE)
    before = len(await shop.invoices(customer))
    await try_pro(shop, customer)
    await shop.advance(days=14, hours=1)
    found = await shop.subscription(customer)
    assert (found.plan_key, found.status) == ("pro", Status.ACTIVE)
    assert len(await shop.invoices(customer)) == before
    await shop.advance(days=31, hours=2)
    assert (await shop.invoices(customer))[-1].total.minor == 52_900, "once"


async def test_what_a_coupon_pays_is_not_charged_to_a_card(shop: Shop) -> None:
    customer = await with_card_and_coupon(shop, WHOLE)
    with pytest.raises(CouponCoversAll, match="nothing to charge"):
        await subscribe(shop, customer)


async def test_a_first_payment_less_a_coupon_that_is_used_up_starts_nothing(shop: Shop) -> None:
    customer = await with_card_and_coupon(shop, ONCE, FAILS_LATER)
    await subscribe(shop, customer)
    await shop.worker.drain()
    checkout = await pay_first(shop.runtime, customer_id=customer.id)
    await shop.upgrade(customer, "enterprise")
    await shop.pay(checkout.url)
    assert (await shop.subscription(customer)).plan_key == "enterprise"
    (parked,) = await facts(shop.runtime, "PaymentUnapplied")
    assert "has used up the coupon LAUNCH" in parked["reason"]
