"""The SQL of the reconciliation. Every comparison reads both of its sides from one snapshot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from autorisen.kit.database import Database, Tx
from autorisen.metering.control_totals.model import ControlTotal, Place, unsigned
from autorisen.metering.counting import Spot, hour_text
from autorisen.metering.model import Aggregation, Meter
from autorisen.metering.reconciliation.model import Reconciliation, Rolled, Scope

_ROWS_AT_ONCE = 1_000
NOWHERE = UUID(int=0)

ONE_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
ALLOW_LONG = "SET LOCAL statement_timeout = 0"

# ------------------------------------------------------------------------------------------------- control totals

# A stretch of hours: those that are recent, and those of which something was said lately.
NEXT_HOURS_OF_TOTALS = """
SELECT DISTINCT hour FROM metering.control_totals
WHERE (%(after)s::timestamptz IS NULL OR hour > %(after)s) AND hour < %(until)s
    AND (%(since)s::timestamptz IS NULL OR hour >= %(since)s OR sent_at >= %(since)s)
ORDER BY hour LIMIT %(limit)s
"""

SELECT_TOTALS = """
SELECT DISTINCT ON (hour, tenant, source, producer) tenant, source, hour, producer, events, digest
FROM metering.control_totals WHERE hour = %(hour)s
ORDER BY hour, tenant, source, producer, revision DESC
"""

# What was named and still holds.
SELECT_NAMED = """
SELECT finding.event_id, finding.kind FROM metering.control_findings AS finding
LEFT JOIN metering.events AS stored
    ON stored.tenant = finding.tenant AND stored.source = finding.source AND stored.event_id = finding.event_id
        AND stored.occurred_at >= finding.hour AND stored.occurred_at < finding.hour + interval '1 hour'
WHERE finding.hour = %(hour)s AND finding.tenant = %(tenant)s AND finding.source = %(source)s
    AND (finding.kind = 'unexpected') = (stored.event_id IS NOT NULL)
GROUP BY 1, 2 ORDER BY 1, 2
"""

# ------------------------------------------------------------------------------------------------------- receipts

FIRST_BATCH = "SELECT id FROM metering.batches WHERE received_at >= %(since)s ORDER BY id LIMIT 1"

NEXT_BATCHES = """
SELECT id, accepted FROM metering.batches WHERE id > %(after)s::uuid ORDER BY id LIMIT %(limit)s
"""

# Through the block range index: ids of batches follow the heap.
COUNT_BY_BATCH = """
SELECT batch_id, count(*) FROM metering.events
WHERE batch_id > %(after)s::uuid AND (%(through)s::uuid IS NULL OR batch_id <= %(through)s::uuid) GROUP BY batch_id
"""

EVENTS_OF_BATCH = """
SELECT source, event_id FROM metering.events WHERE batch_id = %(batch)s::uuid
ORDER BY source, event_id LIMIT %(limit)s
"""

# -------------------------------------------------------------------------------------------------------- rollups

# Where the stretch of about so many events of a customer ends: the time of the first one after it.
STRETCH_END = """
SELECT occurred_at FROM metering.events WHERE customer_id = %(customer_id)s AND occurred_at >= %(start)s
ORDER BY occurred_at OFFSET %(events)s LIMIT 1
"""

# Customers whose older hours changed: late events, corrections.
TOUCHED_BEFORE = """
SELECT customer_id, min(hour) FROM (
    SELECT customer_id, date_trunc('hour', min(occurred_at), 'UTC') AS hour FROM metering.events
    WHERE batch_id >= %(batch)s::uuid AND customer_id IS NOT NULL GROUP BY customer_id
    UNION ALL
    SELECT customer_id, min(hour) FROM metering.adjustments WHERE adjusted_at >= %(since)s GROUP BY customer_id
) AS touched
GROUP BY customer_id HAVING min(hour) < %(since)s
"""

SELECT_ROLLUPS = """
SELECT rollup.customer_id, rollup.meter, rollup.hour, rollup.dimensions, rollup.quantity, rollup.events,
    CASE WHEN asked.is_unique THEN (
        SELECT count(*) FROM metering.unique_values AS value WHERE value.customer_id = rollup.customer_id
            AND value.meter = rollup.meter AND value.hour = rollup.hour AND value.dimensions = rollup.dimensions
    ) END
