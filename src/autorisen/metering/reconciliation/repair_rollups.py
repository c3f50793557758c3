"""Count the rollups of hours again that are not what their events say: with ingest stopped, and recorded."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from autorisen import accounts
from autorisen.kit.ids import public_id
from autorisen.kit.unit import Unit
from autorisen.metering import store_counting, store_meters
from autorisen.metering.reconciliation import store


async def repair_rollups(
    unit: Unit, *, reconciliation_id: UUID, hours: Collection[tuple[UUID, datetime]], actor: str
) -> int:
    """Count these customers' hours again from their events, and keep what changed. Gives how many quantities did."""
    await store_meters.stop_ingest(unit.tx)
    meters = [meter for meter in await store_counting.enter_counting(unit.tx) if not meter.is_building]
    before, after = await store_counting.recount(unit.tx, hours, meters)
    names = {meter.series: meter.definition.key for meter in meters}
    changed = {
        (names[spot[0]], *spot[1:]): (before.get(spot), after.get(spot))
        for spot in before.keys() | after.keys()
        if before.get(spot) != after.get(spot)
    }
    await store.insert_repairs(unit.tx, reconciliation_id, changed, actor, unit.now)
    await accounts.record_audit(
        unit,
        actor=actor,
        action="rollups.repaired",
        target=public_id("rec", reconciliation_id),
        detail={"hours": len(hours), "rollups": len(changed)},
    )
    return len(changed)
