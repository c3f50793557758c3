"""A card that was saved twice is one card to its holder; no token is lost by it."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import httpx

from autorisen import payments
from autorisen.billing import known_cards
from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from autorisen.payments import Card, PaymentMethod
from tests.factories.accounts import make_member, make_user, sign_in
from tests.factories.billing import START, Shop

VISA = Card(token="tok_1", brand="visa", last4="4242", exp_month=12, exp_year=2030)


def saved(number: int, card: Card, *, is_default: bool = False) -> PaymentMethod:
    return PaymentMethod(
        id=UUID(int=number),
        customer_id=UUID(int=100),
        gateway="sandbox",
        card=card,
        is_default=is_default,
        created_at=START,
    )


def test_one_card_is_its_brand_digits_and_expiry() -> None:
    used = saved(1, VISA, is_default=True)
    again = saved(2, replace(VISA, token="tok_2", brand="Visa"))
    others = [
        saved(3, replace(VISA, token="tok_3", brand="mastercard")),
        saved(4, replace(VISA, token="tok_4", last4="1111")),
        saved(5, replace(VISA, token="tok_5", exp_month=11)),
        saved(6, replace(VISA, token="tok_6", exp_year=2031)),
    ]
    assert known_cards([used, again, *others, again]) == (used, *others), "the default stands for its card"
    assert known_cards([]) == ()


async def test_pages_show_it_once_and_every_token_stays(
    runtime: Runtime, worker: Worker, client: httpx.AsyncClient, clock: FrozenClock
) -> None:
    shop = Shop(runtime, worker, client, clock)
    customer = await shop.customer()
    async with runtime.unit() as unit:
        await make_member(unit, customer.id, email="first@kaap.example")
        await make_user(unit, email="op@op.example", operator=True)
    await shop.upgrade(customer)
    await shop.advance(days=1)
    await shop.upgrade(customer, "enterprise")
    async with runtime.database.read() as tx:
        methods = await payments.payment_methods(tx, customer.id)
    assert [each.is_default for each in methods] == [True, False], "the same card under two tokens"
    assert len({each.card.token for each in methods}) == 2
    await sign_in(client, runtime, "first@kaap.example")
    page = (await client.get("/app/billing")).text
    assert page.count("ending in 4242") == 1
    assert "Used for invoices" in page
    await sign_in(client, runtime, "op@op.example")
    page = (await client.get(f"/console/customers/{customer.public_id}")).text
    assert page.partition('id="methods"')[2].partition("</dl>")[0].count("ending in 4242") == 1
    assert "Visa is used for invoices" in page
