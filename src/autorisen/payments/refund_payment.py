"""Give a payment back, in full."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from autorisen.kit.unit import Unit
from autorisen.kit.work import Lease, enqueue
from autorisen.payments import store
from autorisen.payments.errors import NotRefundable, UnknownPayment
from autorisen.payments.gateways import gateway_named
from autorisen.payments.inbox.settle_or_park import settle_or_park
from autorisen.payments.model import PaymentStatus

REFUND_KIND = "payments.refund"


async def refund_payment(unit: Unit, payment_id: UUID) -> None:
    """Have the gateway send all of a payment back. Raises `UnknownPayment`, `NotRefundable`."""
    payment = await store.payment(unit.tx, payment_id, lock=True)
    if payment is None:
        raise UnknownPayment
    if payment.status is not PaymentStatus.SUCCEEDED or payment.provider_id is None:
        raise NotRefundable(detail=f"it is {payment.status.value}")
    await enqueue(unit, REFUND_KIND, {"payment_id": payment_id}, key=f"{REFUND_KIND}:{payment_id}")


async def perform_refund(lease: Lease, payload: dict[str, Any]) -> None:
    """The leased job: ask the gateway outside any transaction, then commit its answer with the job's completion."""
    payment_id = UUID(payload["payment_id"])
    async with lease.runtime.database.read() as tx:
        payment = await store.payment(tx, payment_id)
    if payment is None or payment.provider_id is None:
        raise NotRefundable(detail="the payment is gone")
    gateway = gateway_named(lease.runtime, payment.gateway)
    truth = await gateway.refund(payment_id=payment.id, provider_id=payment.provider_id)
    async with lease.finish() as unit:
        locked = await store.payment(unit.tx, payment_id, lock=True)
        assert locked is not None, "payments are never deleted"
        await settle_or_park(unit, locked, truth, cause=f"refund {lease.job_id}")
