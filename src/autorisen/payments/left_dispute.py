"""Whether money that went back was in dispute, or still with the gateway."""

from __future__ import annotations

from autorisen.kit.database import Tx
from autorisen.payments import store
from autorisen.payments.facts import PaymentRefunded
from autorisen.payments.model import PaymentStatus


async def left_dispute(tx: Tx, fact: PaymentRefunded) -> bool:
    """As the fact says, however late it is heard; of one that does not say, as the payment's history does."""
    if fact.was_disputed is not None:
        return fact.was_disputed
    steps = await store.history(tx, fact.payment_id)
    return any(step.to_status is PaymentStatus.DISPUTED for step in steps)
