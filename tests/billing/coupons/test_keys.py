"""A call whose answer was lost, or a second click, redeems a code once, also one that may be had again."""

from __future__ import annotations

import asyncio
import re
from uuid import UUID

import pytest
from psycopg import errors

from autorisen.accounts import Customer
from autorisen.billing.coupons import CouponKeyTaken, Redemption, redeem_coupon, redemptions_of, store
from autorisen.kit.problems import Problem
from tests.factories.accounts import make_key, make_member, sign_in
from tests.factories.billing import Shop
from tests.factories.catalog import apply_text
from tests.factories.coupons import catalog_with, coupon_text

AGAIN = 'percent = "20"\nduration = "once"\none_per_customer = false'
OTHER = coupon_text(AGAIN, '{ code = "OTHER" }', key="other")


async def selling(shop: Shop, codes: str = '{ code = "LAUNCH" }') -> Customer:
    customer = await shop.customer()
    async with shop.runtime.unit() as unit:
        await apply_text(unit, catalog_with(coupon_text(AGAIN, codes), OTHER))
    return customer


async def redeem(shop: Shop, customer: Customer, key: str | None = "one", code: str = "LAUNCH") -> Redemption:
    async with shop.runtime.unit() as unit:
        return await redeem_coupon(unit, customer_id=customer.id, text=code, actor="tests", key=key)


async def had(shop: Shop, customer: Customer) -> int:
    async with shop.runtime.database.read() as tx:
        found = await redemptions_of(tx, customer.id)
        assert sum((await store.code_counts(tx)).values()) == len(found), "a repeated call counts for no limit"
    return len(found)


async def test_the_same_key_redeems_once_also_at_once(shop: Shop) -> None:
    customer = await selling(shop)
    told = await asyncio.gather(*(redeem(shop, customer, code=code) for code in ("LAUNCH", "launch", " Launch ") * 2))
    assert told[1:] == told[:-1]
    assert await had(shop, customer) == 1
    assert await redeem(shop, customer, "two") != told[0]
    assert await redeem(shop, customer, None) != await redeem(shop, customer, None)
    assert await had(shop, customer) == 4


async def test_two_codes_at_once_with_one_key_are_one_coupon_and_one_conflict(shop: Shop) -> None:
    customer = await selling(shop)

    async def one(code: str) -> str:
        try:
            return (await redeem(shop, customer, code=code)).code
        except CouponKeyTaken as refused:
            return refused.errors[0].field

    told = await asyncio.gather(*map(one, ("LAUNCH", "OTHER") * 3))
    first = next(each for each in told if each != "/key")
    assert sorted(told) == sorted([first] * 3 + ["/key"] * 3)
    assert await had(shop, customer) == 1


async def test_a_key_belongs_to_its_customer(shop: Shop) -> None:
    other, customer = await shop.customer("other"), await selling(shop)
    first, second = await redeem(shop, customer), await redeem(shop, other)
    assert (first.customer_id, second.customer_id) == (customer.id, other.id)


async def test_a_lost_answer_is_given_again_when_the_code_is_over(shop: Shop) -> None:
    """The code was used up by that very call, has run out since, and left the file."""
    limits = "max_redemptions = 1, valid_until = 2026-03-01T09:00:00Z"
    customer = await selling(shop, f'{{ code = "LAUNCH", {limits} }}')
    first = await redeem(shop, customer)
    await shop.advance(hours=2)
    async with shop.runtime.unit() as unit:
        await apply_text(unit, catalog_with(OTHER))
    assert await redeem(shop, customer) == first
    with pytest.raises(Problem, match="must be a code that is offered"):
        await redeem(shop, customer, "two")


async def test_what_was_refused_leaves_the_key_free(shop: Shop) -> None:
    customer = await selling(shop, '{ code = "LAUNCH", valid_from = 2026-03-01T08:00:01Z }')
    with pytest.raises(Problem, match="is valid from"):
        await redeem(shop, customer)
    await shop.advance(seconds=1)
    assert (await redeem(shop, customer)).code == "LAUNCH"


async def test_the_database_keeps_a_key_for_one_redemption(shop: Shop) -> None:
    """Without the verb's look at the key, the constraint still holds."""
    customer = await selling(shop)
    found = await redeem(shop, customer)
    async with shop.runtime.unit() as unit:
        row = {
            "id": UUID(int=1),
            "customer_id": customer.id,
            "coupon_version_id": found.coupon.id,
            "coupon_key": "launch",
            "code": "LAUNCH",
            "number": 2,
            "number_max": None,
            "uses_max": 1,
            "one_per_customer": False,
            "scope": "all",
            "redeemed_at": unit.now,
            "key": "one",
        }
        with pytest.raises(errors.UniqueViolation, match="redemptions_customer_key"):
            await store.insert_redemption(unit.tx, row)


async def test_the_api_answers_a_repeated_call_with_the_same(shop: Shop) -> None:
    customer = await selling(shop)
    async with shop.runtime.unit() as unit:
        headers = await make_key(unit, customer.id)
    asked = {"code": "launch", "key": "lost-answer"}
    first, again = [await shop.client.post("/api/coupons/redeem", json=asked, headers=headers) for _ in range(2)]
    assert (first.status_code, first.json()) == (200, again.json())
    other = await shop.client.post("/api/coupons/redeem", json=asked | {"code": "other"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "coupon_key_taken")
    assert "LAUNCH was redeemed with it" in other.json()["detail"]
    for wrong in ("", "x" * 121, "\0"):
        refused = await shop.client.post("/api/coupons/redeem", json=asked | {"key": wrong}, headers=headers)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "/key")
    assert await had(shop, customer) == 1


async def test_a_second_click_redeems_nothing_more(shop: Shop) -> None:
    customer = await selling(shop)
    async with shop.runtime.unit() as unit:
        await make_member(unit, customer.id)
    await sign_in(shop.client, shop.runtime)
    page = (await shop.client.get("/app/coupons")).text
    token, key = (re.findall(rf'name="{name}" value="([^"]+)"', page)[0] for name in ("csrf_token", "key"))
    form = {"csrf_token": token, "key": key, "code": "launch"}
    clicks = await asyncio.gather(*(shop.client.post("/app/coupons", data=form) for _ in range(3)))
    assert {each.status_code for each in clicks} == {303}
    assert await had(shop, customer) == 1
    # Back, and another code: that is another wish. So is the same code from a page that was opened anew.
    assert (await shop.client.post("/app/coupons", data=form | {"code": "OTHER"})).status_code == 303
    assert await had(shop, customer) == 2
    refused = await shop.client.post("/app/coupons", data=form | {"code": "NOPE"})
    anew = re.findall(r'name="key" value="([^"]+)"', refused.text)[0]
    assert anew != key
    assert (await shop.client.post("/app/coupons", data=form | {"key": anew})).status_code == 303
    assert await had(shop, customer) == 3


@pytest.mark.parametrize("field", ["code", "key"])
async def test_hostile_words_in_the_form_are_refused(shop: Shop, field: str) -> None:
    customer = await selling(shop)
    async with shop.runtime.unit() as unit:
        await make_member(unit, customer.id)
    await sign_in(shop.client, shop.runtime)
    token = (await shop.client.get("/app/coupons")).text.split('name="csrf_token" value="')[1].split('"')[0]
    for hostile in ("\0", "x\0" * 200, "ß" * 60, "\N{RIGHT-TO-LEFT OVERRIDE}x" * 100):
        form = {"csrf_token": token, "code": "NOPE", "key": "k"} | {field: hostile}
        assert (await shop.client.post("/app/coupons", data=form)).status_code == 422
    assert await had(shop, customer) == 0
