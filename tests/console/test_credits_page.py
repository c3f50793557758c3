"""The operator's page of a customer's credits: give, take back, refund, and what it refuses."""

from __future__ import annotations

import httpx
import pytest

from autorisen.accounts import Customer
from autorisen.billing import wallet
from autorisen.billing.wallet import GrantKind
from autorisen.kit.clock import FrozenClock
from autorisen.kit.ids import public_id
from autorisen.kit.money import Money
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from tests.factories.accounts import make_user, sign_in
from tests.factories.billing import Shop
from tests.factories.wallet import Purse


@pytest.fixture
async def purse(runtime: Runtime, worker: Worker, client: httpx.AsyncClient, clock: FrozenClock) -> Purse:
    shop = Shop(runtime, worker, client, clock)
    customer = await shop.customer()
    async with runtime.unit() as unit:
        await make_user(unit, email="op@op.example", operator=True)
    await sign_in(client, runtime, "op@op.example")
    return Purse(shop, customer)


def _page(customer: Customer) -> str:
    return f"/console/customers/{customer.public_id}/credits"


async def test_an_operator_gives_credits_on_the_customers_page(client: httpx.AsyncClient, purse: Purse) -> None:
    customer = purse.customer
    page = (await client.get(f"/console/customers/{customer.public_id}")).text
    assert f'action="{_page(customer)}"' in page
    assert "No credits yet" in (await client.get(_page(customer))).text
    form = {"amount": "50", "kind": "promotional", "reason": "welcome", "expires_on": "2026-12-31", "key": "once"}
    for _ in range(2):
        made = await client.post(_page(customer), data=form)
        assert (made.status_code, made.headers["location"]) == (303, _page(customer))
    assert await purse.balance() == 5_000
    page = (await client.get(_page(customer))).text.replace("\u00a0", "")
    for text in ("R50,00 are granted", "welcome", "31 Dec 2026", "Promotion"):
        assert text in page, text
    assert "R50,00" in (await client.get(f"/console/customers/{customer.public_id}")).text.replace("\u00a0", "")


@pytest.mark.parametrize(
    "change, field",
    [
        ({"amount": "x"}, "amount"),
        ({"amount": "0"}, "amount"),
        ({"reason": " "}, "reason"),
        ({"kind": "paid"}, "kind"),
        ({"expires_on": "soon"}, "expires_on"),
        ({"expires_on": "9999-12-31"}, "expires_on"),
        ({"expires_on": "2026-02-01"}, "expires_on"),
    ],
)
async def test_a_wrong_grant_is_refused_beside_its_field(
    client: httpx.AsyncClient, purse: Purse, change: dict[str, str], field: str
) -> None:
    form = {"amount": "50", "kind": "goodwill", "reason": "sorry", "expires_on": ""} | change
    page = await client.post(_page(purse.customer), data=form)
    assert page.status_code == 422
    assert f'id="e-{field}"' in page.text
    assert await purse.balance() == 0


async def test_what_was_given_is_taken_back_and_what_was_bought_refunded(
    client: httpx.AsyncClient, purse: Purse
) -> None:
    customer, shop = purse.customer, purse.shop
    given = await purse.give(5_000)
    refused = await client.post(f"{_page(customer)}/{given.public_id}/take-back", data={"reason": ""})
    assert refused.status_code == 422
    assert "Nothing was taken back" in refused.text
    gone = await client.post(f"{_page(customer)}/{given.public_id}/take-back", data={"reason": "a mistake"})
    assert gone.status_code == 303
    checkout = await wallet.start_top_up(shop.runtime, customer_id=customer.id, amount=Money(50_000, "ZAR"))
    await shop.pay(checkout.url)
    await purse.invoice(10_000)
    async with shop.runtime.database.read() as tx:
        bought = (await wallet.grants_of(tx, customer.id))[0]
    page = (await client.get(_page(customer))).text
    assert f'data-opens="back-{bought.public_id}"' in page
    back = await client.post(f"{_page(customer)}/{bought.public_id}/take-back", data={"reason": "asked for"})
    assert back.status_code == 303
    await shop.worker.drain()
    assert await purse.balance() == 0
    assert await shop.at_gateway() == 10_000
    again = await client.post(f"{_page(customer)}/{bought.public_id}/take-back", data={"reason": "again"})
    assert again.status_code == 409
    assert "nothing is left" in again.text.lower()


async def test_another_customers_grant_is_not_found_here(client: httpx.AsyncClient, purse: Purse) -> None:
    other = Purse(purse.shop, await purse.shop.customer("other"))
    for kind in (GrantKind.GOODWILL, GrantKind.PAID):
        theirs = await other.give(100, kind)
        answer = await client.post(f"{_page(purse.customer)}/{theirs.public_id}/take-back", data={"reason": "x"})
        assert answer.status_code == 404
    nothing = public_id("crd", purse.customer.id)
    answer = await client.post(f"{_page(purse.customer)}/{nothing}/take-back", data={"reason": "x"})
    assert answer.status_code == 404