FROM unnest(%(series)s::text[], %(are_unique)s::boolean[]) AS asked (meter, is_unique)
CROSS JOIN LATERAL (
    SELECT customer_id, meter, hour, dimensions, quantity, events FROM metering.rollups
    WHERE customer_id = %(customer_id)s AND meter = asked.meter AND hour >= %(start)s AND hour < %(end)s
    OFFSET 0
) AS rollup
"""

EVENTS_OF_HOUR = """
SELECT source, event_id FROM metering.counted_events
WHERE customer_id = %(customer_id)s AND type = %(type)s AND occurred_at >= %(start)s AND occurred_at < %(end)s
ORDER BY source, event_id LIMIT %(limit)s
"""

# -------------------------------------------------------------------------------------------------------- reports

INSERT_REPAIRS = """
INSERT INTO metering.rollup_repairs
    (reconciliation_id, meter, customer_id, hour, dimensions, before, after, actor, repaired_at)
SELECT %(id)s, meter, customer_id, hour, dimensions, before, after, %(actor)s, %(now)s
FROM unnest(%(meters)s::text[], %(customers)s::uuid[], %(hours)s::timestamptz[], %(dimensions)s::text[],
    %(befores)s::numeric[], %(afters)s::numeric[]
) AS repaired (meter, customer_id, hour, dimensions, before, after)
"""

INSERT_REPORT = """
INSERT INTO metering.reconciliations
    (id, began_at, finished_at, actor, since, until, differences, repaired, digest, document)
VALUES (%(id)s, %(began_at)s, %(finished_at)s, %(actor)s, %(since)s, %(until)s, %(differences)s, %(repaired)s,
    %(digest)s, %(document)s)
"""

LIST_REPORTS = """
SELECT id, began_at, finished_at, actor, since, until, differences, repaired, digest, '' FROM metering.reconciliations
WHERE %(after)s::uuid IS NULL OR id < %(after)s::uuid ORDER BY id DESC LIMIT %(limit)s
"""

SELECT_REPORT = """
SELECT id, began_at, finished_at, actor, since, until, differences, repaired, digest, document
FROM metering.reconciliations WHERE id = %(id)s
"""


@asynccontextmanager
async def snapshot(database: Database) -> AsyncIterator[Tx]:
    """A read-only transaction that sees one moment, for as long as its statements take."""
    async with database.read() as tx:
        await tx.execute(ONE_SNAPSHOT)
        await tx.execute(ALLOW_LONG)
        yield tx


async def hours_of_totals(tx: Tx, scope: Scope, after: datetime | None, limit: int) -> list[datetime]:
    values = {"after": after, "since": scope.since, "until": scope.until, "limit": limit}
    return [row[0] for row in await (await tx.execute(NEXT_HOURS_OF_TOTALS, values)).fetchall()]


async def totals_of_hour(tx: Tx, hour: datetime) -> dict[Place, list[ControlTotal]]:
    found: dict[Place, list[ControlTotal]] = {}
    for tenant, source, at, producer, events, digest in await (
        await tx.execute(SELECT_TOTALS, {"hour": hour})
    ).fetchall():
        total = ControlTotal(source, at, producer, events, unsigned(digest))
        found.setdefault(Place(tenant, source, at), []).append(total)
    return found


async def named_events(tx: Tx, place: Place) -> tuple[list[str], list[str]]:
    """The ids that producers named as missing here, and as unexpected here, and that still are."""
    values = {"hour": place.hour, "tenant": place.tenant, "source": place.source}
    rows = await (await tx.execute(SELECT_NAMED, values)).fetchall()
    return [id for id, kind in rows if kind == "missing"], [id for id, kind in rows if kind == "unexpected"]


async def first_batch(tx: Tx, since: datetime) -> UUID | None:
    """The first batch that arrived since then; None when none did."""
    row = await (await tx.execute(FIRST_BATCH, {"since": since})).fetchone()
    return row[0] if row else None


async def next_batches(tx: Tx, after: UUID, limit: int) -> dict[UUID, int]:
    return dict(await (await tx.execute(NEXT_BATCHES, {"after": after, "limit": limit})).fetchall())


async def count_by_batch(tx: Tx, after: UUID, through: UUID | None) -> dict[UUID, int]:
    return dict(await (await tx.execute(COUNT_BY_BATCH, {"after": after, "through": through})).fetchall())


async def events_of_batch(tx: Tx, batch: UUID, limit: int) -> list[tuple[str, str]]:
    return [
        (row[0], row[1])
        for row in await (await tx.execute(EVENTS_OF_BATCH, {"batch": batch, "limit": limit})).fetchall()
    ]


async def stretch_end(tx: Tx, customer_id: UUID, start: datetime, events: int) -> datetime | None:
    values = {"customer_id": customer_id, "start": start, "events": events}
    row = await (await tx.execute(STRETCH_END, values)).fetchone()
    return row[0] if row else None


async def touched_before(tx: Tx, batch: UUID, since: datetime) -> dict[UUID, datetime]:
    return dict(await (await tx.execute(TOUCHED_BEFORE, {"batch": batch, "since": since})).fetchall())


async def rollups_between(
    tx: Tx, customer_id: UUID, start: datetime, end: datetime, meters: Sequence[Meter]
) -> dict[Spot, Rolled]:
    """The rollups of a customer's hours; of `unique` meters with the number of values that are kept."""
    values = {
        "customer_id": customer_id,
        "start": start,
        "end": end,
        "series": [meter.series for meter in meters],
        "are_unique": [meter.definition.aggregation is Aggregation.UNIQUE for meter in meters],
    }
    rows = await (await tx.execute(SELECT_ROLLUPS, values)).fetchall()
    return {
        (str(customer), series, hour_text(hour), dimensions): Rolled(quantity, events, kept)
        for customer, series, hour, dimensions, quantity, events, kept in rows
    }


