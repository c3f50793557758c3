"""Take in one delivery of a gateway: verify, store, commit, answer. What it means is applied later, by a job."""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from prometheus_client import Counter

from autorisen.kit.unit import Runtime, Unit
from autorisen.kit.work import enqueue
from autorisen.payments.errors import ForgedDelivery
from autorisen.payments.gateway import Forged, Gateway, RawDelivery
from autorisen.payments.inbox import store

APPLY_KIND = "payments.apply_delivery"

DELIVERIES = Counter(
    "autorisen_deliveries_total", "Webhook deliveries by what became of them at the door", ["gateway", "outcome"]
)

log = structlog.get_logger(__name__)


async def receive_webhook(
    runtime: Runtime, gateway: Gateway, headers: Mapping[str, str], body: bytes, *, peer: str | None = None
) -> bool:
    """True when the delivery is new and stored, False when its event was already there; both are a success.

    The signature is checked on the raw bytes, by real time. Raises `ForgedDelivery` (400), which leaves a count and a
    log line and no row: what nobody signed is not kept. Raises `Unavailable` (503) when it can't be stored, so that the
    gateway sends it again.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    try:
        signed = gateway.verify(RawDelivery(lowered, body, peer), at=runtime.wall.now())
    except Forged as forged:
        DELIVERIES.labels(gateway.name, "refused").inc()
        log.warning("delivery.refused", gateway=gateway.name, reason=str(forged), bytes=len(body), peer=peer)
        raise ForgedDelivery from None
    async with runtime.unit() as unit:
        is_new = await take_in(
            unit, gateway=gateway.name, event_id=signed.event_id, type=signed.type, body=body, pulled=False
        )
    DELIVERIES.labels(gateway.name, "stored" if is_new else "duplicate").inc()
    return is_new


async def take_in(unit: Unit, *, gateway: str, event_id: str, type: str, body: bytes, pulled: bool) -> bool:
    """Store an event and the job that applies it, in the caller's transaction; False when it is already there."""
    delivery_id = unit.ids.new()
    is_new = await store.insert_delivery(
        unit.tx,
        delivery_id=delivery_id,
        gateway=gateway,
        event_id=event_id,
        type=type,
        pulled=pulled,
        body=body,
        at=unit.now,
    )
    if is_new:
        await enqueue(unit, APPLY_KIND, {"delivery_id": delivery_id}, key=f"{APPLY_KIND}:{delivery_id}")
    elif not pulled:
        await store.count_duplicate(unit.tx, gateway=gateway, event_id=event_id)
    return is_new
