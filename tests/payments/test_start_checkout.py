"""Starting a checkout: one page for one reference, resumed after a crash, renewed after its time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from autorisen.kit.clock import SandboxClock
from autorisen.kit.ids import parse_public_id, public_id
from autorisen.kit.money import Money
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from autorisen.payments import (
    GatewayDown,
    GatewayUnavailable,
    PaymentInProgress,
    PaymentUnclear,
    UnknownGateway,
    checkout_with_payment,
    history,
    start_checkout,
)
from autorisen.payments.start_checkout import told_to_the_payer
from tests.factories.payments import PRICE, SUCCEEDS, a_checkout, a_customer, count, facts, pay, the_payment


def later(runtime: Runtime, by: timedelta) -> None:
    assert isinstance(runtime.clock, SandboxClock)
    runtime.clock.set_offset(runtime.clock.offset + by)


async def test_a_paid_checkout_settles_by_webhook(runtime: Runtime, client: httpx.AsyncClient, worker: Worker) -> None:
    customer_id = await a_customer(runtime)
    checkout = await a_checkout(runtime, customer_id)
    answer = await pay(client, checkout)
    assert answer.headers["location"] == f"https://testserver/app/billing?checkout={checkout.id}"
    assert (await the_payment(runtime)).status == "pending", "the browser's return proves nothing"
    await worker.drain()
    payment = await the_payment(runtime)
    assert (payment.status, payment.provider_id) == ("succeeded", checkout.provider_id)
    (fact,) = await facts(runtime, "PaymentSucceeded")
    assert fact == {
        "payment_id": str(payment.id),
        "customer_id": str(customer_id),
        "reference": "order:1",
        "amount_minor": 52_900,
        "currency": "ZAR",
        "gateway": "sandbox",
        "succeeded_at": fact["succeeded_at"],
    }
    (saved,) = await facts(runtime, "PaymentMethodSaved")
    assert (saved["brand"], saved["last4"]) == ("visa", SUCCEEDS[-4:])
    async with runtime.database.read() as tx:
        (step,) = await history(tx, payment.id)
    assert (step.from_status, step.to_status, step.cause.split()[0]) == ("pending", "succeeded", "delivery")


async def test_asking_again_leads_to_the_same_page(runtime: Runtime) -> None:
    customer_id = await a_customer(runtime)
    first = await a_checkout(runtime, customer_id)
    assert await a_checkout(runtime, customer_id) == first
    assert await count(runtime, "sandbox.checkouts") == 1


async def test_two_tabs_at_once_lead_to_one_page(runtime: Runtime) -> None:
    customer_id = await a_customer(runtime)
    opened = await asyncio.gather(*[a_checkout(runtime, customer_id) for _ in range(5)])
    assert len({checkout.path for checkout in opened}) == 1
    assert await count(runtime, "payments.payments") == 1


async def test_another_amount_has_to_wait(runtime: Runtime) -> None:
    customer_id = await a_customer(runtime)
    await a_checkout(runtime, customer_id)
    with pytest.raises(PaymentInProgress):
        await a_checkout(runtime, customer_id, amount=Money(1, "ZAR"))


async def test_a_crash_after_the_gateway_opened_the_page_finds_it_again(runtime: Runtime) -> None:
    customer_id = await a_customer(runtime)
    first = await a_checkout(runtime, customer_id)
    async with runtime.unit() as unit:
        await unit.tx.execute("UPDATE payments.checkouts SET provider_id = NULL, url = ''")
    assert await a_checkout(runtime, customer_id) == first


async def test_a_page_whose_time_is_over_is_replaced(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker
) -> None:
    customer_id = await a_customer(runtime)
    first = await a_checkout(runtime, customer_id)
    later(runtime, timedelta(hours=24))
    assert "time for this page is over" in (await client.get(first.path)).text
    second = await a_checkout(runtime, customer_id)
    assert second.path != first.path
    (failed,) = await facts(runtime, "PaymentFailed")
    assert failed["code"] == "checkout_expired"
    await pay(client, second)
    await worker.drain()
    assert (await the_payment(runtime)).attempt == 2
    assert (await the_payment(runtime)).status == "succeeded"


async def test_a_payer_is_told_when_an_earlier_payment_is_not_what_we_asked_for(
    runtime: Runtime, client: httpx.AsyncClient
) -> None:
    customer_id = await a_customer(runtime)
    await pay(client, await a_checkout(runtime, customer_id))
    async with runtime.unit() as unit:
        await unit.tx.execute("UPDATE sandbox.charges SET amount_minor = 1")
    later(runtime, timedelta(hours=24))
    for _ in range(2):
        with pytest.raises(PaymentUnclear, match="do not pay again"):
            await a_checkout(runtime, customer_id)
    (parked,) = await facts(runtime, "DeliveryParked")
    assert parked["reason"] == "wrong_amount"
    assert await count(runtime, "payments.payments") == 1


async def test_a_page_that_never_reached_the_gateway_is_taken_up_even_late(runtime: Runtime) -> None:
    customer_id = await a_customer(runtime)
    await a_checkout(runtime, customer_id)
    async with runtime.unit() as unit:
        await unit.tx.execute("UPDATE payments.checkouts SET provider_id = NULL, url = ''")
        await unit.tx.execute("DELETE FROM sandbox.checkouts")
    later(runtime, timedelta(hours=25))
    renewed = await a_checkout(runtime, customer_id)
    assert renewed.provider_id.startswith("sco_")
    assert await count(runtime, "payments.payments") == 1


@pytest.mark.parametrize(
    "return_url,expected",
    [
        ("/app/billing", "https://testserver/app/billing?checkout={}"),
        ("/app/billing?tab=plan&x=", "https://testserver/app/billing?tab=plan&x=&checkout={}"),
        ("https://shop.example/done#top", "https://shop.example/done?checkout={}#top"),
    ],
)
async def test_the_way_back_carries_the_checkouts_id_and_nothing_else(
    runtime: Runtime, return_url: str, expected: str
) -> None:
    checkout = await start_checkout(
        runtime,
        customer_id=await a_customer(runtime),
        reference="order:1",
        amount=PRICE,
        description="Pro",
        return_url=return_url,
    )
    assert checkout.return_url == expected.format(public_id("chk", checkout.id))


async def test_only_the_customer_finds_its_checkout(runtime: Runtime) -> None:
    customer_id = await a_customer(runtime)
    opened = await a_checkout(runtime, customer_id)
    id = parse_public_id("chk", opened.id)
    async with runtime.database.read() as tx:
        found = await checkout_with_payment(tx, id, customer_id=customer_id)
        assert found is not None
        assert (found[0].id, found[1].reference) == (id, "order:1")
        assert await checkout_with_payment(tx, id, customer_id=UUID(int=1)) is None
        assert await checkout_with_payment(tx, UUID(int=1), customer_id=customer_id) is None


async def test_an_installation_without_a_gateway_says_so(runtime: Runtime) -> None:
    settings = replace(runtime.settings, environment="production", smtp_url="smtp://localhost")
    customer_id = await a_customer(runtime)
    with pytest.raises(UnknownGateway, match="no payment gateway is set up"):
        await a_checkout(replace(runtime, settings=settings), customer_id)


def test_a_gateway_that_gives_no_answer_is_told_to_the_payer() -> None:
    with pytest.raises(GatewayDown) as raised, told_to_the_payer():
        raise GatewayUnavailable("timed out")
    assert (raised.value.status, raised.value.detail) == (503, "nothing was charged; try again in a moment")
