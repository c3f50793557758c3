"""Count a meter from the raw events while others go on, and show it only when it is whole.

A rebuild counts into a series of its own, customer by customer and hour by hour. Whatever changes an hour meanwhile
(ingest, claims, corrections) marks it stale, and stale hours are counted again. The last ones are counted with ingest
stopped, in the transaction that makes the series the one that is read.
"""

from __future__ import annotations

from typing import Any

from autorisen.kit.unit import Runtime, Unit
from autorisen.kit.work import Lease, enqueue
from autorisen.metering import store_counting, store_meters
from autorisen.metering.model import HOUR, Meter, MeterDefinition

REBUILD_KIND = "metering.rebuild_meter"
CLEAR_KIND = "metering.clear_series"

EVENTS_A_STEP = 20_000
_HOURS_A_STEP = 500
_ROWS_A_STEP = 20_000
# Where all events take less, they are counted in one transaction: a second, and the meter is there at once.
AT_ONCE_BYTES = 32_000_000


async def begin_rebuild(unit: Unit, definition: MeterDefinition, *, at_once_bytes: int = AT_ONCE_BYTES) -> None:
    """Count the events of old under this definition, in the background unless there are few.

    For a transaction that keeps ingest out.
    """
    await end_rebuild(unit, definition.key)
    meter = Meter(definition, f"{definition.key}@{unit.ids.new()}")
    size, total = await store_meters.events_size(unit.tx)
    if size > at_once_bytes:
        await store_meters.insert_rebuild(unit.tx, meter, total, unit.now)
        await enqueue(unit, REBUILD_KIND, {"series": meter.series}, key=meter.series)
        return
    await store_counting.add_all(unit.tx, await store_counting.count_of_type(unit.tx, meter), [meter])
    await _show(unit, meter)


async def end_rebuild(unit: Unit, key: str) -> None:
    """Give up the rebuild of a meter that is removed or defined anew."""
    for abandoned in await store_meters.replace_rebuild(unit.tx, key, unit.now):
        await enqueue(unit, CLEAR_KIND, {"series": abandoned})


async def perform_rebuild(lease: Lease, payload: dict[str, Any]) -> None:
    """The job: count, catch up, show. After a crash it goes on where it was."""
    series, runtime = str(payload["series"]), lease.runtime
    while await count_step(runtime, series):
        await lease.heartbeat()
    while await catch_up(runtime, series):
        await lease.heartbeat()
    async with lease.finish() as unit:
        await store_meters.stop_ingest(unit.tx)
        for rebuild in await store_meters.select_building(unit.tx, series):
            meter = Meter(rebuild.meter.definition, series)
            while hours := await store_meters.take_stale(unit.tx, series, _HOURS_A_STEP):
                await store_counting.recount(unit.tx, hours, [meter])
            await store_meters.finish_rebuild(unit.tx, series, unit.now)
            await _show(unit, meter)
            await store_meters.recount_unmetered(unit.tx, [])


async def count_step(runtime: Runtime, series: str, *, events_a_step: int = EVENTS_A_STEP) -> bool:
    """Count the next events, by whole hours, in a transaction. Gives whether there may be more."""
    async with runtime.unit() as unit:
        found = await store_meters.next_hours(unit.tx, series, events_a_step)
        if not found:
            return False
        # The last hour may go on behind what was read: it waits for the next step, unless it is all there is.
        if sum(events for _, _, events in found) == events_a_step and len(found) > 1:
            *found, (customer_id, hour, _) = found
        else:
            customer_id, hour = found[-1][0], found[-1][1] + HOUR
        (rebuild,) = await store_meters.select_building(unit.tx, series)
        meter = Meter(rebuild.meter.definition, series)
        await store_counting.recount(unit.tx, [(owner, at) for owner, at, _ in found], [meter])
        await store_meters.step_rebuild(unit.tx, series, sum(events for _, _, events in found), customer_id, hour)
        return True


async def catch_up(runtime: Runtime, series: str) -> bool:
    """Count hours that changed meanwhile again. Gives whether there were as many as fit."""
    async with runtime.unit() as unit:
        hours = await store_meters.take_stale(unit.tx, series, _HOURS_A_STEP)
        for rebuild in await store_meters.select_building(unit.tx, series) if hours else []:
            await store_counting.recount(unit.tx, hours, [Meter(rebuild.meter.definition, series)])
        return len(hours) == _HOURS_A_STEP


async def _show(unit: Unit, meter: Meter) -> None:
    """Make this series the one that is read, and have the one before cleared away."""
    before = await store_meters.series_of(unit.tx, meter.definition.key)
    await store_meters.upsert_meter(unit.tx, meter, unit.now)
    if before is not None:
        await enqueue(unit, CLEAR_KIND, {"series": before})


async def perform_clear(lease: Lease, payload: dict[str, Any]) -> None:
    """The job: delete the rollups of a series that nobody reads, in stretches."""
    series = str(payload["series"])
    while True:
        async with lease.runtime.unit() as unit:
            if not await store_meters.clear_series(unit.tx, series, _ROWS_A_STEP):
                break
        await lease.heartbeat()
    async with lease.finish():
        pass
