"""The SQL that reads the quantities of many customers at once, each of a stretch of its own, in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from autorisen.kit.database import Tx
from autorisen.metering.model import Aggregation, Meter, hour_of, window
from autorisen.metering.usage.combine import Combination, Question, Rules
from autorisen.metering.usage.store_usage import ADDED, add_part, edges_of
from autorisen.metering.usage.stretch import Stretch

# The parts are those of `SELECT_PARTS`, of one window per stretch; `place` is the stretch. Values that have to be told
# apart from those of raw events are listed, others are counted.
SELECT_STRETCHES = """
WITH stretch AS MATERIALIZED (
    SELECT * FROM unnest(
        %(places)s::int[], %(customers)s::uuid[], %(hours_starts)s::timestamptz[], %(hours_ends)s::timestamptz[],
        %(first_hours)s::timestamptz[], %(ragged)s::boolean[]
    ) AS stretch (place, customer_id, hours_start, hours_end, first_hour, is_ragged)
), seen AS (
    SELECT DISTINCT place, is_ragged, value.meter, value.dimensions, value.digest
    FROM stretch CROSS JOIN LATERAL (
        SELECT meter, CASE WHEN %(split)s::boolean THEN dimensions ELSE '' END AS dimensions, digest
        FROM metering.unique_values
        WHERE customer_id = stretch.customer_id AND meter = ANY (%(unique)s::text[])
            AND hour >= stretch.hours_start AND hour < stretch.hours_end
    ) AS value
)
SELECT 'hours' AS part, place, rollup.meter, rollup.dimensions, rollup.quantity, rollup.events,
    NULL::timestamptz AS hour, NULL::timestamptz AS first_at, NULL::timestamptz AS at, NULL::text AS key,
    NULL::numeric AS value, NULL::bytea AS digest, NULL::text AS id, NULL::text AS data
FROM stretch CROSS JOIN LATERAL (
    SELECT meter, dimensions,
        CASE WHEN meter = ANY (%(highest)s::text[]) THEN max(quantity)
            WHEN meter = ANY (%(lowest)s::text[]) THEN min(quantity)
            WHEN meter = ANY (%(unique)s::text[]) THEN 0 ELSE sum(quantity) END AS quantity,
        sum(events)::bigint AS events
    FROM (
        SELECT meter, quantity, events, CASE WHEN %(split)s::boolean THEN dimensions ELSE '' END AS dimensions
        FROM metering.rollups
        WHERE customer_id = stretch.customer_id AND meter = ANY (%(added)s::text[])
            AND hour >= stretch.hours_start AND hour < stretch.hours_end
    ) AS hourly
    GROUP BY meter, dimensions
) AS rollup
UNION ALL
SELECT 'run', place, run.meter, run.dimensions, run.quantity, run.events, run.hour, run.first_at, run.last_at,
    run.last_key, run.last_value, NULL, NULL, NULL
FROM stretch CROSS JOIN LATERAL (
    SELECT meter, dimensions,
        sum(quantity + coalesce(last_value * extract(epoch FROM next_at - hour - interval '1 hour'), 0)) AS quantity,
        sum(events)::bigint AS events, max(hour) AS hour, min(first_at) AS first_at, max(last_at) AS last_at,
        max(last_key) FILTER (WHERE next_hour IS NULL) AS last_key,
        max(last_value) FILTER (WHERE next_hour IS NULL) AS last_value
    FROM (
        SELECT *, lead(hour) OVER run AS next_hour, lead(first_at) OVER run AS next_at
        FROM metering.rollups
        WHERE customer_id = stretch.customer_id AND meter = ANY (%(kept)s::text[])
            AND hour >= stretch.hours_start AND hour < stretch.hours_end
        WINDOW run AS (PARTITION BY meter, dimensions ORDER BY hour)
    ) AS hourly
    GROUP BY meter, dimensions
) AS run
UNION ALL
SELECT 'before', place, before.meter, before.dimensions, NULL, NULL, NULL, NULL, before.last_at, before.last_key,
    before.last_value, NULL, NULL, NULL
FROM stretch
CROSS JOIN unnest(%(levels)s::text[]) AS level (meter)
CROSS JOIN LATERAL (
    SELECT meter, dimensions, last_at, last_key, last_value FROM metering.rollups
    WHERE customer_id = stretch.customer_id AND rollups.meter = level.meter AND hour < stretch.first_hour
    ORDER BY hour DESC LIMIT 1
) AS before
UNION ALL
SELECT 'before', place, before.meter, before.dimensions, NULL, NULL, NULL, NULL, before.last_at, before.last_key,
    before.last_value, NULL, NULL, NULL
