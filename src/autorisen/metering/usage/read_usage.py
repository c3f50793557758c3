"""Read usage: exact quantities of any stretch of time, also where it does not begin or end on the hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from autorisen.kit.database import Tx
from autorisen.kit.problems import FieldError, InvalidInput
from autorisen.metering.model import (
    HOUR,
    NOTHING,
    Bucket,
    EventCounts,
    EventCursor,
    IngestHealth,
    MeterDefinition,
    Quantity,
    StoredEvent,
    Unclaimed,
    window,
)
from autorisen.metering.usage import store

BUCKET_LIMIT = 2_000
_SHOWN = 20

BucketSize = Literal["hour", "day"]


async def meters(tx: Tx) -> list[MeterDefinition]:
    """All meters, by key."""
    return await store.select_meters(tx)


async def quantities(tx: Tx, *, customer_id: UUID, start: datetime, end: datetime) -> dict[str, Quantity]:
    """The use of every meter from `start` up to, not including, `end`; a meter without events is left out."""
    if end <= start:
        return {}
    return await store.select_quantities(tx, customer_id, window(start, end))


async def quantity(tx: Tx, *, customer_id: UUID, meter: str, start: datetime, end: datetime) -> Quantity:
    """The use of one meter from `start` up to, not including, `end`."""
    return (await quantities(tx, customer_id=customer_id, start=start, end=end)).get(meter, NOTHING)


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
    """The use of one meter cut at the hours or days of a time zone; empty buckets are there with zero.

    The first and the last bucket end with the stretch asked for. Raises `InvalidInput` beyond 2,000 buckets.
    """
    edges = bucket_edges(start, end, bucket, ZoneInfo(time_zone))
    windows = [window(first, last) for first, last in pairwise(edges)]
    return await store.select_series(tx, customer_id, meter, windows) if windows else []


def bucket_edges(start: datetime, end: datetime, bucket: BucketSize, zone: ZoneInfo) -> list[datetime]:
    """The instants in UTC at which `start` to `end` is cut: days by the wall clock, so of 23 to 25 hours."""
    if end <= start:
        return []
    step = HOUR if bucket == "hour" else timedelta(days=1)
    if (end - start) / step > BUCKET_LIMIT:
        raise InvalidInput(errors=[FieldError("from", f"must leave at most {BUCKET_LIMIT:,} buckets before `to`")])
    edges = [start.astimezone(UTC)]
    local = start.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    if bucket == "hour":
        instant = local.astimezone(UTC)
        while (instant := instant + HOUR) < end:
            edges.append(instant)
    else:
        day = local.replace(hour=0, tzinfo=None, fold=0)
        while (instant := (day := day + step).replace(tzinfo=zone).astimezone(UTC)) < end:
            if instant > edges[-1]:
                edges.append(instant)
    return [*edges, end.astimezone(UTC)]


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
