"""The SQL of metering that reads meters, events and health; `store_usage.py` has that of quantities."""

from __future__ import annotations

from datetime import datetime
from typing import cast
from uuid import UUID

from autorisen.kit.database import Tx
from autorisen.metering.meter_columns import Columns, definition_of
from autorisen.metering.model import (
    EventCounts,
    EventCursor,
    Meter,
    StoredEvent,
    Unclaimed,
    Unmetered,
)

SELECT_METERS = """
SELECT coalesce(series, key), key, name, unit, event_type, aggregation, value_path, coalesce(filter::text, ''),
    coalesce(group_by::text, '')
FROM metering.meters ORDER BY key
"""

SELECT_UNCLAIMED = """
SELECT subject, count(*) FROM metering.events WHERE customer_id IS NULL
GROUP BY subject ORDER BY count(*) DESC, subject LIMIT %(limit)s
"""

SELECT_CUSTOMER_EVENTS = """
SELECT source, event_id, type, subject, customer_id, occurred_at, data::text, coalesce(extensions::text, '')
FROM metering.events
WHERE customer_id = %(customer_id)s::uuid
    AND (%(type)s::text IS NULL OR type = %(type)s)
    AND (%(after_time)s::timestamptz IS NULL OR occurred_at <= %(after_time)s)
    AND (%(after_time)s::timestamptz IS NULL
        OR (occurred_at, source, event_id) < (%(after_time)s, %(after_source)s, %(after_id)s))
ORDER BY occurred_at DESC, source DESC, event_id DESC LIMIT %(limit)s
"""

SELECT_ALL_EVENTS = """
SELECT source, event_id, type, subject, customer_id, occurred_at, data::text, coalesce(extensions::text, '')
FROM metering.events
WHERE (%(type)s::text IS NULL OR type = %(type)s)
    AND (%(after_time)s::timestamptz IS NULL OR occurred_at <= %(after_time)s)
    AND (%(after_time)s::timestamptz IS NULL
        OR (occurred_at, source, event_id) < (%(after_time)s, %(after_source)s, %(after_id)s))
ORDER BY occurred_at DESC, source DESC, event_id DESC LIMIT %(limit)s
"""

SELECT_COUNTS = """
SELECT
    (SELECT coalesce(sum(accepted), 0) FROM metering.batches),
    (SELECT count(*) FROM metering.events WHERE customer_id IS NULL),
    (SELECT coalesce(sum(events), 0) FROM metering.unmetered_types),
    (SELECT count(*) FROM metering.conflicts WHERE status = 'open'),
    (SELECT count(*) FROM metering.rejected_events WHERE status = 'open')
"""

SELECT_RECENT_BATCHES = """
SELECT (SELECT max(received_at) FROM metering.batches), coalesce(sum(accepted), 0), coalesce(sum(duplicates), 0),
    coalesce(sum(conflicts), 0), coalesce(sum(rejected), 0)
FROM metering.batches WHERE received_at > %(since)s::timestamptz
"""

SELECT_UNMETERED = """
SELECT type, events, last_seen_at FROM metering.unmetered_types ORDER BY events DESC, type LIMIT %(limit)s
"""


async def select_meters(tx: Tx) -> list[Meter]:
    cursor = await tx.execute(SELECT_METERS)
    return [Meter(definition_of(cast("Columns", tuple(row[1:]))), row[0]) for row in await cursor.fetchall()]


async def select_events(
    tx: Tx, customer_id: UUID | None, type: str | None, after: EventCursor | None, limit: int
) -> list[StoredEvent]:
    """Newest event time first; those of everybody when `customer_id` is None."""
    cursor = await tx.execute(
        SELECT_ALL_EVENTS if customer_id is None else SELECT_CUSTOMER_EVENTS,
        {
            "customer_id": customer_id,
            "type": type,
            "after_time": after.occurred_at if after else None,
            "after_source": after.source if after else None,
            "after_id": after.id if after else None,
            "limit": limit,
        },
    )
    return [StoredEvent(*row) for row in await cursor.fetchall()]


async def select_counts(tx: Tx) -> EventCounts:
    row = await (await tx.execute(SELECT_COUNTS)).fetchone()
    return EventCounts(*(int(value) for value in row or (0, 0, 0, 0, 0)))


async def select_recent_batches(tx: Tx, since: datetime) -> tuple[datetime | None, int, int, int, int]:
    """The last arrival ever, and accepted, duplicates, conflicts, rejected after `since`."""
    row = await (await tx.execute(SELECT_RECENT_BATCHES, {"since": since})).fetchone()
    last, *counts = row or (None, 0, 0, 0, 0)
    accepted, duplicates, conflicts, rejected = (int(count) for count in counts)
    return last, accepted, duplicates, conflicts, rejected


async def select_unmetered(tx: Tx, limit: int) -> list[Unmetered]:
    cursor = await tx.execute(SELECT_UNMETERED, {"limit": limit})
    return [Unmetered(*row) for row in await cursor.fetchall()]


async def select_unclaimed(tx: Tx, limit: int) -> list[Unclaimed]:
    cursor = await tx.execute(SELECT_UNCLAIMED, {"limit": limit})
    return [Unclaimed(subject, events) for subject, events in await cursor.fetchall()]
