"""The SQL that reads quantities: all parts in one statement, so that they are of one snapshot."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from autorisen.kit.database import Tx
from autorisen.metering.counting import CountedEvent, Sample, event_key
from autorisen.metering.decode import stored_data
from autorisen.metering.model import Aggregation, Window, hour_of
from autorisen.metering.usage.combine import Combination, HourRow, Question

# Each part has its own columns; the names are those of the part that has most to say. A part whose meters or stretches
# are none costs nothing. OFFSET 0 keeps the view apart, so that both its halves are asked through their indexes.
SELECT_PARTS = """
WITH bucket AS (
    SELECT (ordinal - 1)::int AS place, hours_start, hours_end
    FROM unnest(%(hours_starts)s::timestamptz[], %(hours_ends)s::timestamptz[])
        WITH ORDINALITY AS given (hours_start, hours_end, ordinal)
    WHERE hours_start < hours_end
)
SELECT 'hours' AS part, bucket.place, rollup.meter, rollup.dimensions,
    CASE WHEN rollup.meter = ANY (%(highest)s::text[]) THEN max(rollup.quantity)
        WHEN rollup.meter = ANY (%(lowest)s::text[]) THEN min(rollup.quantity)
        ELSE sum(rollup.quantity) END AS quantity,
    sum(rollup.events)::bigint AS events, NULL::timestamptz AS hour, NULL::timestamptz AS first_at,
    NULL::timestamptz AS at, NULL::text AS key, NULL::numeric AS value, NULL::bytea AS digest, NULL::text AS id,
    NULL::text AS data
FROM bucket JOIN metering.rollups AS rollup
    ON rollup.hour >= bucket.hours_start AND rollup.hour < bucket.hours_end
WHERE rollup.customer_id = %(customer_id)s::uuid AND rollup.meter = ANY (%(plain)s::text[])
GROUP BY bucket.place, rollup.meter, rollup.dimensions
UNION ALL
SELECT 'row', bucket.place, rollup.meter, rollup.dimensions, rollup.quantity, rollup.events, rollup.hour,
    rollup.first_at, rollup.last_at, rollup.last_key, rollup.last_value, NULL, NULL, NULL
FROM bucket JOIN metering.rollups AS rollup
    ON rollup.hour >= bucket.hours_start AND rollup.hour < bucket.hours_end
WHERE rollup.customer_id = %(customer_id)s::uuid AND rollup.meter = ANY (%(kept)s::text[])
UNION ALL
(SELECT DISTINCT ON (rollup.meter, rollup.dimensions) 'before', NULL::int, rollup.meter, rollup.dimensions, NULL,
    NULL, NULL, NULL, rollup.last_at, rollup.last_key, rollup.last_value, NULL, NULL, NULL
FROM metering.rollups AS rollup
WHERE rollup.customer_id = %(customer_id)s::uuid AND rollup.meter = ANY (%(levels)s::text[])
    AND rollup.hour < %(first_hour)s::timestamptz
ORDER BY rollup.meter, rollup.dimensions, rollup.hour DESC)
UNION ALL
SELECT DISTINCT 'digest', bucket.place, seen.meter, seen.dimensions, NULL::numeric, NULL::bigint, NULL::timestamptz,
    NULL::timestamptz, NULL::timestamptz, NULL::text, NULL::numeric, seen.digest, NULL::text, NULL::text
FROM bucket JOIN metering.unique_values AS seen ON seen.hour >= bucket.hours_start AND seen.hour < bucket.hours_end
WHERE seen.customer_id = %(customer_id)s::uuid AND seen.meter = ANY (%(listed)s::text[])
UNION ALL
SELECT 'hours', bucket.place, seen.meter, seen.dimensions, count(DISTINCT seen.digest), 0, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL
FROM bucket JOIN metering.unique_values AS seen ON seen.hour >= bucket.hours_start AND seen.hour < bucket.hours_end
WHERE seen.customer_id = %(customer_id)s::uuid AND seen.meter = ANY (%(unlisted)s::text[])
GROUP BY bucket.place, seen.meter, seen.dimensions
UNION ALL
SELECT 'events', bucket.place, rollup.meter, rollup.dimensions, NULL, sum(rollup.events)::bigint, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL
FROM bucket JOIN metering.rollups AS rollup
    ON rollup.hour >= bucket.hours_start AND rollup.hour < bucket.hours_end
