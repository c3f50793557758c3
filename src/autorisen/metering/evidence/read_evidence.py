"""Read the events behind a quantity."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from autorisen.kit.database import Tx
from autorisen.metering.counting import measure_for
from autorisen.metering.evidence import store
from autorisen.metering.evidence.model import AsOf, Cause, CountedUse
from autorisen.metering.model import Aggregation, Group, Measured, MeterDefinition
from autorisen.metering.usage import store as store_usage

# Before all events: a level goes on for as long as nothing changes it.
_BEGINNING = datetime.min.replace(tzinfo=UTC)


async def counted_uses(
    tx: Tx,
    *,
    customer_id: UUID,
    meter: str,
    start: datetime,
    end: datetime,
    at: datetime,
    looked_at: int | None = None,
) -> AsyncIterator[CountedUse]:
    """What each event added to a meter in a stretch of time, by what was known `at`; in the order of the events.

    Only of the first `looked_at` events of the meter's type, where that is given. Read it to its end: until then the
    transaction answers nothing else. Nothing for a meter that is no longer there.
    """
    definition = await _definition(tx, meter)
    if definition is None:
        return
    measure = measure_for(definition)
    asked = [AsOf(customer_id, definition.event_type, start, end, at)]
    async for _, event in store.events_as_of(tx, asked, limit=looked_at):
        measured = measure(event.data)
        if isinstance(measured, Measured):
            source, _, id = event.key.partition("\x1f")
            value = measured.value.removeprefix('"') if isinstance(measured.value, str) else Decimal(measured.value)
            group = (
                tuple(msgspec.json.decode(measured.dimensions, type=dict[str, str]).items())
                if measured.dimensions
                else ()
            )
            yield CountedUse(source, id, event.occurred_at, value, group)


async def levels_before(tx: Tx, *, customer_id: UUID, meter: str, start: datetime, at: datetime) -> list[CountedUse]:
    """The change that each level of a time-weighted meter stood at when a stretch began, by what was known `at`.

    One for each combination of dimensions that had one. None for a meter that counts otherwise: nothing is carried.
    """
    definition = await _definition(tx, meter)
    if definition is None or definition.aggregation is not Aggregation.TIME_WEIGHTED:
        return []
    newest: dict[Group, CountedUse] = {}
    async for use in counted_uses(tx, customer_id=customer_id, meter=meter, start=_BEGINNING, end=start, at=at):
        newest[use.group] = use
    return list(newest.values())


async def causes_of_change(
    tx: Tx,
    *,
    customer_id: UUID,
    meter: str,
    start: datetime,
    end: datetime,
    since: datetime,
    until: datetime,
    limit: int,
) -> list[Cause]:
    """Why a meter's quantity in a stretch of time was another one at `until` than at `since`; the first causes."""
    definition = await _definition(tx, meter)
    if definition is None:
        return []
    return await store.causes(
        tx,
        customer_id=customer_id,
        type=definition.event_type,
        start=start,
        end=end,
        since=since,
        until=until,
        limit=limit,
    )


async def _definition(tx: Tx, meter: str) -> MeterDefinition | None:
    found = await store_usage.select_meters(tx)
    return next((each.definition for each in found if each.definition.key == meter), None)
