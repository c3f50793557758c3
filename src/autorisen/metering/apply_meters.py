"""Bring the stored meters in line with the catalog file."""

from __future__ import annotations

from collections.abc import Sequence

from autorisen.kit.unit import Unit
from autorisen.metering import store
from autorisen.metering.model import MeterDefinition
from autorisen.metering.usage import meters


def _counts_alike(one: MeterDefinition, other: MeterDefinition) -> bool:
    return (one.event_type, one.aggregation, one.value_path) == (other.event_type, other.aggregation, other.value_path)


async def apply_meters(unit: Unit, definitions: Sequence[MeterDefinition]) -> list[str]:
    """Make the stored meters these, and give the keys of those that were added, changed or removed.

    A meter that counts differently now is counted again from the raw events, all of them, in this transaction: nobody
    sees half a result, and ingest waits as long. Applying the same definitions again locks nothing.
    """
    wanted = {meter.key: meter for meter in definitions}
    if {meter.key: meter for meter in await meters(unit.tx)} == wanted:
        return []
    await store.stop_ingest(unit.tx)
    stored = {meter.key: meter for meter in await meters(unit.tx)}
    changed = sorted(key for key in stored.keys() | wanted.keys() if stored.get(key) != wanted.get(key))
    for key in changed:
        before, after = stored.get(key), wanted.get(key)
        if after is None:
            await store.delete_rollups(unit.tx, key)
            await store.delete_meter(unit.tx, key)
            continue
        await store.upsert_meter(unit.tx, after, unit.now)
        if before is None or not _counts_alike(before, after):
            await store.delete_rollups(unit.tx, key)
            await store.rebuild_rollups(unit.tx, key)
    await store.recount_unmetered(unit.tx, sorted({meter.event_type for meter in stored.values()}))
    return changed
