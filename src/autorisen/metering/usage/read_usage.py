"""Read usage: exact quantities of any stretch of time, also where it does not begin or end on the hour."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from autorisen.kit.database import Tx
from autorisen.kit.problems import FieldError, InvalidInput
from autorisen.metering import store_meters
from autorisen.metering.model import (
    HOUR,
    NOTHING,
    Bucket,
    EventCounts,
    EventCursor,
    Group,
    IngestHealth,
    MeterDefinition,
    Quantity,
    Rebuild,
    StoredEvent,
    Unclaimed,
    Window,
    window,
)
from autorisen.metering.usage import store, store_stretches, store_usage
from autorisen.metering.usage.combine import Combination, Question
from autorisen.metering.usage.stretch import Stretch

BUCKET_LIMIT = 2_000
_SHOWN = 20

BucketSize = Literal["minute", "hour", "day", "month"]
# The shortest each can be: what bounds their number before they are cut.
_STEPS: Mapping[BucketSize, timedelta] = {
    "minute": timedelta(minutes=1),
    "hour": HOUR,
    "day": timedelta(hours=23),
    "month": timedelta(days=27),
}


async def meters(tx: Tx) -> list[MeterDefinition]:
    """All meters that are counted, by key."""
    return [meter.definition for meter in await store.select_meters(tx)]


async def rebuilds(tx: Tx) -> list[Rebuild]:
    """The meters that are being counted in the background, by key; see `Rebuild`."""
    return await store_meters.select_building(tx)


async def quantities(tx: Tx, *, customer_id: UUID, start: datetime, end: datetime) -> dict[str, Quantity]:
    """The use of every meter from `start` up to, not including, `end`; a meter without events is left out."""
    rows = await grouped_quantities(tx, customer_id=customer_id, start=start, end=end)
    return {meter: quantity for (meter, _), quantity in rows.items()}


async def quantity(tx: Tx, *, customer_id: UUID, meter: str, start: datetime, end: datetime) -> Quantity:
    """The use of one meter from `start` up to, not including, `end`."""
    rows = await grouped_quantities(tx, customer_id=customer_id, start=start, end=end, keys=[meter])
    return rows.get((meter, ()), NOTHING)


async def grouped_quantities(
    tx: Tx,
    *,
    customer_id: UUID,
    start: datetime,
    end: datetime,
    keys: Collection[str] | None = None,
    group_by: Sequence[str] = (),
    only: Group = (),
) -> dict[tuple[str, Group], Quantity]:
    """The use of these meters (None: all) from `start` up to, not including, `end`, by meter and group.

    `group_by` are names of dimensions; a meter that has no such dimension has it empty. `only` limits to events with
    these values.
    """
    if end <= start:
        return {}
    parts = await _ask(tx, customer_id, [window(start, end)], keys, group_by, only)
    return dict(sorted(parts.total().items()))


async def quantities_of(
    tx: Tx, stretches: Sequence[Stretch], *, keys: Collection[str] | None = None
) -> list[dict[str, Quantity]]:
    """The use of many customers, each in a stretch of its own, in the order asked: one statement for all."""
    rows = await grouped_quantities_of(tx, stretches, keys=keys)
    return [{meter: quantity for (meter, _), quantity in each.items()} for each in rows]


async def grouped_quantities_of(
    tx: Tx, stretches: Sequence[Stretch], *, keys: Collection[str] | None = None, group_by: Sequence[str] = ()
) -> list[dict[tuple[str, Group], Quantity]]:
    """`grouped_quantities` of many customers, each in a stretch of its own, in the order asked."""
    if not stretches:
        return []
    asked = [meter for meter in await store.select_meters(tx) if keys is None or meter.definition.key in keys]
    found = await store_stretches.select_stretches(tx, stretches, asked, group_by)
    return [
        dict(sorted(parts.total().items())) if stretch.start < stretch.end else {}
        for stretch, parts in zip(stretches, found, strict=True)
    ]


async def series(
    tx: Tx,
    *,
    customer_id: UUID,
    meter: str,
    start: datetime,
    end: datetime,
    bucket: BucketSize = "hour",
    time_zone: str = "UTC",
) -> list[Bucket]:
    """The use of one meter cut at the minutes, hours, days or months of a time zone; empty buckets are there with zero.

    The first and the last bucket end with the stretch asked for. Raises `InvalidInput` beyond 2,000 buckets.
    """
    rows = await grouped_series(
        tx, customer_id=customer_id, start=start, end=end, keys=[meter], bucket=bucket, time_zone=time_zone
    )
    edges = bucket_edges(start, end, bucket, ZoneInfo(time_zone))
    return rows.get((meter, ()), [Bucket(first, Decimal(0), 0) for first in edges[:-1]])


async def grouped_series(
    tx: Tx,
    *,
    customer_id: UUID,
    start: datetime,
    end: datetime,
    keys: Collection[str] | None = None,
    bucket: BucketSize = "hour",
    time_zone: str = "UTC",
    group_by: Sequence[str] = (),
    only: Group = (),
) -> dict[tuple[str, Group], list[Bucket]]:
    """`series` of several meters at once, by meter and group; see `grouped_quantities`."""
    edges = bucket_edges(start, end, bucket, ZoneInfo(time_zone))
    if not edges:
        return {}
    windows = _windows(edges)
    return _series(windows, (await _ask(tx, customer_id, windows, keys, group_by, only)).result())


async def totals_and_series(
    tx: Tx,
    *,
    customer_id: UUID,
    start: datetime,
    end: datetime,
    keys: Collection[str],
    bucket: BucketSize | None,
    time_zone: str,
    group_by: Sequence[str],
    only: Group,
    limit: int,
) -> tuple[dict[tuple[str, Group], Quantity], dict[tuple[str, Group], list[Bucket]]]:
    """`grouped_quantities` and, where a `bucket` is asked for, `grouped_series`, read once.

    Raises `UsageTooLarge` beyond `limit` quantities, before they are in memory.
    """
    edges = bucket_edges(start, end, bucket, ZoneInfo(time_zone)) if bucket else [start, end]
    windows = _windows(edges)
    parts = await _ask(tx, customer_id, windows, keys, group_by, only, limit=limit)
    totals = dict(sorted(parts.total().items()))
    return totals, _series(windows, parts.result()) if bucket else {}


def _windows(edges: Sequence[datetime]) -> list[Window]:
    if all(each.tzinfo is UTC and each.minute == each.second == each.microsecond == 0 for each in edges):
        # Whole hours, of which a month has hundreds.
        return [Window(first, first, last, last) for first, last in pairwise(edges)]
    return [window(first, last) for first, last in pairwise(edges)]


def _series(
    windows: Sequence[Window], found: Mapping[tuple[int, str, Group], Quantity]
) -> dict[tuple[str, Group], list[Bucket]]:
    empty = [Bucket(each.head_start, Decimal(0), 0) for each in windows]
    rows: dict[tuple[str, Group], list[Bucket]] = {}
    for (place, meter, group), used in found.items():
        row = rows.get((meter, group))
        if row is None:
            row = rows[meter, group] = list(empty)
        row[place] = Bucket(windows[place].head_start, used.quantity, used.events)
    return dict(sorted(rows.items()))


async def _ask(
    tx: Tx,
    customer_id: UUID,
    windows: Sequence[Window],
    keys: Collection[str] | None,
    group_by: Sequence[str],
    only: Group,
    *,
    limit: int | None = None,
) -> Combination:
    asked = [meter for meter in await store.select_meters(tx) if keys is None or meter.definition.key in keys]
    question = Question(tuple(asked), tuple(windows), tuple(group_by), only, limit)
    return await store_usage.select_parts(tx, customer_id, question)


def bucket_edges(start: datetime, end: datetime, bucket: BucketSize, zone: ZoneInfo) -> list[datetime]:
    """The instants in UTC at which `start` to `end` is cut: days and months by the wall clock, so of 23 to 25 hours."""
    if end <= start:
        return []
    if (end - start) / _STEPS[bucket] > BUCKET_LIMIT + 2:
        raise InvalidInput(errors=[FieldError("from", f"must leave at most {BUCKET_LIMIT:,} buckets before `to`")])
    edges = [start.astimezone(UTC)]
    local = start.astimezone(zone).replace(second=0, microsecond=0)
    if bucket in ("minute", "hour"):
        instant = (local if bucket == "minute" else local.replace(minute=0)).astimezone(UTC)
        while (instant := instant + _STEPS[bucket]) < end:
            edges.append(instant)
    else:
        day = local.replace(hour=0, minute=0, tzinfo=None, fold=0)
        while (instant := (day := _next(day, bucket)).replace(tzinfo=zone).astimezone(UTC)) < end:
            if instant > edges[-1]:
                edges.append(instant)
    if len(edges) > BUCKET_LIMIT:
        raise InvalidInput(errors=[FieldError("from", f"must leave at most {BUCKET_LIMIT:,} buckets before `to`")])
    return [*edges, end.astimezone(UTC)]


def _next(day: datetime, bucket: BucketSize) -> datetime:
    if bucket == "day":
        return day + timedelta(days=1)
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


async def recent_events(
    tx: Tx,
    *,
    customer_id: UUID | None = None,
    type: str | None = None,
    after: EventCursor | None = None,
    limit: int = 50,
) -> list[StoredEvent]:
    """Stored events, newest event time first; `after` is where the page before ended."""
    return await store.select_events(tx, customer_id, type, after, limit)


async def waiting_subjects(tx: Tx, *, limit: int) -> list[Unclaimed]:
    """The subjects that are no customer's, with how many events wait for each; the most first."""
    return await store.select_unclaimed(tx, limit)


async def event_counts(tx: Tx) -> EventCounts:
    """How many events are kept, and how many of them need a look."""
    return await store.select_counts(tx)


async def ingest_health(tx: Tx, *, now: datetime) -> IngestHealth:
    """What arrived in the hour before `now`, and the events that nobody claims or no meter counts."""
    last, accepted, duplicates, conflicts, rejected = await store.select_recent_batches(tx, now - HOUR)
    return IngestHealth(
        last_received_at=last,
        accepted=accepted,
        duplicates=duplicates,
        conflicts=conflicts,
        rejected=rejected,
        unclaimed=tuple(await store.select_unclaimed(tx, _SHOWN)),
        unmetered=tuple(await store.select_unmetered(tx, _SHOWN)),
    )
