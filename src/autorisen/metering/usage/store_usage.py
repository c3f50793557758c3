"""The SQL that reads quantities: all parts in one statement, so that they are of one snapshot."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from autorisen.kit.database import Tx
from autorisen.metering.counting import CountedEvent, Sample, event_key
from autorisen.metering.decode import stored_data
from autorisen.metering.model import Aggregation, Window, hour_of
from autorisen.metering.usage.combine import Combination, Question, Run

# Each part has its own columns; the names are those of the part that has most to say. A part whose meters or stretches
# are none costs nothing. Stretches adjoin, so hours are read in one go and each finds its place in the list of their
# beginnings; an hour that no stretch has whole lies behind the end of its place. OFFSET 0 keeps the view apart, so that
# both its halves are asked through their indexes. Where no dimension is asked for, what can be added up is, over all.
SELECT_PARTS = """
WITH seen AS (
    SELECT DISTINCT place, meter, dimensions, digest
    FROM (
        SELECT width_bucket(hour, %(hours_starts)s::timestamptz[]) AS place, meter, hour, digest,
            CASE WHEN %(split)s::boolean THEN dimensions ELSE '' END AS dimensions
        FROM metering.unique_values
        WHERE customer_id = %(customer_id)s::uuid AND meter = ANY (%(unique)s::text[])
            AND hour >= %(hours_start)s::timestamptz AND hour < %(hours_end)s::timestamptz
    ) AS value
    WHERE hour < (%(hours_ends)s::timestamptz[])[place]
)
SELECT 'hours' AS part, place, meter, dimensions,
    CASE WHEN meter = ANY (%(highest)s::text[]) THEN max(quantity)
        WHEN meter = ANY (%(lowest)s::text[]) THEN min(quantity)
        WHEN meter = ANY (%(unique)s::text[]) THEN 0 ELSE sum(quantity) END AS quantity,
    sum(events)::bigint AS events, NULL::timestamptz AS hour, NULL::timestamptz AS first_at, NULL::timestamptz AS at,
    NULL::text AS key, NULL::numeric AS value, NULL::bytea AS digest, NULL::text AS id, NULL::text AS data
FROM (
    SELECT width_bucket(hour, %(hours_starts)s::timestamptz[]) AS place, meter, hour, quantity, events,
        CASE WHEN %(split)s::boolean THEN dimensions ELSE '' END AS dimensions
    FROM metering.rollups
    WHERE customer_id = %(customer_id)s::uuid AND meter = ANY (%(added)s::text[])
        AND hour >= %(hours_start)s::timestamptz AND hour < %(hours_end)s::timestamptz
) AS rollup
WHERE hour < (%(hours_ends)s::timestamptz[])[place]
GROUP BY place, meter, dimensions
UNION ALL
SELECT 'run', place, meter, dimensions,
    sum(quantity + coalesce(last_value * extract(epoch FROM next_at - hour - interval '1 hour'), 0)),
    sum(events)::bigint, max(hour), min(first_at), max(last_at), max(last_key) FILTER (WHERE next_hour IS NULL),
    max(last_value) FILTER (WHERE next_hour IS NULL), NULL, NULL, NULL
FROM (
    SELECT *, lead(hour) OVER run AS next_hour, lead(first_at) OVER run AS next_at
    FROM (
        SELECT *, width_bucket(hour, %(hours_starts)s::timestamptz[]) AS place FROM metering.rollups
        WHERE customer_id = %(customer_id)s::uuid AND meter = ANY (%(kept)s::text[])
            AND hour >= %(hours_start)s::timestamptz AND hour < %(hours_end)s::timestamptz
    ) AS rollup
    WHERE hour < (%(hours_ends)s::timestamptz[])[place]
    WINDOW run AS (PARTITION BY place, meter, dimensions ORDER BY hour)
) AS rollup
GROUP BY place, meter, dimensions
UNION ALL
SELECT 'before', NULL::int, before.meter, before.dimensions, NULL, NULL, NULL, NULL, before.last_at, before.last_key,
    before.last_value, NULL, NULL, NULL
FROM unnest(%(levels)s::text[]) AS level (meter)
CROSS JOIN LATERAL (
    SELECT meter, dimensions, last_at, last_key, last_value FROM metering.rollups
    WHERE customer_id = %(customer_id)s::uuid AND rollups.meter = level.meter AND hour < %(first_hour)s::timestamptz
    ORDER BY hour DESC LIMIT 1
) AS before
UNION ALL
(SELECT DISTINCT ON (meter, dimensions) 'before', NULL::int, meter, dimensions, NULL, NULL, NULL, NULL, last_at,
    last_key, last_value, NULL, NULL, NULL
FROM metering.rollups
WHERE customer_id = %(customer_id)s::uuid AND meter = ANY (%(grouped_levels)s::text[])
    AND hour < %(first_hour)s::timestamptz
ORDER BY meter, dimensions, hour DESC)
UNION ALL
SELECT 'digest', place, meter, dimensions, NULL, NULL, NULL, NULL, NULL, NULL, NULL, digest, NULL, NULL
FROM seen WHERE meter = ANY (%(listed)s::text[])
UNION ALL
SELECT 'hours', place, meter, dimensions, count(*), 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM seen WHERE meter = ANY (%(unlisted)s::text[])
GROUP BY place, meter, dimensions
UNION ALL
SELECT 'whole', NULL, meter, dimensions, count(*), 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM (SELECT DISTINCT meter, dimensions, digest FROM seen WHERE meter = ANY (%(unlisted)s::text[])) AS value
GROUP BY meter, dimensions
UNION ALL
SELECT 'event', NULL, event.type, NULL, NULL, NULL, NULL, NULL, event.occurred_at, event.source, NULL, NULL,
    event.event_id, event.data