WHERE rollup.customer_id = %(customer_id)s::uuid AND rollup.meter = ANY (%(unique)s::text[])
GROUP BY bucket.place, rollup.meter, rollup.dimensions
UNION ALL
SELECT 'event', NULL, event.type, NULL, NULL, NULL, NULL, NULL, event.occurred_at, event.source, NULL, NULL,
    event.event_id, event.data
FROM unnest(%(edge_starts)s::timestamptz[], %(edge_ends)s::timestamptz[]) AS edge (start, stop)
CROSS JOIN LATERAL (
    SELECT type, occurred_at, source, event_id, data::text AS data FROM metering.counted_events
    WHERE customer_id = %(customer_id)s::uuid AND occurred_at >= edge.start AND occurred_at < edge.stop
    OFFSET 0
) AS event
WHERE event.type = ANY (%(types)s::text[])
"""

_ROWS_AT_ONCE = 1_000


async def select_parts(tx: Tx, customer_id: UUID, question: Question) -> Combination:
    """Everything that the customer's quantities are made of, read as a stream and put together."""
    combination = Combination(question)
    async with tx.cursor() as cursor:
        rows = cursor.stream(SELECT_PARTS, _values(customer_id, question), size=_ROWS_AT_ONCE)
        async for row in rows:
            _add(combination, customer_id, row)
    return combination


def _values(customer_id: UUID, question: Question) -> dict[str, object]:
    kinds: dict[Aggregation, list[str]] = {kind: [] for kind in Aggregation}
    for meter in question.meters:
        kinds[meter.definition.aggregation].append(meter.series)
    first = question.windows[0].head_start
    edges = _edges(question.windows)
    if kinds[Aggregation.TIME_WEIGHTED] and hour_of(first) < first:
        edges.insert(0, (hour_of(first), first))
    # One number says how many values there are, unless they have to be told apart from those elsewhere.
    is_split = bool(edges) or bool(question.only)
    unlisted = [
        meter.series
        for meter in question.meters
        if meter.definition.aggregation is Aggregation.UNIQUE
        and not is_split
        and {each.name for each in meter.definition.group_by} <= set(question.group_by)
    ]
    unique = kinds[Aggregation.UNIQUE]
    return {
        "customer_id": customer_id,
        "hours_starts": [each.hours_start for each in question.windows],
        "hours_ends": [each.hours_end for each in question.windows],
        "first_hour": hour_of(first),
        "plain": [name for kind in _PLAIN for name in kinds[kind]],
        "highest": kinds[Aggregation.MAX],
        "lowest": kinds[Aggregation.MIN],
        "kept": kinds[Aggregation.LATEST] + kinds[Aggregation.TIME_WEIGHTED],
        "levels": kinds[Aggregation.TIME_WEIGHTED],
        "unique": unique,
        "unlisted": unlisted,
        "listed": [name for name in unique if name not in unlisted],
        "edge_starts": [start for start, _ in edges],
        "edge_ends": [end for _, end in edges],
        "types": sorted({meter.definition.event_type for meter in question.meters}),
    }


_PLAIN = (Aggregation.COUNT, Aggregation.SUM, Aggregation.MAX, Aggregation.MIN)


def _edges(windows: tuple[Window, ...]) -> list[tuple[datetime, datetime]]:
    """The stretches that are no whole hours; adjoining ones are one."""
    found: list[tuple[datetime, datetime]] = []
    for window in windows:
        for start, end in ((window.head_start, window.hours_start), (window.hours_end, window.tail_end)):
            if start < end and found and found[-1][1] == start:
                found[-1] = (found[-1][0], end)
            elif start < end:
                found.append((start, end))
    return found


def _add(combination: Combination, customer_id: UUID, row: tuple[Any, ...]) -> None:
    part, place, meter, dimensions, quantity, events, hour, first_at, at, key, value, digest, id, data = row
    if part == "hours":
        combination.add_hours(place, meter, dimensions, quantity, events)
    elif part == "events":
        combination.add_hours(place, meter, dimensions, Decimal(0), events)
    elif part == "event":
        combination.add_event(CountedEvent(customer_id, meter, at, event_key(key, id), stored_data(data)))
    elif part == "digest":
        combination.add_digest(place, meter, dimensions, digest)
    elif part == "before":
        combination.add_before(meter, dimensions, Sample(at, key, value))
    else:
        combination.add_row(place, meter, HourRow(hour, dimensions, quantity, events, first_at, Sample(at, key, value)))
