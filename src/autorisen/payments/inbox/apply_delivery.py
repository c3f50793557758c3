"""Let a stored delivery have its effect, once, or park it for a person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from autorisen.kit.unit import Runtime, Unit
from autorisen.kit.work import Lease, record
from autorisen.payments import store as payments
from autorisen.payments.facts import DeliveryParked
from autorisen.payments.gateway import Lookup, Unreadable
from autorisen.payments.gateways import gateway_named
from autorisen.payments.inbox import store
from autorisen.payments.inbox.settle_or_park import ANSWER_TYPE
from autorisen.payments.model import Delivery, DeliveryStatus, ParkReason, Payment, Terms, Truth, disagreement
from autorisen.payments.settle_payment import Contradiction, settle_payment


@dataclass(frozen=True)
class _Ignore:
    """News that we know and do not need."""


@dataclass(frozen=True)
class _Found:
    """The gateway's present word, and what the delivery itself claimed."""

    truth: Truth
    claimed: Terms | None


_Finding = _Found | ParkReason | _Ignore


async def apply_delivery(lease: Lease, payload: dict[str, Any]) -> None:
    """The leased job: ask the gateway for the present truth, then apply it in one transaction with the delivery's mark.

    The delivery says only which payment to look at; what is applied is the gateway's present word, so an old or
    reordered delivery can't turn anything back. Raises `GatewayUnavailable` to be tried again.
    """
    delivery_id = UUID(payload["delivery_id"])
    async with lease.runtime.database.read() as tx:
        delivery = await store.delivery(tx, delivery_id)
    finding: _Finding = _Ignore()
    if delivery is not None and delivery.status is DeliveryStatus.RECEIVED:
        finding = await _look(lease.runtime, delivery)
    async with lease.finish() as unit:
        # Read again under the lock: a second job for the same delivery must find it applied.
        locked = await store.delivery(unit.tx, delivery_id, lock=True)
        if locked is not None and locked.status is DeliveryStatus.RECEIVED:
            await _apply(unit, locked, finding)


async def _look(runtime: Runtime, delivery: Delivery) -> _Finding:
    """What the gateway says about the delivery, asked outside any transaction."""
    gateway = gateway_named(runtime, delivery.gateway)
    if delivery.type == ANSWER_TYPE and delivery.payment_id is not None:
        return await _ask_again(runtime, delivery.payment_id)
    try:
        announcement = gateway.read(delivery.body)
    except Unreadable:
        return ParkReason.UNREADABLE
    if not announcement.known:
        return ParkReason.UNKNOWN_TYPE
    if announcement.mode is not gateway.mode:
        return ParkReason.WRONG_MODE
    if announcement.lookup is None:
        return _Ignore()
    truth = await gateway.fetch(announcement.lookup)
    return _Found(truth, announcement.terms) if truth else ParkReason.UNKNOWN_AT_GATEWAY


async def _ask_again(runtime: Runtime, payment_id: UUID) -> _Finding:
    """What the gateway says now about a payment of which it has said what did not fit."""
    async with runtime.database.read() as tx:
        payment = await payments.payment(tx, payment_id)
        stored = await payments.checkout_of_payment(tx, payment_id)
    assert payment is not None, "payments are never deleted"
    provider_id = payment.provider_id or (stored.provider_id if stored else None)
    truth = await gateway_named(runtime, payment.gateway).fetch(Lookup(provider_id, payment_id))
    return _Found(replace(truth, payment_id=payment_id), None) if truth else ParkReason.UNKNOWN_AT_GATEWAY


async def _apply(unit: Unit, delivery: Delivery, finding: _Finding) -> None:
    if isinstance(finding, _Ignore):
        await store.mark(unit.tx, delivery.id, DeliveryStatus.IGNORED, at=unit.now)
        return
    if isinstance(finding, ParkReason):
        await _park(unit, delivery, finding, None)
        return
    payment = await payment_of(unit, delivery, finding.truth)
    if payment is None:
        await _park(unit, delivery, ParkReason.UNKNOWN_PAYMENT, None)
        return
    wrong_claim = disagreement(payment, finding.claimed) if finding.claimed else None
    if wrong_claim is not None:
        await _park(unit, delivery, wrong_claim, payment)
        return
    try:
        await settle_payment(unit, payment, finding.truth, cause=f"delivery {delivery.id}")
    except Contradiction as contradiction:
        await _park(unit, delivery, contradiction.reason, payment)
    else:
        await store.mark(unit.tx, delivery.id, DeliveryStatus.APPLIED, at=unit.now, payment_id=payment.id)


async def payment_of(unit: Unit, delivery: Delivery, truth: Truth) -> Payment | None:
    """The payment that a truth is about, locked: by our id when the gateway kept it, else by the gateway's."""
    payment_id = truth.payment_id
    if payment_id is None and truth.provider_id is not None:
        payment_id = await payments.payment_id_by_provider_id(unit.tx, delivery.gateway, truth.provider_id)
    payment = await payments.payment(unit.tx, payment_id, lock=True) if payment_id else None
    return payment if payment and payment.gateway == delivery.gateway else None


async def _park(unit: Unit, delivery: Delivery, reason: ParkReason, payment: Payment | None) -> None:
    await store.mark(
        unit.tx,
        delivery.id,
        DeliveryStatus.PARKED,
        at=unit.now,
        park_reason=reason,
        payment_id=payment.id if payment else None,
    )
    await record(unit, DeliveryParked(delivery.id, delivery.gateway, reason.value))
