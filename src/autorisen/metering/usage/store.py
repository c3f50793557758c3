"""The SQL of metering that reads: meters, usage, events and health."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from autorisen.kit.database import Tx
from autorisen.metering.model import (
    Aggregation,
    Bucket,
    EventCounts,
    EventCursor,
    MeterDefinition,
    Quantity,
    StoredEvent,
    Unclaimed,
    Unmetered,
    Window,
)

SELECT_METERS = "SELECT key, name, unit, event_type, aggregation, value_path FROM metering.meters ORDER BY key"

SELECT_UNCLAIMED = """
SELECT subject, count(*) FROM metering.events WHERE customer_id IS NULL
GROUP BY subject ORDER BY count(*) DESC, subject LIMIT %(limit)s
"""

# Whole hours come from the rollups and the edges from the raw events; one statement, so one snapshot.
SELECT_QUANTITIES = """
SELECT meter, sum(quantity), sum(events)
FROM (
    SELECT meter, quantity, events FROM metering.rollups
    WHERE customer_id = %(customer_id)s::uuid
        AND hour >= %(hours_start)s::timestamptz AND hour < %(hours_end)s::timestamptz
    UNION ALL
    SELECT meter.key, metering.measured(meter.aggregation, meter.value_path, event.data), 1
    FROM metering.events AS event JOIN metering.meters AS meter ON meter.event_type = event.type
    WHERE event.customer_id = %(customer_id)s::uuid
        AND event.occurred_at >= %(head_start)s::timestamptz AND event.occurred_at < %(hours_start)s::timestamptz
    UNION ALL
    SELECT meter.key, metering.measured(meter.aggregation, meter.value_path, event.data), 1
    FROM metering.events AS event JOIN metering.meters AS meter ON meter.event_type = event.type
    WHERE event.customer_id = %(customer_id)s::uuid
        AND event.occurred_at >= %(hours_end)s::timestamptz AND event.occurred_at < %(tail_end)s::timestamptz
) AS part
WHERE quantity IS NOT NULL
GROUP BY meter
"""

SELECT_SERIES = """
SELECT bucket.ordinal - 1, coalesce(total.quantity, 0), coalesce(total.events, 0)
FROM unnest(
    %(head_starts)s::timestamptz[], %(hours_starts)s::timestamptz[],
    %(hours_ends)s::timestamptz[], %(tail_ends)s::timestamptz[]
) WITH ORDINALITY AS bucket (head_start, hours_start, hours_end, tail_end, ordinal)
CROSS JOIN LATERAL (
    SELECT sum(quantity) AS quantity, sum(events) AS events
    FROM (
        SELECT quantity, events FROM metering.rollups
        WHERE customer_id = %(customer_id)s::uuid AND meter = %(meter)s
            AND hour >= bucket.hours_start AND hour < bucket.hours_end
        UNION ALL
        SELECT metering.measured(meter.aggregation, meter.value_path, event.data), 1
        FROM metering.events AS event JOIN metering.meters AS meter ON meter.event_type = event.type
        WHERE meter.key = %(meter)s AND event.customer_id = %(customer_id)s::uuid
            AND event.occurred_at >= bucket.head_start AND event.occurred_at < bucket.hours_start
        UNION ALL
        SELECT metering.measured(meter.aggregation, meter.value_path, event.data), 1
        FROM metering.events AS event JOIN metering.meters AS meter ON meter.event_type = event.type
        WHERE meter.key = %(meter)s AND event.customer_id = %(customer_id)s::uuid
            AND event.occurred_at >= bucket.hours_end AND event.occurred_at < bucket.tail_end
    ) AS part
    WHERE quantity IS NOT NULL
) AS total
ORDER BY bucket.ordinal
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


async def select_meters(tx: Tx) -> list[MeterDefinition]:
    cursor = await tx.execute(SELECT_METERS)
    return [
        MeterDefinition(key, name, unit, event_type, Aggregation(aggregation), tuple(value_path))
        for key, name, unit, event_type, aggregation, value_path in await cursor.fetchall()
    ]


async def select_quantities(tx: Tx, customer_id: UUID, window: Window) -> dict[str, Quantity]:
    cursor = await tx.execute(
        SELECT_QUANTITIES,
        {
            "customer_id": customer_id,
            "head_start": window.head_start,
            "hours_start": window.hours_start,
            "hours_end": window.hours_end,
            "tail_end": window.tail_end,
        },
    )
    return {meter: Quantity(quantity, int(events)) for meter, quantity, events in await cursor.fetchall()}


async def select_series(tx: Tx, customer_id: UUID, meter: str, windows: Sequence[Window]) -> list[Bucket]:
    cursor = await tx.execute(
        SELECT_SERIES,
        {
            "customer_id": customer_id,
            "meter": meter,
            "head_starts": [window.head_start for window in windows],
            "hours_starts": [window.hours_start for window in windows],
            "hours_ends": [window.hours_end for window in windows],
            "tail_ends": [window.tail_end for window in windows],
        },
    )
    rows = await cursor.fetchall()
    return [Bucket(windows[place].head_start, quantity, int(events)) for place, quantity, events in rows]


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
