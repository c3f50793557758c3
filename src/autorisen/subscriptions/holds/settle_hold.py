"""Settle a hold at what was used in the end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from autorisen import metering
from autorisen.kit.problems import FieldError, InvalidInput
from autorisen.kit.unit import Unit
from autorisen.metering import Receipt
from autorisen.subscriptions.holds import store
from autorisen.subscriptions.holds.check_quota import quota
from autorisen.subscriptions.holds.errors import UsageNotRecorded
from autorisen.subscriptions.holds.find_hold import lock_hold
from autorisen.subscriptions.holds.model import Hold, room_for_settling
from autorisen.subscriptions.holds.record_use import record_use


async def settle_hold(unit: Unit, hold_id: UUID, *, quantity: Decimal, data: Mapping[str, object]) -> Hold:
    """End a hold and count its use as a usage event, in one transaction; what was not used is free again.

    `data` becomes the event's, with the quantity where the meter looks for it. Settled again with the same quantity
    and data, it gives the same answer. More than was held is taken from the room that is left. Raises `QuotaExceeded`
    where there is none, `HoldEnded`, `HoldNotFound`, `InvalidInput` and `UsageNotRecorded`; each changes nothing.
    """
    current = await lock_hold(unit, hold_id)
    kept = json.dumps(data, sort_keys=True, separators=(",", ":"), default=str)
    again = current.settled_again(quantity, kept)
    if again is not None:
        return again
    settled = current.settling(quantity, kept, unit.wall_now)
    if current.beyond(quantity):
        room = await quota(
            unit.tx, customer_id=current.customer_id, meter=current.meter, now=unit.now, wall_now=unit.wall_now
        )
        room_for_settling(current, quantity, room)
    receipt = await record_use(unit, settled, data)
    _require_counted(receipt)
    await store.update_hold(unit.tx, settled)
    return settled


def _require_counted(receipt: Receipt) -> None:
    for result in receipt.results:
        if result.status is metering.Status.REJECTED:
            raise InvalidInput(errors=[FieldError(result.field or "", result.reason or "")])
        raise UsageNotRecorded(f"an operator sent {result.id} before; nothing was changed")