FROM stretch CROSS JOIN LATERAL (
    SELECT DISTINCT ON (meter, dimensions) meter, dimensions, last_at, last_key, last_value
    FROM metering.rollups
    WHERE customer_id = stretch.customer_id AND meter = ANY (%(grouped_levels)s::text[])
        AND hour < stretch.first_hour
    ORDER BY meter, dimensions, hour DESC
) AS before
UNION ALL
SELECT 'digest', place, meter, dimensions, NULL, NULL, NULL, NULL, NULL, NULL, NULL, digest, NULL, NULL
FROM seen WHERE is_ragged OR %(split)s::boolean
UNION ALL
SELECT 'whole', place, meter, dimensions, count(*), 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM seen WHERE NOT is_ragged AND NOT %(split)s::boolean
GROUP BY place, meter, dimensions
UNION ALL
SELECT 'event', edge.place, event.type, NULL, NULL, NULL, NULL, NULL, event.occurred_at, event.source, NULL, NULL,
    event.event_id, event.data
FROM unnest(%(edge_places)s::int[], %(edge_customers)s::uuid[], %(edge_starts)s::timestamptz[],
    %(edge_ends)s::timestamptz[]) AS edge (place, customer_id, start, stop)
CROSS JOIN LATERAL (
    SELECT type, occurred_at, source, event_id, data::text AS data FROM metering.counted_events
    WHERE customer_id = edge.customer_id AND occurred_at >= edge.start AND occurred_at < edge.stop
    OFFSET 0
) AS event
WHERE event.type = ANY (%(types)s::text[])
"""


async def select_stretches(
    tx: Tx, stretches: Sequence[Stretch], meters: Sequence[Meter], group_by: Sequence[str]
) -> list[Combination]:
    """What each stretch is made of, put together, in the order asked."""
    rules, asked = Rules(meters), tuple(meters)
    found = [
        Combination(Question(asked, (window(each.start, each.end),), tuple(group_by)), rules) for each in stretches
    ]
    cursor = await tx.execute(SELECT_STRETCHES, _values(stretches, meters, bool(group_by)))
    for row in await cursor.fetchall():
        place = row[1]
        add_part(found[place], stretches[place].customer_id, row, place=0)
    return found


def _values(stretches: Sequence[Stretch], meters: Sequence[Meter], is_split: bool) -> dict[str, object]:
    kinds: dict[Aggregation, list[str]] = {kind: [] for kind in Aggregation}
    for meter in meters:
        kinds[meter.definition.aggregation].append(meter.series)
    windows = [window(each.start, each.end) for each in stretches]
    edges: list[tuple[int, datetime, datetime]] = []
    ragged = []
    for place, each in enumerate(windows):
        own = edges_of((each,))
        ragged.append(bool(own))
        if kinds[Aggregation.TIME_WEIGHTED] and hour_of(each.head_start) < each.head_start:
            own.insert(0, (hour_of(each.head_start), each.head_start))
        edges += [(place, start, end) for start, end in own]
    levels = kinds[Aggregation.TIME_WEIGHTED]
    grouped = [meter.series for meter in meters if meter.definition.group_by and meter.series in levels]
    return {
        "places": list(range(len(stretches))),
        "customers": [each.customer_id for each in stretches],
        "hours_starts": [each.hours_start for each in windows],
        "hours_ends": [each.hours_end for each in windows],
        "first_hours": [hour_of(each.head_start) for each in windows],
        "ragged": ragged,
        "split": is_split,
        "added": [name for kind in ADDED for name in kinds[kind]],
        "highest": kinds[Aggregation.MAX],
        "lowest": kinds[Aggregation.MIN],
        "kept": kinds[Aggregation.LATEST] + levels,
        "levels": [name for name in levels if name not in grouped],
        "grouped_levels": grouped,
        "unique": kinds[Aggregation.UNIQUE],
        "edge_places": [place for place, _, _ in edges],
        "edge_customers": [stretches[place].customer_id for place, _, _ in edges],
        "edge_starts": [start for _, start, _ in edges],
        "edge_ends": [end for _, _, end in edges],
        "types": sorted({meter.definition.event_type for meter in meters}),
    }
