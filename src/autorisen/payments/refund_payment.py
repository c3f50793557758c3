"""Give a payment back, in full or in part."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from autorisen.kit.money import Money
from autorisen.kit.unit import Unit
from autorisen.kit.work import Lease, enqueue
from autorisen.payments import store, store_refunds
from autorisen.payments.errors import NotRefundable, UnknownPayment
from autorisen.payments.gateway import RefundOrder
from autorisen.payments.gateways import gateway_named
from autorisen.payments.inbox.settle_or_park import settle_or_park
from autorisen.payments.model import PaymentStatus

REFUND_KIND = "payments.refund"


async def refund_payment(
    unit: Unit, payment_id: UUID, *, amount: Money | None = None, reference: str | None = None
) -> None:
    """Have the gateway send an amount of a payment back, or all that is left; once for each reference.

    `PaymentRefunded` tells when it has happened. Raises `UnknownPayment`, `NotRefundable`.
    """
    payment = await store.payment(unit.tx, payment_id, lock=True)
    if payment is None:
        raise UnknownPayment
    if payment.status is not PaymentStatus.SUCCEEDED or payment.provider_id is None:
        raise NotRefundable(detail=f"it is {payment.status.value}")
    wanted = amount or Money(payment.amount.minor - payment.refunded_minor, payment.amount.currency)
    noted = reference or f"payment:{payment_id}"
    if await store_refunds.refund_noted(unit.tx, noted):
        return
    if payment.refundable < wanted:
        raise NotRefundable(detail=f"only {payment.refundable} of it can still go back")
    refund_id = unit.ids.new()
    await store_refunds.insert_refund(
        unit.tx, id=refund_id, payment_id=payment_id, amount_minor=wanted.minor, reference=noted, at=unit.now
    )
    order = {"payment_id": payment_id, "refund_id": refund_id, "amount_minor": wanted.minor}
    await enqueue(unit, REFUND_KIND, order, key=f"{REFUND_KIND}:{refund_id}")


async def perform_refund(lease: Lease, payload: dict[str, Any]) -> None:
    """The leased job: ask the gateway outside any transaction, then commit its answer with the job's completion.

    The refund's id is the idempotency key, so that a crash in between sends nothing back twice.
    """
    payment_id = UUID(payload["payment_id"])
    async with lease.runtime.database.read() as tx:
        payment = await store.payment(tx, payment_id)
    if payment is None or payment.provider_id is None:
        raise NotRefundable(detail="the payment is gone")
    gateway = gateway_named(lease.runtime, payment.gateway)
    # A job of the release before names the payment alone: all of it.
    refund_id = UUID(payload.get("refund_id", payload["payment_id"]))
    amount = Money(payload.get("amount_minor", payment.amount.minor), payment.amount.currency)
    truth = await gateway.refund(RefundOrder(refund_id, payment.id, payment.provider_id, amount))
    async with lease.finish() as unit:
        locked = await store.payment(unit.tx, payment_id, lock=True)
        assert locked is not None, "payments are never deleted"
        await settle_or_park(unit, locked, truth, cause=f"refund {lease.job_id}")
