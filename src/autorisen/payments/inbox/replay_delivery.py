"""Try a parked delivery once more, after a person has removed what was in its way."""

from __future__ import annotations

from uuid import UUID

from autorisen.kit.unit import Unit
from autorisen.kit.work import enqueue
from autorisen.payments.errors import NotReplayable, UnknownDelivery
from autorisen.payments.inbox import store
from autorisen.payments.inbox.receive_webhook import APPLY_KIND
from autorisen.payments.model import DeliveryStatus


async def replay_delivery(unit: Unit, delivery_id: UUID) -> None:
    """Put a parked delivery back to received and enqueue it. Raises `UnknownDelivery`, `NotReplayable`."""
    delivery = await store.delivery(unit.tx, delivery_id, lock=True)
    if delivery is None:
        raise UnknownDelivery
    if delivery.status is not DeliveryStatus.PARKED:
        raise NotReplayable(detail=f"it is {delivery.status.value}; only a parked one can be replayed")
    await store.reopen(unit.tx, delivery_id)
    await enqueue(unit, APPLY_KIND, {"delivery_id": delivery_id}, key=f"{APPLY_KIND}:{delivery_id}")
