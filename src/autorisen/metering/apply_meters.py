"""Bring the stored meters in line with the catalog file."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from autorisen.kit.database import Tx
from autorisen.kit.problems import FieldError
from autorisen.kit.unit import Unit
from autorisen.metering import store_meters
from autorisen.metering.errors import MeterInUse
from autorisen.metering.meter_changes import MeterChange, meter_changes
from autorisen.metering.model import MeterDefinition
from autorisen.metering.rebuild_meter import AT_ONCE_BYTES, begin_rebuild, end_rebuild
from autorisen.metering.usage import meters, rebuilds


async def plan_meters(
    tx: Tx, definitions: Sequence[MeterDefinition], *, priced: Collection[str] = ()
) -> list[MeterChange]:
    """What `apply_meters` would do, and what it would refuse. Changes nothing."""
    return meter_changes(await _known(tx), definitions, priced=priced, counted=await store_meters.counted_meters(tx))


async def apply_meters(
    unit: Unit,
    definitions: Sequence[MeterDefinition],
    *,
    priced: Collection[str] = (),
    at_once_bytes: int = AT_ONCE_BYTES,
) -> list[MeterChange]:
    """Make the stored meters these, and give what changed. `priced` are the meters that any plan version ever priced.

    Raises `MeterInUse` when a meter that is priced would go or count differently, or one under which usage was counted
    would go: that would take back what was billed. A meter that is new or counts differently counts the raw events of
    old, all of them: at once where they take less than `at_once_bytes`, else in the background, and until that is done
    nobody sees it and what was read before is read on. Applying the same definitions again locks nothing.
    """
    wanted = {meter.key: meter for meter in definitions}
    if {meter.key: meter for meter in await _known(unit.tx)} == wanted:
        return []
    await store_meters.stop_ingest(unit.tx)
    released = sorted({meter.event_type for meter in await meters(unit.tx)})
    changes = await plan_meters(unit.tx, definitions, priced=priced)
    _refuse([change for change in changes if change.kind == "refuse"])
    live = {meter.key for meter in await meters(unit.tx)}
    for change in changes:
        if change.kind == "remove":
            await end_rebuild(unit, change.key)
            await store_meters.delete_meter(unit.tx, change.key)
        elif change.kind == "relabel":
            await store_meters.relabel_rebuild(unit.tx, wanted[change.key])
            if change.key in live:
                await store_meters.relabel_meter(unit.tx, wanted[change.key], unit.now)
        else:
            await begin_rebuild(unit, wanted[change.key], at_once_bytes=at_once_bytes)
    await store_meters.recount_unmetered(unit.tx, released)
    return changes


async def _known(tx: Tx) -> list[MeterDefinition]:
    """The meters as they are, or as they will be once a rebuild is done."""
    building = {rebuild.meter.definition.key: rebuild.meter.definition for rebuild in await rebuilds(tx)}
    return list(({meter.key: meter for meter in await meters(tx)} | building).values())


def _refuse(refused: Sequence[MeterChange]) -> None:
    if refused:
        errors = [FieldError(f"/meter/{change.key}", change.lines[-1]) for change in refused]
        raise MeterInUse("; ".join(f"the meter {change.key} {change.lines[-1]}" for change in refused), errors=errors)
