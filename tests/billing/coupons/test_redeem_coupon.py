"""Redeeming a code: every limit holds, also when many want the last ones at once; said by the API and the page."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from psycopg import errors

from autorisen.accounts import Customer
from autorisen.billing.coupons import Redemption, redeem_coupon, redemption, redemptions_of, store
from autorisen.kit.problems import Problem
from tests.factories.accounts import make_customer, make_key, make_member, sign_in
from tests.factories.billing import Shop
from tests.factories.catalog import apply_text
from tests.factories.coupons import catalog_with, coupon_text

ONCE = 'percent = "20"\nduration = "once"'


async def sell(shop: Shop, *coupons: str) -> None:
    async with shop.runtime.unit() as unit:
        await apply_text(unit, catalog_with(*coupons))


async def redeem(shop: Shop, customer: Customer, code: str = "LAUNCH") -> Redemption:
    async with shop.runtime.unit() as unit:
        return await redeem_coupon(unit, customer_id=customer.id, text=code, actor="tests")


async def refusal(shop: Shop, customer: Customer, code: str = "LAUNCH") -> str:
    with pytest.raises(Problem) as refused:
        await redeem(shop, customer, code)
    assert refused.value.errors[0].field == "/code"
    return refused.value.code


async def test_a_code_is_redeemed_whatever_its_case(shop: Shop) -> None:
    customer = await shop.customer()
    await sell(shop, coupon_text())
    found = await redeem(shop, customer, "  launch ")
    assert (found.code, found.used, found.uses_left) == ("LAUNCH", 0, 1)
    async with shop.runtime.database.read() as tx:
        assert await redemptions_of(tx, customer.id) == (found,)
        assert await redemption(tx, found.id) == found
        assert await redemption(tx, customer.id) is None
        assert await store.code_counts(tx) == {"LAUNCH": 1}
    assert await refusal(shop, customer) == "coupon_redeemed"
    async with shop.runtime.database.read() as tx:
        assert await store.code_counts(tx) == {"LAUNCH": 1}


async def test_who_redeemed_it_keeps_the_terms_when_the_file_changes(shop: Shop) -> None:
    customer = await shop.customer()
    await sell(shop, coupon_text())
    await redeem(shop, customer)
    await sell(shop)
    other = await shop.customer("other")
    assert await refusal(shop, other) == "coupon_unknown"
    async with shop.runtime.database.read() as tx:
        [kept] = await redemptions_of(tx, customer.id)
    assert (kept.coupon.version, kept.coupon.retired, kept.uses_left) == (1, False, 1)


@pytest.mark.parametrize(
    "terms, codes, code, refused",
    [
        (ONCE, '{ code = "LAUNCH" }', "LAUNSH", "coupon_unknown"),
        (ONCE, '{ code = "LAUNCH", valid_from = 2026-03-02T00:00:00Z }', "LAUNCH", "coupon_not_valid"),
        (ONCE, '{ code = "LAUNCH", valid_until = 2026-03-01T08:00:00Z }', "LAUNCH", "coupon_not_valid"),
        (ONCE + '\ncurrencies = ["USD"]', '{ code = "LAUNCH" }', "LAUNCH", "coupon_not_for_currency"),
        (
            'amount = [{ currency = "USD", amount = "5" }]\nduration = "once"',
            '{ code = "LAUNCH" }',
            "LAUNCH",
            "coupon_not_for_currency",
        ),
    ],
)
async def test_each_limit_is_said(shop: Shop, terms: str, codes: str, code: str, refused: str) -> None:
    customer = await shop.customer()
    await sell(shop, coupon_text(terms, codes))
    assert await refusal(shop, customer, code) == refused


async def test_a_code_holds_from_its_first_instant_to_its_last(shop: Shop) -> None:
    customer = await shop.customer()
    window = "valid_from = 2026-03-01T08:00:00Z, valid_until = 2026-03-01T08:00:01Z"
    await sell(shop, coupon_text(ONCE, f'{{ code = "LAUNCH", {window} }}'))
    assert (await redeem(shop, customer)).code == "LAUNCH"


async def test_a_coupon_for_new_customers_is_for_those_without_an_invoice(shop: Shop) -> None:
    new, known = await shop.customer(), await shop.customer("known")
    await sell(shop, coupon_text(ONCE + "\nfirst_time = true"))
    await shop.upgrade(known)
    assert await refusal(shop, known) == "coupon_for_new_customers"
    assert (await redeem(shop, new)).code == "LAUNCH"


async def test_a_coupon_that_may_be_had_again_is_had_again(shop: Shop) -> None:
    customer = await shop.customer()
    await sell(shop, coupon_text(ONCE + "\none_per_customer = false"))
    first, second = await redeem(shop, customer), await redeem(shop, customer)
    async with shop.runtime.database.read() as tx:
        assert await redemptions_of(tx, customer.id) == (first, second)


async def test_fifty_redeem_ten_at_once_and_ten_have_it(shop: Shop) -> None:
    await sell(shop, coupon_text(ONCE, '{ code = "LAUNCH", max_redemptions = 10 }'))
    async with shop.runtime.unit() as unit:
        customers = [await make_customer(unit, key=f"c{number}") for number in range(50)]

    async def one(customer: Customer) -> str:
        try:
            await redeem(shop, customer)
        except Problem as problem:
            return problem.code
        return "redeemed"

    told = await asyncio.gather(*map(one, customers))
    assert (told.count("redeemed"), told.count("coupon_used_up")) == (10, 40)
    async with shop.runtime.database.read() as tx:
        assert await store.code_counts(tx) == {"LAUNCH": 10}


async def test_the_database_refuses_one_redemption_too_many(shop: Shop) -> None:
    """Without the verb's look at the limit, the constraint still holds."""
    first, second = await shop.customer(), await shop.customer("second")
    await sell(shop, coupon_text(ONCE, '{ code = "LAUNCH", max_redemptions = 1 }'))
    found = await redeem(shop, first)
    row: dict[str, Any] = {
        "id": second.id,
        "customer_id": second.id,
        "coupon_version_id": found.coupon.id,
        "coupon_key": "launch",
        "code": "LAUNCH",
        "number_max": 1,
        "uses_max": 1,
        "one_per_customer": True,
        "scope": "all",
        "redeemed_at": shop.clock.now(),
        "key": None,
    }
    for number, violation in ((2, errors.CheckViolation), (1, errors.UniqueViolation)):
        async with shop.runtime.unit() as unit:
            with pytest.raises(violation):
                await store.insert_redemption(unit.tx, row | {"number": number})


