"""The SQL that counts: meters to count for, rollups to add to, and events to count again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from psycopg import AsyncCursor
from psycopg.rows import TupleRow

from autorisen.kit.database import Tx, leave_pipeline
from autorisen.metering.counting import CountedEvent, Counter, Counts, Number, Spot, area, event_key, hour_at
from autorisen.metering.decode import stored_data
from autorisen.metering.meter_columns import Columns, definition_of
from autorisen.metering.model import HOUR, Meter
from autorisen.metering.packing import packed

ENTER_COUNTING = """
SELECT series, is_building, key, name, unit, event_type, aggregation, value_path, filter, group_by
FROM metering.enter_counting()
"""

ADD_SUMS = """
INSERT INTO metering.rollups AS rollup (customer_id, meter, hour, dimensions, events, quantity)
SELECT customer_id, meter, hour, coalesce(dimensions, ''), events, quantity
FROM unnest(
    string_to_array(%(customers)s::text, chr(31))::uuid[],
    string_to_array(%(meters)s::text, chr(31)),
    string_to_array(%(hours)s::text, chr(31))::timestamptz[],
    string_to_array(%(dimensions)s::text, chr(31)),
    string_to_array(%(events)s::text, chr(31))::bigint[],
    string_to_array(%(quantities)s::text, chr(31))::numeric[]
) AS spot (customer_id, meter, hour, dimensions, events, quantity)
ON CONFLICT (customer_id, meter, hour, dimensions) DO UPDATE
SET quantity = rollup.quantity + excluded.quantity, events = rollup.events + excluded.events
"""

ADD_HIGHEST = """
INSERT INTO metering.rollups AS rollup (customer_id, meter, hour, dimensions, events, quantity)
SELECT customer_id, meter, hour, coalesce(dimensions, ''), events, quantity
FROM unnest(
    string_to_array(%(customers)s::text, chr(31))::uuid[],
    string_to_array(%(meters)s::text, chr(31)),
    string_to_array(%(hours)s::text, chr(31))::timestamptz[],
    string_to_array(%(dimensions)s::text, chr(31)),
    string_to_array(%(events)s::text, chr(31))::bigint[],
    string_to_array(%(quantities)s::text, chr(31))::numeric[]
) AS spot (customer_id, meter, hour, dimensions, events, quantity)
ON CONFLICT (customer_id, meter, hour, dimensions) DO UPDATE
SET quantity = greatest(rollup.quantity, excluded.quantity), events = rollup.events + excluded.events
"""

ADD_LOWEST = """
INSERT INTO metering.rollups AS rollup (customer_id, meter, hour, dimensions, events, quantity)
SELECT customer_id, meter, hour, coalesce(dimensions, ''), events, quantity
FROM unnest(
    string_to_array(%(customers)s::text, chr(31))::uuid[],
    string_to_array(%(meters)s::text, chr(31)),
    string_to_array(%(hours)s::text, chr(31))::timestamptz[],
    string_to_array(%(dimensions)s::text, chr(31)),
    string_to_array(%(events)s::text, chr(31))::bigint[],
    string_to_array(%(quantities)s::text, chr(31))::numeric[]
) AS spot (customer_id, meter, hour, dimensions, events, quantity)
ON CONFLICT (customer_id, meter, hour, dimensions) DO UPDATE
SET quantity = least(rollup.quantity, excluded.quantity), events = rollup.events + excluded.events
"""

ADD_LATEST = """
INSERT INTO metering.rollups AS rollup
    (customer_id, meter, hour, dimensions, events, quantity, last_at, last_key, last_value)
SELECT customer_id, meter, hour, coalesce(dimensions, ''), events, quantity, last_at,
    source || chr(31) || event_id, quantity
FROM unnest(
    string_to_array(%(customers)s::text, chr(31))::uuid[],
    string_to_array(%(meters)s::text, chr(31)),
    string_to_array(%(hours)s::text, chr(31))::timestamptz[],
    string_to_array(%(dimensions)s::text, chr(31)),
    string_to_array(%(events)s::text, chr(31))::bigint[],
    string_to_array(%(quantities)s::text, chr(31))::numeric[],
    string_to_array(%(times)s::text, chr(31))::timestamptz[],
    string_to_array(%(sources)s::text, chr(31)),
    string_to_array(%(ids)s::text, chr(31))
) AS newest (customer_id, meter, hour, dimensions, events, quantity, last_at, source, event_id)
ON CONFLICT (customer_id, meter, hour, dimensions) DO UPDATE
SET (quantity, last_at, last_key, last_value) = (
        SELECT newest.quantity, newest.at, newest.key, newest.quantity
        FROM (VALUES (rollup.quantity, rollup.last_at, rollup.last_key),
            (excluded.quantity, excluded.last_at, excluded.last_key)) AS newest (quantity, at, key)
        ORDER BY newest.at DESC, newest.key DESC LIMIT 1
    ),
    events = rollup.events + excluded.events