FROM unnest(%(edge_starts)s::timestamptz[], %(edge_ends)s::timestamptz[]) AS edge (start, stop)
CROSS JOIN LATERAL (
    SELECT type, occurred_at, source, event_id, data::text AS data FROM metering.counted_events
    WHERE customer_id = %(customer_id)s::uuid AND occurred_at >= edge.start AND occurred_at < edge.stop
    OFFSET 0
) AS event
WHERE event.type = ANY (CASE WHEN event.occurred_at < %(first)s::timestamptz
    THEN %(level_types)s::text[] ELSE %(types)s::text[] END)
"""

_ROWS_AT_ONCE = 1_000


async def select_parts(tx: Tx, customer_id: UUID, question: Question) -> Combination:
    """Everything that the customer's quantities are made of, read as a stream and put together."""
    combination = Combination(question)
    async with tx.cursor() as cursor:
        rows = cursor.stream(SELECT_PARTS, values_of(customer_id, question), size=_ROWS_AT_ONCE)
        # Closed at once when too much is asked for: a stream that is left open keeps the connection for itself.
        async with aclosing(cast("AsyncGenerator[tuple[Any, ...]]", rows)):
            async for row in rows:
                add_part(combination, customer_id, row)
    return combination


def values_of(customer_id: UUID, question: Question) -> dict[str, object]:
    """What `SELECT_PARTS` is asked with."""
    kinds: dict[Aggregation, list[str]] = {kind: [] for kind in Aggregation}
    for meter in question.meters:
        kinds[meter.definition.aggregation].append(meter.series)
    first = question.windows[0].head_start
    edges = edges_of(question.windows)
    if kinds[Aggregation.TIME_WEIGHTED] and hour_of(first) < first:
        edges.insert(0, (hour_of(first), first))
    # One number says how many values there are, unless they have to be told apart from those elsewhere.
    is_apart = bool(edges) or bool(question.only)
    is_split = bool(question.group_by) or bool(question.only)
    unlisted = [
        meter.series
        for meter in question.meters
        if meter.definition.aggregation is Aggregation.UNIQUE
        and not is_apart
        and (not is_split or {each.name for each in meter.definition.group_by} <= set(question.group_by))
    ]
    unique, levels = kinds[Aggregation.UNIQUE], kinds[Aggregation.TIME_WEIGHTED]
    grouped = [meter.series for meter in question.meters if meter.definition.group_by and meter.series in levels]
    whole = [each for each in question.windows if each.hours_start < each.hours_end]
    return {
        "customer_id": customer_id,
        "hours_starts": _array(each.hours_start for each in question.windows),
        "hours_ends": _array(each.hours_end for each in question.windows),
        "hours_start": whole[0].hours_start if whole else first,
        "hours_end": whole[-1].hours_end if whole else first,
        "first_hour": hour_of(first),
        "split": is_split,
        "added": [name for kind in ADDED for name in kinds[kind]],
        "highest": kinds[Aggregation.MAX],
        "lowest": kinds[Aggregation.MIN],
        "kept": kinds[Aggregation.LATEST] + levels,
        "levels": [name for name in levels if name not in grouped],
        "grouped_levels": grouped,
        "unique": unique,
        "unlisted": unlisted,
        "listed": [name for name in unique if name not in unlisted],
        "edge_starts": _array(start for start, _ in edges),
        "edge_ends": _array(end for _, end in edges),
        # Only a level reaches from before the first stretch into it.
        "level_types": sorted({each.definition.event_type for each in question.meters if each.series in levels}),
        "first": first,
        "types": sorted({meter.definition.event_type for meter in question.meters}),
    }


ADDED = (Aggregation.COUNT, Aggregation.SUM, Aggregation.MAX, Aggregation.MIN, Aggregation.UNIQUE)


def _array(times: Iterable[datetime]) -> str:
    """An array as PostgreSQL reads it: psycopg takes ten times as long to write one of thousands of times."""
    return "{" + ",".join(each.isoformat() for each in times) + "}"


def edges_of(windows: tuple[Window, ...]) -> list[tuple[datetime, datetime]]:
    """The stretches that are no whole hours; adjoining ones are one."""
    found: list[tuple[datetime, datetime]] = []
    for window in windows:
        if window.head_start == window.hours_start and window.hours_end == window.tail_end:
            continue
        for start, end in ((window.head_start, window.hours_start), (window.hours_end, window.tail_end)):
            if start < end and found and found[-1][1] == start:
                found[-1] = (found[-1][0], end)
            elif start < end:
                found.append((start, end))
    return found


def add_part(combination: Combination, customer_id: UUID, row: tuple[Any, ...], *, place: int | None = None) -> None:
    """Give one row to the combination; `place` says of which of its stretches, where the row does not."""
    part, told, meter, dimensions, quantity, events, hour, first_at, at, key, value, digest, id, data = row
    place = told - 1 if place is None and told is not None else place or 0
    if part == "hours":
        combination.add_hours(place, meter, dimensions, quantity, events)
    elif part == "event":
        combination.add_event(CountedEvent(customer_id, meter, at, event_key(key, id), stored_data(data)))
    elif part == "digest":
        combination.add_digest(place, meter, dimensions, digest)
    elif part == "whole":
        combination.add_whole(meter, dimensions, quantity)
    elif part == "before":
        combination.add_before(meter, dimensions, Sample(at, key, value))
    else:
        run = Run(hour, dimensions, quantity, events, first_at, Sample(at, key, value))
        combination.add_run(place, meter, run)
