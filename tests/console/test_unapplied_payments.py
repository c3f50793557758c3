"""Money that pays nothing we know: seen by the operator, and sent back by hand."""

from __future__ import annotations

from uuid import UUID

import httpx
import pytest

from autorisen import billing, payments
from autorisen.accounts import Customer, audit_log
from autorisen.kit.clock import FrozenClock
from autorisen.kit.ids import public_id
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from tests.factories.accounts import make_user, sign_in
from tests.factories.billing import Shop


@pytest.fixture
def shop(runtime: Runtime, worker: Worker, client: httpx.AsyncClient, clock: FrozenClock) -> Shop:
    return Shop(runtime, worker, client, clock)


async def _operator(shop: Shop) -> httpx.AsyncClient:
    async with shop.runtime.unit() as unit:
        await make_user(unit, email="olga@operator.example", name="Olga", operator=True)
    await sign_in(shop.client, shop.runtime, "olga@operator.example")
    return shop.client


async def _two_upgrades(shop: Shop) -> tuple[Customer, UUID, UUID]:
    """A customer who paid two upgrades, of which one could happen: (customer, applied, unapplied)."""
    customer = await shop.customer()
    pro = await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="pro", interval="month")
    big = await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="enterprise", interval="month")
    await shop.pay(pro.url)
    await shop.pay(big.url)
    return customer, pro.payment_id, big.payment_id


async def _health(console: httpx.AsyncClient) -> dict[str, str]:
    return {part["name"]: part["state"] for part in (await console.get("/services/health")).json()["components"]}


async def test_an_unapplied_payment_is_shown_and_sent_back(shop: Shop) -> None:
    customer, _, payment_id = await _two_upgrades(shop)
    console = await _operator(shop)
    path = f"/console/payments/{public_id('pay', payment_id)}"
    listed = (await console.get("/console/invoices")).text
    for expected in ("Unapplied payments", path, customer.name, "Waiting"):
        assert expected in listed
    assert "Unapplied payments: 1" in (await console.get("/console")).text
    assert (await _health(console))["payments"] == "degraded"
    assert "autorisen_payments_unapplied 1.0" in (await console.get("/metrics")).text
    page = (await console.get(path)).text
    for expected in ("It pays nothing because", 'data-opens="refund"', "<dialog", 'name="csrf_token"'):
        assert expected in page
    assert (await console.post(f"{path}/refund")).status_code == 303
    async with shop.runtime.database.read() as tx:
        (entry,) = await audit_log(tx, target=public_id("pay", payment_id))
    assert entry.action == "payment.refund_requested"
    await shop.worker.drain()
    page = (await console.get(path)).text
    assert "The money went back" in page
    assert 'data-opens="refund"' not in page
    assert "Refunded" in (await console.get("/console/invoices")).text
    assert "Unapplied payments: " not in (await console.get("/console")).text
    assert (await _health(console))["payments"] == "ok"
    assert await shop.balance(f"unapplied:{customer.id}") == 0
    assert (await console.post(f"{path}/refund")).status_code == 409


async def test_money_that_pays_an_invoice_is_not_sent_back_from_here(shop: Shop) -> None:
    _, paid, _ = await _two_upgrades(shop)
    console = await _operator(shop)
    path = f"/console/payments/{public_id('pay', paid)}"
    assert 'data-opens="refund"' not in (await console.get(path)).text
    assert (await console.post(f"{path}/refund")).status_code == 409
    async with shop.runtime.database.read() as tx:
        payment = await payments.payment(tx, paid)
    assert payment is not None
    assert payment.status is payments.PaymentStatus.SUCCEEDED
    assert (await console.get(f"/console/payments/pay_{'0' * 26}")).status_code == 404


async def test_a_refund_needs_the_operators_own_form(shop: Shop) -> None:
    _, _, payment_id = await _two_upgrades(shop)
    path = f"/console/payments/{public_id('pay', payment_id)}/refund"
    stranger = await shop.client.post(path)
    assert (stranger.status_code, stranger.headers["location"].partition("?")[0]) == (303, "/login")
    console = await _operator(shop)
    del console.headers["X-CSRF-Token"]
    assert (await console.post(path)).status_code == 403
    async with shop.runtime.database.read() as tx:
        (waiting,) = await billing.list_unapplied(tx, 10)
    assert waiting.refunded_at is None
