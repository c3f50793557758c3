"""The SQL of meters and their rebuilds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from autorisen.kit.database import Tx
from autorisen.metering.filters import filter_text
from autorisen.metering.meter_columns import Columns, definition_of, group_by_text
from autorisen.metering.model import Meter, MeterDefinition, Rebuild

STOP_INGEST = "SELECT pg_advisory_xact_lock(4, 1)"
ALLOW_LONG = "SET LOCAL statement_timeout = 0"

UPSERT_METER = """
INSERT INTO metering.meters
    (key, name, unit, event_type, aggregation, value_path, filter, group_by, series, changed_at)
VALUES (%(key)s, %(name)s, %(unit)s, %(event_type)s, %(aggregation)s, %(value_path)s::text[], %(filter)s::json,
    %(group_by)s::json, %(series)s, %(now)s)
ON CONFLICT (key) DO UPDATE
SET name = excluded.name, unit = excluded.unit, event_type = excluded.event_type,
    aggregation = excluded.aggregation, value_path = excluded.value_path, filter = excluded.filter,
    group_by = excluded.group_by, series = excluded.series, changed_at = excluded.changed_at
"""

RELABEL_METER = """
UPDATE metering.meters SET name = %(name)s, unit = %(unit)s, changed_at = %(now)s WHERE key = %(key)s
"""

RELABEL_REBUILD = """
UPDATE metering.rebuilds SET name = %(name)s, unit = %(unit)s WHERE key = %(key)s AND state = 'building'
"""

DELETE_METER = "DELETE FROM metering.meters WHERE key = %(key)s"

COUNTED_METERS = """
SELECT key FROM metering.meters
WHERE EXISTS (SELECT FROM metering.rollups WHERE rollups.meter = coalesce(meters.series, meters.key))
"""

EVENTS_SIZE = """
SELECT pg_table_size('metering.events'), greatest(reltuples, 0)::bigint FROM pg_class
WHERE oid = 'metering.events'::regclass
"""

DELETE_METERED_TYPES = """
DELETE FROM metering.unmetered_types WHERE type IN (SELECT event_type FROM metering.meters)
"""

COUNT_UNMETERED = """
INSERT INTO metering.unmetered_types (type, events, last_seen_at)
SELECT type, count(*), max(occurred_at) FROM metering.events
WHERE type = ANY (%(types)s::text[]) AND type NOT IN (SELECT event_type FROM metering.meters)
GROUP BY type
"""

INSERT_REBUILD = """
INSERT INTO metering.rebuilds
    (series, key, name, unit, event_type, aggregation, value_path, filter, group_by, state, events_total, started_at)
VALUES (%(series)s, %(key)s, %(name)s, %(unit)s, %(event_type)s, %(aggregation)s, %(value_path)s::text[],
    %(filter)s::json, %(group_by)s::json, 'building', %(total)s, %(now)s)
"""

# Amended events count in hours where, as they came, there may be none.
MARK_AMENDED = """
INSERT INTO metering.stale_hours (series, customer_id, hour)
SELECT DISTINCT %(series)s::text, customer_id, date_trunc('hour', occurred_at, 'UTC') FROM metering.corrections
WHERE kind = 'amend'
"""

REPLACE_REBUILD = """
UPDATE metering.rebuilds SET state = 'replaced', finished_at = %(now)s WHERE key = %(key)s AND state = 'building'
RETURNING series
"""

SELECT_BUILDING = """
SELECT series, events_total, events_done, started_at, key, name, unit, event_type, aggregation, value_path,
    coalesce(filter::text, ''), coalesce(group_by::text, '')
