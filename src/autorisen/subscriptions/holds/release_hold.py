"""Give a hold back."""

from __future__ import annotations

from uuid import UUID

from autorisen.kit.unit import Unit
from autorisen.subscriptions.holds import store
from autorisen.subscriptions.holds.expire_holds import expire
from autorisen.subscriptions.holds.find_hold import lock_hold, stored_hold
from autorisen.subscriptions.holds.model import Hold, HoldStatus
from autorisen.subscriptions.holds.record_use import record_use


async def release_hold(unit: Unit, hold_id: UUID) -> Hold:
    """End a hold whose work stops: what was drawn counts, the rest is free again.

    Released again, or after it expired, it gives the same answer. Raises `HoldEnded` for one that was settled, and
    `HoldNotFound`.
    """
    current = await lock_hold(unit, hold_id)
    if current.status is HoldStatus.RELEASED:
        return current
    if current.status is HoldStatus.EXPIRED:
        if (await stored_hold(unit.tx, hold_id)).status is HoldStatus.HELD:
            await expire(unit, current)
        return current
    released = current.releasing(unit.wall_now)
    if released.used:
        await record_use(unit, released, {})
    await store.update_hold(unit.tx, released)
    return released
