"""Charge a customer's saved card with nobody present."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog

from autorisen.kit.money import Money
from autorisen.kit.unit import Runtime, Unit
from autorisen.kit.work import Lease, enqueue
from autorisen.payments import store
from autorisen.payments.errors import AlreadyPaid, NoSavedMethod, PaymentInProgress
from autorisen.payments.gateway import ChargeOrder
from autorisen.payments.gateways import gateway_named, mode_of
from autorisen.payments.inbox.settle_or_park import settle_or_park
from autorisen.payments.methods import store as methods
from autorisen.payments.model import SETTLED, Payment, PaymentKind, Truth

CHARGE_KIND = "payments.charge"

log = structlog.get_logger(__name__)


async def charge_saved_method(
    unit: Unit, *, customer_id: UUID, reference: str, amount: Money, description: str
) -> Payment:
    """A pending payment, and the job that asks the gateway for it; both exist when the caller commits.

    Asked again while a payment for the reference is under way, that payment is the answer. Raises `NoSavedMethod`,
    `AlreadyPaid`, and `PaymentInProgress` when the payment under way is over another amount.
    """
    await store.lock_reference(unit.tx, reference)
    for earlier in await store.payments_for(unit.tx, reference):
        if earlier.status in SETTLED:
            raise AlreadyPaid(detail=f"{earlier.description} is paid")
        if earlier.is_live:
            if earlier.amount != amount:
                raise PaymentInProgress(detail="a payment over another amount is on its way")
            return earlier
    method = await methods.default_method(unit.tx, customer_id)
    if method is None:
        raise NoSavedMethod(detail="the customer has to pay once on the checkout page first")
    payment = await store.insert_payment(
        unit.tx,
        payment_id=unit.ids.new(),
        customer_id=customer_id,
        kind=PaymentKind.SAVED_METHOD,
        gateway=method.gateway,
        mode=mode_of(unit.settings),
        reference=reference,
        amount=amount,
        description=description,
        method_id=method.id,
        at=unit.now,
    )
    await enqueue_charge(unit, payment.id)
    return payment


async def enqueue_charge(unit: Unit, payment_id: UUID) -> None:
    """Have the gateway asked for a pending payment; any number of times gives one charge."""
    await enqueue(unit, CHARGE_KIND, {"payment_id": payment_id}, key=f"{CHARGE_KIND}:{payment_id}")


async def perform_charge(lease: Lease, payload: dict[str, Any]) -> None:
    """The leased job: ask the gateway, outside any transaction, then commit its answer with the job's completion.

    The payment's id is the idempotency key, so a crash anywhere between the question and the commit leads to the same
    question again and to the same, single charge. Raises `GatewayUnavailable` to be tried again.
    """
    payment_id = UUID(payload["payment_id"])
    truth = await _ask(lease.runtime, payment_id)
    async with lease.finish() as unit:
        payment = await store.payment(unit.tx, payment_id, lock=True)
        if truth is not None and payment is not None:
            after = await settle_or_park(unit, payment, truth, cause=f"charge {lease.job_id}")
            log.info("payment.charged", payment_id=str(payment_id), status=(after or payment).status.value)


async def _ask(runtime: Runtime, payment_id: UUID) -> Truth | None:
    async with runtime.database.read() as tx:
        payment = await store.payment(tx, payment_id)
        method = await methods.payment_method(tx, payment.method_id) if payment and payment.method_id else None
    if payment is None or method is None or not payment.is_live:
        return None
    order = ChargeOrder(
        payment_id=payment.id,
        customer_id=payment.customer_id,
        reference=payment.reference,
        amount=payment.amount,
        description=payment.description,
        token=method.card.token,
    )
    return await gateway_named(runtime, payment.gateway).charge(order)