"""

# The values that are new in their hour decide the quantity: whoever saw the same one first has counted it.
ADD_UNIQUE = """
WITH spots AS (
    SELECT customer_id, meter, hour, coalesce(dimensions, '') AS dimensions, events
    FROM unnest(
        string_to_array(%(customers)s::text, chr(31))::uuid[],
        string_to_array(%(meters)s::text, chr(31)),
        string_to_array(%(hours)s::text, chr(31))::timestamptz[],
        string_to_array(%(dimensions)s::text, chr(31)),
        string_to_array(%(events)s::text, chr(31))::bigint[]
    ) AS spot (customer_id, meter, hour, dimensions, events)
), seen AS (
    INSERT INTO metering.unique_values (customer_id, meter, hour, dimensions, digest)
    SELECT customer_id, meter, hour, coalesce(dimensions, ''), digest
    FROM unnest(
        string_to_array(%(value_customers)s::text, chr(31))::uuid[],
        string_to_array(%(value_meters)s::text, chr(31)),
        string_to_array(%(value_hours)s::text, chr(31))::timestamptz[],
        string_to_array(%(value_dimensions)s::text, chr(31)),
        %(digests)s::bytea[]
    ) AS value (customer_id, meter, hour, dimensions, digest)
    ON CONFLICT DO NOTHING
    RETURNING customer_id, meter, hour, dimensions
), added AS (
    SELECT customer_id, meter, hour, dimensions, count(*) AS quantity
    FROM seen GROUP BY customer_id, meter, hour, dimensions
)
INSERT INTO metering.rollups AS rollup (customer_id, meter, hour, dimensions, events, quantity)
SELECT customer_id, meter, hour, dimensions, events, coalesce(quantity, 0)
FROM spots LEFT JOIN added USING (customer_id, meter, hour, dimensions)
ORDER BY customer_id::text COLLATE "C", meter COLLATE "C", hour, dimensions COLLATE "C"
ON CONFLICT (customer_id, meter, hour, dimensions) DO UPDATE
SET quantity = rollup.quantity + excluded.quantity, events = rollup.events + excluded.events
"""

SET_LEVELS = """
UPDATE metering.rollups
SET quantity = level.quantity, first_at = level.first_at, last_at = level.last_at, last_key = level.last_key,
    last_value = level.last_value
FROM unnest(%(customers)s::uuid[], %(meters)s::text[], %(hours)s::timestamptz[], %(dimensions)s::text[],
    %(quantities)s::numeric[], %(first_ats)s::timestamptz[], %(last_ats)s::timestamptz[], %(last_keys)s::text[],
    %(last_values)s::numeric[]
) AS level (customer_id, meter, hour, dimensions, quantity, first_at, last_at, last_key, last_value)
WHERE rollups.customer_id = level.customer_id AND rollups.meter = level.meter AND rollups.hour = level.hour
    AND rollups.dimensions = level.dimensions