FROM metering.rebuilds WHERE state = 'building' AND (%(series)s::text IS NULL OR series = %(series)s) ORDER BY key
"""

LOCK_REBUILD = """
SELECT coalesce(next_customer, '00000000-0000-0000-0000-000000000000'::uuid), coalesce(next_hour, '-infinity')::text
FROM metering.rebuilds WHERE series = %(series)s AND state = 'building' FOR UPDATE
"""

# The next events as they came, in the order of their index, by customer and hour.
NEXT_HOURS = """
SELECT customer_id, date_trunc('hour', occurred_at, 'UTC') AS hour, count(*)
FROM (
    SELECT customer_id, occurred_at FROM metering.events
    WHERE (customer_id, occurred_at) >= (%(customer_id)s::uuid, %(hour)s::timestamptz)
    ORDER BY customer_id, occurred_at LIMIT %(limit)s
) AS next
GROUP BY customer_id, hour ORDER BY customer_id, hour
"""

STEP_REBUILD = """
UPDATE metering.rebuilds
SET events_done = events_done + %(events)s, next_customer = %(customer_id)s::uuid, next_hour = %(hour)s::timestamptz
WHERE series = %(series)s
"""

# Taken away before the hours are counted: what is marked after is counted again.
TAKE_STALE = """
DELETE FROM metering.stale_hours
WHERE (series, customer_id, hour) IN (
    SELECT series, customer_id, hour FROM metering.stale_hours WHERE series = %(series)s
    ORDER BY customer_id, hour LIMIT %(limit)s
)
RETURNING customer_id, hour
"""

FINISH_REBUILD = """
UPDATE metering.rebuilds SET state = 'done', events_done = greatest(events_done, events_total), finished_at = %(now)s
WHERE series = %(series)s
"""

SELECT_SERIES_OF = "SELECT coalesce(series, key) FROM metering.meters WHERE key = %(key)s"

CLEAR_ROLLUPS = """
DELETE FROM metering.rollups
WHERE ctid = ANY (ARRAY(SELECT ctid FROM metering.rollups WHERE meter = %(series)s LIMIT %(limit)s))
"""

CLEAR_UNIQUE = """
DELETE FROM metering.unique_values
WHERE ctid = ANY (ARRAY(SELECT ctid FROM metering.unique_values WHERE meter = %(series)s LIMIT %(limit)s))
"""

CLEAR_STALE = "DELETE FROM metering.stale_hours WHERE series = %(series)s"


async def stop_ingest(tx: Tx) -> None:
    """Wait until no ingest runs, and keep others out until this transaction ends."""
    await tx.execute(STOP_INGEST)
    await tx.execute(ALLOW_LONG)


def _columns(meter: MeterDefinition) -> dict[str, object]:
    return {
        "key": meter.key,
        "name": meter.name,
        "unit": meter.unit,
        "event_type": meter.event_type,
        "aggregation": meter.aggregation.value,
        "value_path": list(meter.value_path),
        "filter": filter_text(meter.filter) or None,
        "group_by": group_by_text(meter),
    }


async def upsert_meter(tx: Tx, meter: Meter, now: datetime) -> None:
    """Store the meter, whose series is what is read from now on."""
    await tx.execute(UPSERT_METER, _columns(meter.definition) | {"series": meter.series, "now": now})


async def relabel_meter(tx: Tx, meter: MeterDefinition, now: datetime) -> None:
    await tx.execute(RELABEL_METER, {"key": meter.key, "name": meter.name, "unit": meter.unit, "now": now})


async def relabel_rebuild(tx: Tx, meter: MeterDefinition) -> None:
    await tx.execute(RELABEL_REBUILD, {"key": meter.key, "name": meter.name, "unit": meter.unit})


async def counted_meters(tx: Tx) -> list[str]:
    """The keys of the meters under which usage was counted."""
    return [key for (key,) in await (await tx.execute(COUNTED_METERS)).fetchall()]


async def delete_meter(tx: Tx, key: str) -> None:
    await tx.execute(DELETE_METER, {"key": key})


async def series_of(tx: Tx, key: str) -> str | None:
    """The rollups that are read for a meter; None when there is no such meter."""
    row = await (await tx.execute(SELECT_SERIES_OF, {"key": key})).fetchone()
    return str(row[0]) if row else None


async def events_size(tx: Tx) -> tuple[int, int]:
    """The bytes that all stored events take, and about how many there are."""
    size, rows = cast("tuple[int, int]", await (await tx.execute(EVENTS_SIZE)).fetchone())
    return size, rows


async def recount_unmetered(tx: Tx, released_types: Sequence[str]) -> None:
    """Forget the types that a meter counts now; count those that no meter counts any more."""
    await tx.execute(DELETE_METERED_TYPES)
    await tx.execute(COUNT_UNMETERED, {"types": list(released_types)})


async def insert_rebuild(tx: Tx, meter: Meter, total: int, now: datetime) -> None:
    await tx.execute(INSERT_REBUILD, _columns(meter.definition) | {"series": meter.series, "total": total, "now": now})
    await tx.execute(MARK_AMENDED, {"series": meter.series})


async def replace_rebuild(tx: Tx, key: str, now: datetime) -> list[str]:
    """End the rebuild of a meter that is defined anew. Gives the series that nobody will read."""
    cursor = await tx.execute(REPLACE_REBUILD, {"key": key, "now": now})
    return [series for (series,) in await cursor.fetchall()]


async def select_building(tx: Tx, series: str | None = None) -> list[Rebuild]:
    """The rebuilds that are under way, by meter; or that one."""
    cursor = await tx.execute(SELECT_BUILDING, {"series": series})
    return [
        Rebuild(Meter(definition_of(cast("Columns", tuple(columns))), name, is_building=True), total, done, started_at)
        for name, total, done, started_at, *columns in await cursor.fetchall()
    ]


async def next_hours(tx: Tx, series: str, limit: int) -> list[tuple[UUID, datetime, int]] | None:
    """The customers and hours of the next `limit` events that a rebuild has not counted, with how many are in each.

    The last one may have more. None when the rebuild is over; its row stays locked otherwise.
    """
    row = await (await tx.execute(LOCK_REBUILD, {"series": series})).fetchone()
    if row is None:
        return None
    cursor = await tx.execute(NEXT_HOURS, {"customer_id": row[0], "hour": row[1], "limit": limit})
    return [(customer_id, hour, int(events)) for customer_id, hour, events in await cursor.fetchall()]


async def step_rebuild(tx: Tx, series: str, events: int, customer_id: UUID, hour: datetime) -> None:
    """Note that every event before this customer's `hour` has been counted."""
    await tx.execute(STEP_REBUILD, {"series": series, "events": events, "customer_id": customer_id, "hour": hour})


async def take_stale(tx: Tx, series: str, limit: int) -> list[tuple[UUID, datetime]]:
    """Take the marks of hours that changed away; this transaction has to count them again."""
    cursor = await tx.execute(TAKE_STALE, {"series": series, "limit": limit})
    return [(customer_id, hour) for customer_id, hour in await cursor.fetchall()]


async def finish_rebuild(tx: Tx, series: str, now: datetime) -> None:
    await tx.execute(FINISH_REBUILD, {"series": series, "now": now})


async def clear_series(tx: Tx, series: str, limit: int) -> int:
    """Delete a stretch of rollups that nobody reads any more. Gives how many rows went."""
    await tx.execute(CLEAR_STALE, {"series": series})
    values = {"series": series, "limit": limit}
    return (await tx.execute(CLEAR_ROLLUPS, values)).rowcount + (await tx.execute(CLEAR_UNIQUE, values)).rowcount
