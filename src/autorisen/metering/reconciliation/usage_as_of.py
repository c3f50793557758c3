"""What usage was by what was known at an instant: events that arrived later, and corrections, left out."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from autorisen.kit.database import Tx
from autorisen.metering.evidence import store as evidence
from autorisen.metering.model import NOTHING, Aggregation, Quantity, Window
from autorisen.metering.reconciliation import store
from autorisen.metering.reconciliation.model import EVENTS_LIMIT, spot_event
from autorisen.metering.usage import store as store_usage
from autorisen.metering.usage.combine import Combination, Question


async def usage_as_of(
    tx: Tx, *, customer_id: UUID, meter: str, start: datetime, end: datetime, at: datetime
) -> Quantity | None:
    """The use of one meter from `start` up to `end`, counted from the events that were stored at `at`.

    None where it can't be told: for a level, which goes on from before the stretch, and without such a meter.
    """
    found = [each for each in await store_usage.select_meters(tx) if each.definition.key == meter]
    if not found or found[0].definition.aggregation is Aggregation.TIME_WEIGHTED:
        return None
    combination = Combination(Question(tuple(found), (Window(start, end, end, end),)))
    types = [found[0].definition.event_type]
    async for event in evidence.events_as_of(tx, customer_id, types, start, end, at):
        combination.add_event(event)
    return combination.result().get((0, meter, ()), NOTHING)


async def events_of_meter(tx: Tx, *, customer_id: UUID, meter: str, start: datetime, end: datetime) -> list[str]:
    """The first events that a meter counts for a customer in a stretch of time, as reports name them."""
    for each in await store_usage.select_meters(tx):
        if each.definition.key == meter:
            kind = each.definition.event_type
            found = await store.events_of_hour(tx, customer_id, kind, start, end, EVENTS_LIMIT)
            return [spot_event(*event) for event in found]
    return []
