"""What usage was by what was known at an instant: events that arrived later, and corrections, left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from autorisen.kit.database import Tx
from autorisen.metering.evidence import store as evidence
from autorisen.metering.evidence.model import AsOf
from autorisen.metering.model import NOTHING, Aggregation, Meter, Quantity, Window
from autorisen.metering.reconciliation import store
from autorisen.metering.reconciliation.model import EVENTS_LIMIT, spot_event
from autorisen.metering.usage import store as store_usage
from autorisen.metering.usage.combine import Combination, Question


@dataclass(frozen=True)
class UsageAsOf:
    """The use of one meter from `start` up to `end`, counted from the events that were stored `at`."""

    customer_id: UUID
    meter: str
    start: datetime
    end: datetime
    at: datetime


async def usages_as_of(tx: Tx, asked: Sequence[UsageAsOf]) -> list[Quantity | None]:
    """Each use that is asked for, in the same order; meters of the same events are counted in one go.

    None where it can't be told: for a level, which goes on from before the stretch, and without such a meter. What
    the events measured is held in memory until all are read: the caller asks for as many at once as have room.
    """
    meters = {each.definition.key: each for each in await store_usage.select_meters(tx)}
    counted: dict[AsOf, set[str]] = {}
    for each in asked:
        if (stretch := _stretch(meters, each)) is not None:
            counted.setdefault(stretch, set()).add(each.meter)
    combinations = [
        Combination(Question(tuple(meters[key] for key in sorted(keys)), (Window(at.start, at.end, at.end, at.end),)))
        for at, keys in counted.items()
    ]
    async for place, event in evidence.events_as_of(tx, list(counted)):
        combinations[place].add_event(event)
    results = {stretch: each.result() for stretch, each in zip(counted, combinations, strict=True)}
    stretches = [_stretch(meters, each) for each in asked]
    return [
        None if stretch is None else results[stretch].get((0, each.meter, ()), NOTHING)
        for each, stretch in zip(asked, stretches, strict=True)
    ]


def _stretch(meters: Mapping[str, Meter], asked: UsageAsOf) -> AsOf | None:
    meter = meters.get(asked.meter)
    if meter is None or meter.definition.aggregation is Aggregation.TIME_WEIGHTED:
        return None
    return AsOf(asked.customer_id, meter.definition.event_type, asked.start, asked.end, asked.at)


async def events_of_meter(tx: Tx, *, customer_id: UUID, meter: str, start: datetime, end: datetime) -> list[str]:
    """The first events that a meter counts for a customer in a stretch of time, as reports name them."""
    for each in await store_usage.select_meters(tx):
        if each.definition.key == meter:
            kind = each.definition.event_type
            found = await store.events_of_hour(tx, customer_id, kind, start, end, EVENTS_LIMIT)
            return [spot_event(*event) for event in found]
    return []
