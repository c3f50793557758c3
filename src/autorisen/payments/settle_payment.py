"""Take over what a gateway says about a payment: the only place where a payment changes its state."""

from __future__ import annotations

from dataclasses import replace

from autorisen import ledger
from autorisen.kit.money import Money
from autorisen.kit.unit import Unit
from autorisen.kit.work import record
from autorisen.payments import store, store_refunds
from autorisen.payments.facts import (
    PaymentDisputed,
    PaymentDisputeWon,
    PaymentFailed,
    PaymentRefunded,
    PaymentSucceeded,
)
from autorisen.payments.methods.save_method import save_method
from autorisen.payments.model import SETTLED, ParkReason, Payment, PaymentStatus, Truth, mismatch, steps

_UNKNOWN_FAILURE = "declined"
_WON = (PaymentStatus.DISPUTED, PaymentStatus.SUCCEEDED)


class Contradiction(Exception):
    """A gateway's word about a payment does not fit what we asked for; nothing was changed."""

    def __init__(self, reason: ParkReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


async def settle_payment(unit: Unit, payment: Payment, truth: Truth, *, cause: str) -> Payment:
    """Walk `payment` forward to what the gateway says, recording each step's fact; old news changes nothing.

    The caller has locked the row (`store.payment(..., lock=True)`). `cause` is kept in the history: the delivery or
    job behind it. Raises `Contradiction` when amount, currency, reference, mode or the gateway's id disagree.
    """
    reason = mismatch(payment, truth)
    if reason is not None:
        raise Contradiction(reason)
    current = await _take_provider_id(unit, payment, truth.provider_id)
    walked = steps(payment.status, truth.status, won=truth.disputes_won - payment.disputes_won)
    # Where money that went back was until then.
    held = payment.status
    for to_status in walked:
        was = current.status
        held = was if to_status is PaymentStatus.REFUNDED else to_status
        failed = to_status is PaymentStatus.FAILED
        after = replace(
            current,
            status=to_status,
            updated_at=unit.now,
            action_url=truth.action_url if to_status is PaymentStatus.REQUIRES_ACTION else None,
            failure_code=(truth.failure_code or _UNKNOWN_FAILURE) if failed else None,
            failure_reason=truth.failure_reason if failed else None,
            succeeded_at=current.succeeded_at or (unit.now if to_status is PaymentStatus.SUCCEEDED else None),
            disputes_won=current.disputes_won + ((was, to_status) == _WON),
        )
        await store.move_payment(unit.tx, after, from_status=was, cause=cause)
        await _record_step(unit, was, after, truth)
        current = after
    current = await _take_fee(unit, current, truth)
    return await _take_refunds(unit, payment, current, truth, was_disputed=held is PaymentStatus.DISPUTED)


async def _take_refunds(unit: Unit, before: Payment, payment: Payment, truth: Truth, *, was_disputed: bool) -> Payment:
    """Note what went back since we last heard; what has gone back never comes back."""
    whole = payment.status is PaymentStatus.REFUNDED
    refunded = payment.amount.minor if whole else truth.refunded_minor
    news = refunded - payment.refunded_minor
    if news <= 0 or payment.status not in SETTLED or before.status is PaymentStatus.REFUNDED:
        return payment
    await store_refunds.set_refunded(unit.tx, payment.id, refunded)
    about = (payment.id, payment.customer_id, payment.reference, news, payment.amount.currency, payment.gateway)
    await record(unit, PaymentRefunded(*about, refunded_minor=refunded, was_disputed=was_disputed))
    return replace(payment, refunded_minor=refunded)


async def _take_fee(unit: Unit, payment: Payment, truth: Truth) -> Payment:
    """Book what the gateway has kept since we last heard. It keeps its fee when the money goes back."""
    if payment.status not in SETTLED or truth.fee_minor <= payment.fee_minor:
        return payment
    news = Money(truth.fee_minor - payment.fee_minor, payment.amount.currency)
    fee = ledger.postings.gateway_fee(payment_id=payment.id, gateway=payment.gateway, fee=news, before=payment.fee)
    await ledger.post_fact(unit, fee, occurred_at=unit.now)
    await store.set_fee(unit.tx, payment.id, truth.fee_minor)
    return replace(payment, fee_minor=truth.fee_minor)


async def _take_provider_id(unit: Unit, payment: Payment, provider_id: str | None) -> Payment:
    """Remember the gateway's name for a payment. Two names for one payment, or one for two, may be a double charge."""
    if provider_id is None or provider_id == payment.provider_id:
        return payment
    holder = await store.payment_id_by_provider_id(unit.tx, payment.gateway, provider_id)
    if payment.provider_id is not None or holder is not None:
        raise Contradiction(ParkReason.OTHER_PROVIDER_ID)
    await store.set_provider_id(unit.tx, payment.id, provider_id)
    return replace(payment, provider_id=provider_id)


async def _record_step(unit: Unit, was: PaymentStatus, payment: Payment, truth: Truth) -> None:
    """The facts of having arrived at the payment's present state."""
    about = (payment.id, payment.customer_id, payment.reference, payment.amount.minor, payment.amount.currency)
    left = (*about[:3], payment.amount.minor - payment.refunded_minor, payment.amount.currency, payment.gateway)
    match payment.status:
        case PaymentStatus.SUCCEEDED if was is PaymentStatus.DISPUTED:
            await record(unit, PaymentDisputeWon(*left, ordinal=payment.disputes_won))
        case PaymentStatus.SUCCEEDED:
            if truth.card is not None:
                await save_method(unit, customer_id=payment.customer_id, gateway=payment.gateway, card=truth.card)
            await record(unit, PaymentSucceeded(*about, payment.gateway, succeeded_at=unit.now))
        case PaymentStatus.FAILED:
            code = payment.failure_code or _UNKNOWN_FAILURE
            reason = payment.failure_reason or "The payment did not go through."
            await record(
                unit, PaymentFailed(*about, payment.gateway, code=code, reason=reason, kind=payment.kind.value)
            )
        case PaymentStatus.DISPUTED:
            await record(unit, PaymentDisputed(*left, ordinal=payment.disputes_won + 1))
