"""Giving a payment back: in full or in parts, each once, and never more than has been paid."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from psycopg.errors import CheckViolation

from autorisen.kit.clock import FrozenClock
from autorisen.kit.money import Money
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker, enqueue
from autorisen.payments import NotRefundable, UnknownPayment, refund_payment, store_refunds
from autorisen.payments.gateway import GatewayUnavailable, RefundOrder, RefundRefused
from autorisen.payments.refund_payment import REFUND_KIND
from autorisen.payments.sandbox.gateway import SandboxGateway
from tests.factories.payments import (
    DISPUTE_WON,
    DISPUTED,
    PRICE,
    a_checkout,
    a_customer,
    count,
    facts,
    pay,
    the_payment,
)


async def test_a_refund_is_asked_for_once_and_ends_the_payment(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker
) -> None:
    checkout = await a_checkout(runtime, await a_customer(runtime))
    payment = await the_payment(runtime)
    async with runtime.unit() as unit:
        with pytest.raises(NotRefundable):
            await refund_payment(unit, payment.id)
        with pytest.raises(UnknownPayment):
            await refund_payment(unit, UUID(int=5))
    await pay(client, checkout)
    await worker.drain()
    async with runtime.unit() as unit:
        await refund_payment(unit, payment.id)
        await refund_payment(unit, payment.id)
        await enqueue(unit, REFUND_KIND, {"payment_id": payment.id})
    await worker.drain()
    assert (await the_payment(runtime)).status == "refunded"
    assert len(await facts(runtime, "PaymentRefunded")) == 1
    assert await count(runtime, "sandbox.events WHERE type = 'payment.refunded'") == 1
    assert await count(runtime, "payments.deliveries WHERE status = 'applied'") == 2
    async with runtime.unit() as unit:
        with pytest.raises(NotRefundable):
            await refund_payment(unit, payment.id)


async def test_a_refund_of_nothing_is_buried_with_its_reason(runtime: Runtime, worker: Worker) -> None:
    async with runtime.unit() as unit:
        await enqueue(unit, REFUND_KIND, {"payment_id": UUID(int=5)})
    await worker.drain()
    assert await count(runtime, "kit.jobs WHERE last_error LIKE 'NotRefundable%'") == 1


async def test_a_payment_that_the_gateway_does_not_know_is_tried_again(runtime: Runtime) -> None:
    gateway = SandboxGateway(runtime)
    with pytest.raises(GatewayUnavailable):
        await gateway.refund(RefundOrder(UUID(int=6), UUID(int=5), "sch_none", PRICE))


async def test_a_payment_goes_back_in_parts_and_never_more_than_was_paid(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker
) -> None:
    checkout = await a_checkout(runtime, await a_customer(runtime))
    await pay(client, checkout)
    await worker.drain()
    payment = await the_payment(runtime)
    for reference in ("note:1", "note:1"):
        async with runtime.unit() as unit:
            await refund_payment(unit, payment.id, amount=Money(20_000, "ZAR"), reference=reference)
    await worker.drain()
    first = await the_payment(runtime)
    assert (first.status, first.refunded_minor, first.refundable.minor) == ("succeeded", 20_000, 32_900)
    async with runtime.unit() as unit:
        with pytest.raises(NotRefundable, match=r"only ZAR 329\.00"):
            await refund_payment(unit, payment.id, amount=Money(32_901, "ZAR"), reference="note:2")
        await refund_payment(unit, payment.id, amount=Money(32_900, "ZAR"), reference="note:3")
    await worker.drain()
    second = await the_payment(runtime)
    assert (second.status, second.refunded_minor, second.refundable.minor) == ("refunded", 52_900, 0)
    told = [(each["amount_minor"], each["refunded_minor"]) for each in await facts(runtime, "PaymentRefunded")]
    assert told == [(20_000, 20_000), (32_900, 52_900)]
    assert await count(runtime, "payments.deliveries WHERE status = 'applied'") == 3


async def test_refunds_asked_for_at_once_stay_within_the_payment(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker
) -> None:
    """The rule is the check on the payment's row: asked past the verb, by several transactions at once."""
    checkout = await a_checkout(runtime, await a_customer(runtime))
    await pay(client, checkout)
    await worker.drain()
    payment = await the_payment(runtime)

    async def ask(number: int) -> bool:
        try:
            async with runtime.unit() as unit:
                await store_refunds.insert_refund(
                    unit.tx,
                    id=UUID(int=number),
                    payment_id=payment.id,
                    amount_minor=20_000,
                    reference=f"note:{number}",
                    at=unit.now,
                )
        except CheckViolation:
            return False
        return True

    assert sorted(await asyncio.gather(*(ask(number) for number in range(1, 6)))) == [False] * 3 + [True] * 2
    assert await count(runtime, "payments.refunds") == 2


async def test_the_gateway_sends_back_what_is_there_and_once_a_key(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker
) -> None:
    checkout = await a_checkout(runtime, await a_customer(runtime))
    gateway = SandboxGateway(runtime)
    payment = await the_payment(runtime)
    await pay(client, checkout)
    for amount in (30_000, 30_000):
        order = RefundOrder(UUID(int=1), payment.id, checkout.provider_id, Money(amount, "ZAR"))
        assert (await gateway.refund(order)).refunded_minor == 30_000
    with pytest.raises(RefundRefused):
        await gateway.refund(RefundOrder(UUID(int=2), payment.id, checkout.provider_id, PRICE))
    # Refunds on the gateway's own page are heard of by webhook, like those that we asked for.
    await worker.drain()
    assert (await the_payment(runtime)).refunded_minor == 30_000


async def test_what_a_bank_asks_back_is_not_sent_back_as_well(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, clock: FrozenClock
) -> None:
    """Goal: a refund that was asked for just before the dispute was heard moves nothing until that is decided."""
    checkout = await a_checkout(runtime, await a_customer(runtime))
    await pay(client, checkout, DISPUTE_WON)
    await worker.drain()
    clock.advance(timedelta(days=1))
    await worker.drain()
    payment, gateway = await the_payment(runtime), SandboxGateway(runtime)
    assert payment.status == "disputed"
    order = RefundOrder(UUID(int=1), payment.id, checkout.provider_id, PRICE)
    with pytest.raises(RefundRefused):
        await gateway.refund(order)
    clock.advance(timedelta(days=7))
    await worker.drain()
    assert (await gateway.refund(order)).status == "refunded"


async def test_what_went_back_is_disputed_no_more(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, clock: FrozenClock
) -> None:
    checkout = await a_checkout(runtime, await a_customer(runtime))
    await pay(client, checkout, DISPUTED)
    await worker.drain()
    async with runtime.unit() as unit:
        await refund_payment(unit, (await the_payment(runtime)).id)
    await worker.drain()
    clock.advance(timedelta(days=2))
    await worker.drain()
    assert (await the_payment(runtime)).status == "refunded"
    assert await facts(runtime, "PaymentDisputed") == []
