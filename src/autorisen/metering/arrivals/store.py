"""The SQL of arrivals. Every statement reads the batches of a day or a bounded number of events."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from autorisen.kit.database import Tx
from autorisen.metering.arrivals.model import Counts, Lag, Newest, Rates, Source, put_together

SELECT_LAST = "SELECT max(received_at) FROM metering.batches"

SELECT_HOURS = """
SELECT date_trunc('hour', received_at, 'UTC'),
    count(*), sum(accepted), sum(duplicates), sum(conflicts), sum(rejected),
    count(*) FILTER (WHERE received_at > %(hour_ago)s::timestamptz),
    coalesce(sum(accepted) FILTER (WHERE received_at > %(hour_ago)s), 0),
    coalesce(sum(duplicates) FILTER (WHERE received_at > %(hour_ago)s), 0),
    coalesce(sum(conflicts) FILTER (WHERE received_at > %(hour_ago)s), 0),
    coalesce(sum(rejected) FILTER (WHERE received_at > %(hour_ago)s), 0)
FROM metering.batches WHERE received_at > %(day_ago)s::timestamptz
GROUP BY 1 ORDER BY 1
"""

# The last batches that together have so many events.
SELECT_LAST_BATCHES = """
SELECT id, received_at FROM (
    SELECT id, received_at, sum(accepted) OVER (ORDER BY received_at DESC, id DESC) - accepted AS before
    FROM (
        SELECT id, received_at, accepted FROM metering.batches
        WHERE accepted > 0 AND backfill_id IS NULL
        ORDER BY received_at DESC, id DESC LIMIT %(batches)s
    ) AS last
) AS newest
WHERE before < %(events)s ORDER BY id
"""

# Their events, through the BRIN index on batch_id. Its bounds are parameters: the planner has to see how few there are,
# or it reads the whole table.
SELECT_NEWEST = """
WITH arrived AS (
    SELECT event.tenant, event.source, event.occurred_at, event.timed, chosen.received_at,
        chosen.received_at - event.occurred_at AS lag
    FROM metering.events AS event
    JOIN unnest(%(ids)s::uuid[], %(times)s::timestamptz[]) AS chosen (id, received_at) ON chosen.id = event.batch_id
    WHERE event.batch_id >= %(first)s::uuid AND event.batch_id <= %(last)s::uuid
)
SELECT grouping(tenant) = 1, tenant, source, count(*), min(received_at), max(received_at), max(occurred_at),
    count(*) FILTER (WHERE timed),
    percentile_disc(0.5) WITHIN GROUP (ORDER BY lag) FILTER (WHERE timed),
    percentile_disc(0.95) WITHIN GROUP (ORDER BY lag) FILTER (WHERE timed),
    max(lag) FILTER (WHERE timed),
    count(*) FILTER (WHERE timed AND lag > interval '1 hour'),
    count(*) FILTER (WHERE timed AND lag > interval '1 day'),
    count(*) FILTER (WHERE timed AND lag < interval '0')
FROM arrived GROUP BY GROUPING SETS ((), (tenant, source))
ORDER BY 1 DESC, max(received_at) DESC, source, tenant LIMIT %(sources)s + 1
"""

# One step of the primary key a source.
SELECT_SOURCES = """
WITH RECURSIVE known (tenant, source, number) AS (
    (SELECT tenant, source, 1 FROM metering.events ORDER BY tenant, source LIMIT 1)
    UNION ALL
    SELECT following.tenant, following.source, known.number + 1
    FROM known CROSS JOIN LATERAL (
        SELECT tenant, source FROM metering.events WHERE (tenant, source) > (known.tenant, known.source)
        ORDER BY tenant, source LIMIT 1
    ) AS following
    WHERE known.number < %(sources)s
)
SELECT tenant, source FROM known ORDER BY source, tenant
"""


async def rates(tx: Tx, *, hour_ago: datetime, day_ago: datetime) -> Rates:
    last = await (await tx.execute(SELECT_LAST)).fetchone()
    cursor = await tx.execute(SELECT_HOURS, {"hour_ago": hour_ago, "day_ago": day_ago})
    rows = [(row[0], _counts(row[1:6]), _counts(row[6:11])) for row in await cursor.fetchall()]
    return put_together(rows, last[0] if last else None)


def _counts(row: tuple[Any, ...]) -> Counts:
    return Counts(*(int(value) for value in row))


async def newest(tx: Tx, *, events: int, batches: int, sources: int) -> Newest:
    """Of the newest `events`, in at most so many batches; and of at most so many sources."""
    found = await tx.execute(SELECT_LAST_BATCHES, {"events": events, "batches": batches})
    chosen = await found.fetchall()
    values: dict[str, object] = {
        "ids": [id for id, _ in chosen],
        "times": [at for _, at in chosen],
        "first": chosen[0][0] if chosen else None,
        "last": chosen[-1][0] if chosen else None,
        "sources": sources,
    }
    (_, _, _, count, since, _, _, timed, *lag), *rows = await (await tx.execute(SELECT_NEWEST, values)).fetchall()
    heard = [Source(tenant, source, number, last, used) for _, tenant, source, number, _, last, used, *_ in rows]
    known: list[tuple[UUID, str]] = [
        (tenant, source) for tenant, source in await (await tx.execute(SELECT_SOURCES, {"sources": sources})).fetchall()
    ]
    names = {(each.tenant, each.name) for each in heard}
    return Newest(
        since=since,
        events=count,
        lag=Lag(timed, *lag) if timed else None,
        sources=tuple(heard),
        silent=tuple(each for each in known if each not in names),
    )
