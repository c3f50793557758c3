"""Use a part of a hold while the work runs."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from autorisen.kit.unit import Unit
from autorisen.subscriptions.holds import store
from autorisen.subscriptions.holds.errors import DrawConflict
from autorisen.subscriptions.holds.find_hold import lock_hold
from autorisen.subscriptions.holds.model import Draw, text


async def draw_hold(unit: Unit, hold_id: UUID, *, quantity: Decimal, sequence: int) -> Draw:
    """Note that so much of a hold is used: it counts even if its holder dies.

    The same sequence number and quantity give the same draw again, also after the hold ended. Raises `DrawConflict`
    for another quantity, `HoldExhausted`, `HoldEnded`, `HoldNotFound` and `InvalidInput`.
    """
    current = await lock_hold(unit, hold_id)
    known = await store.draw(unit.tx, hold_id, sequence)
    if known is not None:
        if known.quantity != quantity:
            raise DrawConflict(f"{sequence} drew {text(known.quantity)}; give another draw another number")
        return known
    after = current.drawing(quantity)
    drawn = Draw(hold_id, sequence, quantity, after.drawn)
    await store.insert_draw(unit.tx, drawn, unit.wall_now)
    await store.update_hold(unit.tx, after)
    return drawn
