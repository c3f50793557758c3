"""Apply what a gateway answered when we asked; an answer that does not fit waits beside the parked deliveries."""

from __future__ import annotations

import json

from autorisen.kit.unit import Unit
from autorisen.kit.work import record
from autorisen.payments.facts import DeliveryParked
from autorisen.payments.inbox import store
from autorisen.payments.model import DeliveryStatus, ParkReason, Payment, Truth
from autorisen.payments.settle_payment import Contradiction, settle_payment

# The type of such an answer in the inbox. No gateway sends it: a replay asks about the payment again.
ANSWER_TYPE = "autorisen.contradiction"


async def settle_or_park(unit: Unit, payment: Payment, truth: Truth, *, cause: str) -> Payment | None:
    """`settle_payment`, or None when the answer contradicts what we asked for: then nothing has changed.

    Such an answer is parked, and with it the operator alerted, once for a payment and a reason: whoever asks next goes
    on without another alert.
    """
    try:
        return await settle_payment(unit, payment, truth, cause=cause)
    except Contradiction as contradiction:
        await _park_once(unit, payment, truth, contradiction.reason)
        return None


async def _park_once(unit: Unit, payment: Payment, truth: Truth, reason: ParkReason) -> None:
    answer = {
        "type": ANSWER_TYPE,
        "provider_id": truth.provider_id,
        "status": truth.status,
        "mode": truth.mode,
        "reference": truth.terms.reference,
        "amount_minor": truth.terms.amount_minor,
        "currency": truth.terms.currency,
    }
    delivery_id = unit.ids.new()
    is_new = await store.insert_delivery(
        unit.tx,
        delivery_id=delivery_id,
        gateway=payment.gateway,
        event_id=f"{ANSWER_TYPE}:{payment.id}:{reason}",
        type=ANSWER_TYPE,
        pulled=True,
        body=json.dumps(answer).encode(),
        at=unit.now,
    )
    if is_new:
        await store.mark(
            unit.tx, delivery_id, DeliveryStatus.PARKED, at=unit.now, park_reason=reason, payment_id=payment.id
        )
        await record(unit, DeliveryParked(delivery_id, payment.gateway, reason.value))
