"""Giving a payment back: once, in full, and only what has been paid."""

from __future__ import annotations

from uuid import UUID

import httpx
import pytest

from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker, enqueue
from autorisen.payments import NotRefundable, UnknownPayment, refund_payment
from autorisen.payments.gateway import GatewayUnavailable
from autorisen.payments.refund_payment import REFUND_KIND
from autorisen.payments.sandbox.gateway import SandboxGateway
from tests.factories.payments import a_checkout, a_customer, count, facts, pay, the_payment


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
        await gateway.refund(payment_id=UUID(int=5), provider_id="sch_none")
