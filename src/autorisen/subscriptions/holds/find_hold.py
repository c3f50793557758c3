"""Find a hold, for reading or for a change."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from autorisen.kit.database import Tx
from autorisen.kit.ids import public_id
from autorisen.kit.unit import Unit
from autorisen.subscriptions.holds import store
from autorisen.subscriptions.holds.errors import HoldNotFound
from autorisen.subscriptions.holds.model import Hold


async def find_hold(tx: Tx, hold_id: UUID, *, wall_now: datetime) -> Hold:
    """One hold as it stands at that time. Raises `HoldNotFound`."""
    return (await stored_hold(tx, hold_id)).at(wall_now)


async def lock_hold(unit: Unit, hold_id: UUID) -> Hold:
    """One hold as it stands now, with its quota locked. Raises `HoldNotFound`."""
    found = await stored_hold(unit.tx, hold_id)
    await store.lock_quota(unit.tx, found.customer_id, found.meter)
    # Read again: only now nobody else changes it.
    return await find_hold(unit.tx, hold_id, wall_now=unit.wall_now)


async def stored_hold(tx: Tx, hold_id: UUID) -> Hold:
    """One hold as it was last written, be its time up or not. Raises `HoldNotFound`."""
    found = await store.hold(tx, hold_id)
    if found is None:
        raise HoldNotFound(f"there is no {public_id('hld', hold_id)}")
    return found