"""

# In one order, like the rollups. The row stays locked: the rebuild takes the mark away before it counts.
MARK_STALE = """
INSERT INTO metering.stale_hours AS stale (series, customer_id, hour)
SELECT * FROM unnest(%(series)s::text[], %(customers)s::uuid[], %(hours)s::timestamptz[])
ON CONFLICT (series, customer_id, hour) DO UPDATE SET marks = stale.marks + 1
"""

# OFFSET 0 keeps the view apart, so that both its halves are asked by customer and time, through their indexes.
SELECT_COUNTED = """
SELECT event.customer_id, event.type, event.occurred_at, event.source, event.event_id, event.data
FROM unnest(%(customers)s::uuid[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
    AS spot (customer_id, start, stop)
CROSS JOIN LATERAL (
    SELECT customer_id, type, occurred_at, source, event_id, data::text AS data FROM metering.counted_events
    WHERE customer_id = spot.customer_id AND occurred_at >= spot.start AND occurred_at < spot.stop
    OFFSET 0
) AS event
WHERE event.type = ANY (%(types)s::text[])
"""

SELECT_OF_TYPE = """
SELECT customer_id, type, occurred_at, source, event_id, data::text FROM metering.counted_events
WHERE type = %(type)s AND customer_id IS NOT NULL
"""

DELETE_ROLLUPS = """
DELETE FROM metering.rollups
USING unnest(%(customers)s::uuid[], %(hours)s::timestamptz[]) AS spot (customer_id, hour)
WHERE rollups.customer_id = spot.customer_id AND rollups.hour = spot.hour AND rollups.meter = ANY (%(meters)s::text[])
RETURNING rollups.meter, rollups.customer_id, rollups.hour, rollups.dimensions, rollups.quantity
"""

DELETE_UNIQUE = """
DELETE FROM metering.unique_values
USING unnest(%(customers)s::uuid[], %(hours)s::timestamptz[]) AS spot (customer_id, hour)
WHERE unique_values.customer_id = spot.customer_id AND unique_values.hour = spot.hour
    AND unique_values.meter = ANY (%(meters)s::text[])
"""

SELECT_ROLLUPS = """
SELECT rollup.meter, rollup.customer_id, rollup.hour, rollup.dimensions, rollup.quantity
FROM unnest(%(customers)s::uuid[], %(hours)s::timestamptz[]) AS spot (customer_id, hour)
JOIN metering.rollups AS rollup USING (customer_id, hour)
WHERE rollup.meter = ANY (%(meters)s::text[])
"""

_ROWS_AT_ONCE = 1_000

# By series, customer, hour and dimensions.
Rollups = dict[tuple[str, UUID, datetime, str], Decimal]


async def enter_counting(tx: Tx) -> list[Meter]:
    """The meters, and those being built, which nobody changes before this transaction ends."""
    return await entered(await begin_counting(tx))


async def begin_counting(tx: Tx) -> AsyncCursor[TupleRow]:
    """The first half of `enter_counting`: in a pipeline, what is asked before the second half travels with it."""
    return await tx.execute(ENTER_COUNTING)


async def entered(cursor: AsyncCursor[TupleRow]) -> list[Meter]:
    """The second half of `enter_counting`."""
    return [
        Meter(definition_of(cast("Columns", tuple(columns))), series, is_building)
        for series, is_building, *columns in await cursor.fetchall()
    ]


async def add_counts(tx: Tx, counts: Counts, meters: Sequence[Meter]) -> None:
    """Add these counts of these meters to the rollups.

    Statement by statement and spot by spot in one order for all, so that two transactions never wait for each other.
    """
    if counts.sums:
        await tx.execute(ADD_SUMS, _quantities(counts.sums))
    if counts.highest:
        await tx.execute(ADD_HIGHEST, _quantities(counts.highest))
    if counts.lowest:
        await tx.execute(ADD_LOWEST, _quantities(counts.lowest))
    if counts.latest:
        await _add_latest(tx, counts)
    if counts.unique:
        await _add_unique(tx, counts)
    if counts.levels:
        await _add_levels(tx, counts, meters)
    if counts.stale:
        await mark_stale(tx, counts.stale)


def _quantities(numbers: Mapping[Spot, tuple[Number, int]]) -> dict[str, object]:
    spots = sorted(numbers)
    values = {"quantities": packed(str(numbers[spot][0]) for spot in spots)}
    return _spots(spots, (numbers[spot][1] for spot in spots)) | values


def _spots(spots: Sequence[Spot], events: Iterable[int]) -> dict[str, object]:
    return {
        "customers": packed(spot[0] for spot in spots),
        "meters": packed(spot[1] for spot in spots),
        "hours": packed(f"{spot[2]}:00:00Z" for spot in spots),
        "dimensions": packed(spot[3] for spot in spots),
        "events": packed(str(number) for number in events),
    }


async def _add_latest(tx: Tx, counts: Counts) -> None:
    spots = sorted(counts.latest)
    samples = [counts.latest[spot][0] for spot in spots]
    keys = [sample.key.split("\x1f") for sample in samples]
    columns = _spots(spots, (counts.latest[spot][1] for spot in spots)) | {
        "quantities": packed(str(sample.value) for sample in samples),
        "times": packed(sample.at.isoformat() for sample in samples),
        "sources": packed(source for source, _ in keys),
        "ids": packed(id for _, id in keys),
    }
    await tx.execute(ADD_LATEST, columns)


async def _add_unique(tx: Tx, counts: Counts) -> None:
    spots = sorted(counts.unique)
    values = [(*spot, digest) for spot in spots for digest in sorted(counts.unique[spot][0])]
    columns = _spots(spots, (counts.unique[spot][1] for spot in spots)) | {
        "value_customers": packed(value[0] for value in values),
        "value_meters": packed(value[1] for value in values),
        "value_hours": packed(f"{value[2]}:00:00Z" for value in values),
        "value_dimensions": packed(value[3] for value in values),
        "digests": [value[4] for value in values],
    }
    await tx.execute(ADD_UNIQUE, columns)


async def _add_levels(tx: Tx, counts: Counts, meters: Sequence[Meter]) -> None:
    """Count the events, which locks the rows, and then weigh each hour from all its events.

    The events are read by a statement of their own, after the lock: what another transaction added is seen.
    """
    spots = sorted(counts.levels)
    columns = _spots(spots, (len(counts.levels[spot]) for spot in spots))
    await tx.execute(ADD_SUMS, columns | {"quantities": packed("0" for _ in spots)})
    series = {spot[1] for spot in spots}
    levels = [meter for meter in meters if meter.series in series]
    hours = {(UUID(spot[0]), hour_at(spot[2])) for spot in spots}
    await _set_levels(tx, await count_in_hours(tx, hours, levels))


async def _set_levels(tx: Tx, counts: Counts) -> None:
    """Write the areas of these levels, of which `counts` has all samples of each hour."""
    rows = []
    for (customer, series, hour, dimensions), unordered in sorted(counts.levels.items()):
        samples = sorted(unordered)
        start = hour_at(hour)
        rows.append((customer, series, start, dimensions, area(samples, start + HOUR), samples[0], samples[-1]))
    await tx.execute(
        SET_LEVELS,
        {
            "customers": [row[0] for row in rows],
            "meters": [row[1] for row in rows],
            "hours": [row[2] for row in rows],
            "dimensions": [row[3] for row in rows],
            "quantities": [row[4] for row in rows],
            "first_ats": [row[5].at for row in rows],
            "last_ats": [row[6].at for row in rows],
            "last_keys": [row[6].key for row in rows],
            "last_values": [Decimal(row[6].value) for row in rows],
        },
    )


async def mark_stale(tx: Tx, stale: Collection[tuple[str, str, str]]) -> None:
    """Let a rebuild count these hours again: series, customer and hour like 2026-03-01T08."""
    rows = sorted(stale)
    await tx.execute(
        MARK_STALE,
        {
            "series": [row[0] for row in rows],
            "customers": [row[1] for row in rows],
            "hours": [f"{row[2]}:00:00Z" for row in rows],
        },
    )


async def count_in_hours(tx: Tx, hours: Collection[tuple[UUID, datetime]], meters: Sequence[Meter]) -> Counts:
    """What the events of these customers and hours add up to, read as a stream: an hour may hold a million."""
    return await count_between(tx, [(customer_id, hour, hour + HOUR) for customer_id, hour in sorted(hours)], meters)


async def count_between(
    tx: Tx, stretches: Sequence[tuple[UUID, datetime, datetime]], meters: Sequence[Meter]
) -> Counts:
    """What the events of these customers add up to from one instant to another, hour by hour."""
    values = {
        "customers": [customer_id for customer_id, _, _ in stretches],
        "starts": [start for _, start, _ in stretches],
        "ends": [end for _, _, end in stretches],
        "types": sorted({meter.definition.event_type for meter in meters}),
    }
    counter = Counter(meters)
    await leave_pipeline(tx)
    async with tx.cursor() as cursor:
        async for row in cursor.stream(SELECT_COUNTED, values, size=_ROWS_AT_ONCE):
            counter.add(_event(*row))
    return counter.counts


async def count_of_type(tx: Tx, meter: Meter) -> Counts:
    """What all events that count for somebody add up to under one meter."""
    counter = Counter([meter])
    async with tx.cursor() as cursor:
        values = {"type": meter.definition.event_type}
        async for row in cursor.stream(SELECT_OF_TYPE, values, size=_ROWS_AT_ONCE):
            counter.add(_event(*row))
    return counter.counts


def _event(*row: Any) -> CountedEvent:
    customer_id, type, at, source, id, data = row
    return CountedEvent(customer_id, type, at, event_key(source, id), stored_data(data))


async def add_all(tx: Tx, counts: Counts, meters: Sequence[Meter]) -> None:
    """Write counts that hold all events of their hours into rollups that are not there yet."""
    levels, counts.levels = counts.levels, {}
    for spot, samples in levels.items():
        counts.sums[spot] = (0, len(samples))
    await add_counts(tx, counts, meters)
    if levels:
        await _set_levels(tx, Counts(levels=levels))


async def recount(tx: Tx, hours: Collection[tuple[UUID, datetime]], meters: Sequence[Meter]) -> tuple[Rollups, Rollups]:
    """Count these customers' hours again from their events. Gives the quantities before and after.

    Only for a transaction that keeps ingest out, or for a series that nobody else writes.
    """
    spots = sorted(hours)
    names: dict[str, object] = {
        "customers": [customer_id for customer_id, _ in spots],
        "hours": [hour for _, hour in spots],
        "meters": sorted({meter.series for meter in meters}),
    }
    before = _rollups(await (await tx.execute(DELETE_ROLLUPS, names)).fetchall())
    await tx.execute(DELETE_UNIQUE, names)
    await add_all(tx, await count_in_hours(tx, hours, meters), meters)
    return before, _rollups(await (await tx.execute(SELECT_ROLLUPS, names)).fetchall())


def _rollups(rows: Sequence[tuple[str, UUID, datetime, str, Decimal]]) -> Rollups:
    return {(meter, customer_id, hour, dimensions): quantity for meter, customer_id, hour, dimensions, quantity in rows}