async def test_the_api_redeems_and_lists(shop: Shop) -> None:
    customer = await shop.customer()
    await sell(
        shop, coupon_text('amount = [{ currency = "ZAR", amount = "50" }]\nduration = "repeating"\ninvoices = 2')
    )
    async with shop.runtime.unit() as unit:
        own, operator = await make_key(unit, customer.id), await make_key(unit, None)
        other = await make_key(unit, (await make_customer(unit, key="other")).id)
    assert (await shop.client.get("/api/coupons", headers=own)).json() == {"coupons": []}
    made = await shop.client.post("/api/coupons/redeem", json={"code": "launch"}, headers=own)
    assert made.status_code == 200
    told = made.json()
    assert (told["amount_minor"], told["percent"], told["uses_left"], told["duration"]) == (5000, None, 2, "repeating")
    listed = await shop.client.get("/api/coupons", params={"customer": customer.key}, headers=operator)
    assert listed.json() == {"coupons": [told]}
    again = await shop.client.post("/api/coupons/redeem", json={"code": "LAUNCH"}, headers=own)
    assert (again.status_code, again.json()["code"]) == (409, "coupon_redeemed")
    unknown = await shop.client.post("/api/coupons/redeem", json={"code": "x"}, headers=own)
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "/code")
    hidden = await shop.client.get("/api/coupons", params={"customer": customer.key}, headers=other)
    assert hidden.status_code == 404
    whose = await shop.client.get("/api/coupons", headers=operator)
    assert whose.json()["errors"][0]["field"] == "query/customer"


async def test_the_page_has_a_field_that_says_what_is_wrong(shop: Shop) -> None:
    customer = await shop.customer()
    await sell(shop, coupon_text(ONCE + '\nplans = ["pro"]'))
    async with shop.runtime.unit() as unit:
        await make_member(unit, customer.id)
    await sign_in(shop.client, shop.runtime)
    empty = (await shop.client.get("/app/coupons", params={"code": "LAUNCH", "next": "/app/upgrade?plan=pro"})).text
    assert "No coupons yet" in empty
    assert 'value="LAUNCH"' in empty
    assert 'value="/app/upgrade?plan=pro"' in empty
    token = empty.split('name="csrf_token" value="')[1].split('"')[0]
    wrong = await shop.client.post("/app/coupons", data={"csrf_token": token, "code": "NOPE"})
    assert wrong.status_code == 422
    assert "There is no such code" in wrong.text
    for target, reached in (("https://elsewhere.example/", "/app/coupons"), ("/app/upgrade?plan=pro", "")):
        form = {"csrf_token": token, "code": "LAUNCH", "next": target}
        answer = await shop.client.post("/app/coupons", data=form)
        if reached:
            assert (answer.status_code, answer.headers["location"]) == (303, reached)
        else:
            assert answer.status_code == 409
            assert "each customer can have it once" in answer.text
    shown = (await shop.client.get("/app/coupons")).text
    for words in ("Launch offer", "20 % off, once", "1 more invoice", "while you are on Pro"):
        assert words in shown
    await shop.advance(seconds=1)
    assert shop.clock.now() - customer.created_at < timedelta(hours=1)