async def events_of_hour(
    tx: Tx, customer_id: UUID, type: str, start: datetime, end: datetime, limit: int
) -> list[tuple[str, str]]:
    values = {"customer_id": customer_id, "type": type, "start": start, "end": end, "limit": limit}
    return [(row[0], row[1]) for row in await (await tx.execute(EVENTS_OF_HOUR, values)).fetchall()]


async def insert_repairs(
    tx: Tx,
    id: UUID,
    repaired: Mapping[tuple[str, UUID, datetime, str], tuple[Decimal | None, Decimal | None]],
    actor: str,
    now: datetime,
) -> None:
    """Keep what a repair changed: the quantity before and after; None where there was, or is, no rollup."""
    spots = sorted(repaired)
    values = {
        "id": id,
        "actor": actor,
        "now": now,
        "meters": [spot[0] for spot in spots],
        "customers": [spot[1] for spot in spots],
        "hours": [spot[2] for spot in spots],
        "dimensions": [spot[3] for spot in spots],
        "befores": [repaired[spot][0] for spot in spots],
        "afters": [repaired[spot][1] for spot in spots],
    }
    await tx.execute(INSERT_REPAIRS, values)


async def insert_report(tx: Tx, report: Reconciliation) -> None:
    values = vars(report) | {"since": report.scope.since, "until": report.scope.until}
    await tx.execute(INSERT_REPORT, values)


async def reports(tx: Tx, after: UUID | None, limit: int) -> list[Reconciliation]:
    rows = await (await tx.execute(LIST_REPORTS, {"after": after, "limit": limit})).fetchall()
    return [_report(row) for row in rows]


async def report(tx: Tx, id: UUID) -> Reconciliation | None:
    row = await (await tx.execute(SELECT_REPORT, {"id": id})).fetchone()
    return None if row is None else _report(row)


def _report(row: Sequence[Any]) -> Reconciliation:
    id, began_at, finished_at, actor, since, until, differences, repaired, digest, document = row
    return Reconciliation(
        id, began_at, finished_at, actor, Scope(since, until), differences, repaired, digest, document
    )
