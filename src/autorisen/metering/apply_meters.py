"""Bring the stored meters in line with the catalog file."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from autorisen.kit.database import Tx
from autorisen.kit.problems import FieldError
from autorisen.kit.unit import Unit
from autorisen.metering import store
from autorisen.metering.errors import MeterInUse
from autorisen.metering.meter_changes import MeterChange, meter_changes
from autorisen.metering.model import MeterDefinition
from autorisen.metering.usage import meters


async def plan_meters(
    tx: Tx, definitions: Sequence[MeterDefinition], *, priced: Collection[str] = ()
) -> list[MeterChange]:
    """What `apply_meters` would do, and what it would refuse. Changes nothing."""
    in_use = dict.fromkeys(await store.counted_meters(tx), "usage was counted under it")
    in_use |= dict.fromkeys(priced, "a plan version prices it")
    return meter_changes(await meters(tx), definitions, in_use)


async def apply_meters(
    unit: Unit, definitions: Sequence[MeterDefinition], *, priced: Collection[str] = ()
) -> list[MeterChange]:
    """Make the stored meters these, and give what changed. `priced` are the meters that any plan version ever priced.

    Raises `MeterInUse` when a meter that is priced, or under which usage was counted, would go or count differently:
    that would take back what was billed. A new meter counts the raw events of old, all of them, in this transaction:
    nobody sees half a result, and ingest waits as long. Applying the same definitions again locks nothing.
    """
    wanted = {meter.key: meter for meter in definitions}
    if {meter.key: meter for meter in await meters(unit.tx)} == wanted:
        return []
    await store.stop_ingest(unit.tx)
    released = sorted({meter.event_type for meter in await meters(unit.tx)})
    changes = await plan_meters(unit.tx, definitions, priced=priced)
    _refuse([change for change in changes if change.kind == "refuse"])
    for change in changes:
        if change.kind == "remove":
            await store.delete_meter(unit.tx, change.key)
            continue
        await store.upsert_meter(unit.tx, wanted[change.key], unit.now)
        if change.kind != "relabel":
            await store.rebuild_rollups(unit.tx, change.key)
    await store.recount_unmetered(unit.tx, released)
    return changes


def _refuse(refused: Sequence[MeterChange]) -> None:
    if refused:
        errors = [FieldError(f"/meter/{change.key}", change.lines[-1]) for change in refused]
        raise MeterInUse("; ".join(f"the meter {change.key} {change.lines[-1]}" for change in refused), errors=errors)
