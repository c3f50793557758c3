"""All SQL of metering. Columns travel as one text per column: see `packed`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from uuid import UUID

from psycopg.rows import TupleRow

from autorisen.kit.database import Tx
from autorisen.metering.model import (
    Aggregation,
    Arrival,
    Event,
    MeterDefinition,
    Receipt,
    Rejection,
)

_SEPARATOR = "\x1f"


def packed(values: Iterable[str]) -> str:
    """One column as one text, which `string_to_array` cuts again.

    Adapting Python lists element by element costs more than all the rest of the ingest. The separator is safe:
    CloudEvents allows no control characters in attributes, and JSON none unescaped. Empty stands for NULL.
    """
    return _SEPARATOR.join(values)


# --------------------------------------------------------------------------------------------------------- ingest

ENTER_INGEST = "SELECT key, name, unit, event_type, aggregation, value_path FROM metering.enter_ingest()"

INSERT_EVENTS = """
INSERT INTO metering.events
    (tenant, source, event_id, type, subject, customer_id, occurred_at, timed, batch_id, data, extensions)
SELECT tenant, source, event_id, type, subject, customer_id, coalesce(occurred_at, %(now)s::timestamptz),
    occurred_at IS NOT NULL, %(batch)s::uuid, data, extensions
FROM unnest(
    string_to_array(%(tenants)s::text, chr(31))::uuid[],
    string_to_array(%(sources)s::text, chr(31)),
    string_to_array(%(ids)s::text, chr(31)),
    string_to_array(%(types)s::text, chr(31)),
    string_to_array(%(subjects)s::text, chr(31)),
    string_to_array(%(customers)s::text, chr(31), '')::uuid[],
    string_to_array(%(times)s::text, chr(31), '')::timestamptz[],
    string_to_array(%(datas)s::text, chr(31))::json[],
    string_to_array(%(extensions)s::text, chr(31), '')::json[]
) AS sent (tenant, source, event_id, type, subject, customer_id, occurred_at, data, extensions)
ON CONFLICT DO NOTHING
"""

# A statement of its own: only a new snapshot shows what a concurrent transaction committed during the insert.
COMPARE_EVENTS = """
SELECT sent.ordinal - 1, stored.batch_id = %(batch)s::uuid, stored.type = sent.type AND stored.subject = sent.subject
    AND stored.timed = (sent.occurred_at IS NOT NULL)
    AND (sent.occurred_at IS NULL OR stored.occurred_at = sent.occurred_at)
    AND stored.data::text = sent.data AND stored.extensions::text IS NOT DISTINCT FROM sent.extensions
FROM unnest(
    string_to_array(%(tenants)s::text, chr(31))::uuid[],
    string_to_array(%(sources)s::text, chr(31)),
    string_to_array(%(ids)s::text, chr(31)),
    string_to_array(%(types)s::text, chr(31)),
    string_to_array(%(subjects)s::text, chr(31)),
    string_to_array(%(times)s::text, chr(31), '')::timestamptz[],
    string_to_array(%(datas)s::text, chr(31)),
    string_to_array(%(extensions)s::text, chr(31), '')
) WITH ORDINALITY AS sent (tenant, source, event_id, type, subject, occurred_at, data, extensions, ordinal)
JOIN metering.events AS stored USING (tenant, source, event_id)
"""

ADD_TO_ROLLUPS = """
INSERT INTO metering.rollups AS rollup (meter, customer_id, hour, quantity, events)
SELECT * FROM unnest(
    string_to_array(%(meters)s::text, chr(31)),
    string_to_array(%(customers)s::text, chr(31))::uuid[],
    string_to_array(%(hours)s::text, chr(31))::timestamptz[],
    string_to_array(%(quantities)s::text, chr(31))::numeric[],
    string_to_array(%(events)s::text, chr(31))::bigint[]
)
ON CONFLICT (customer_id, meter, hour, dimensions) DO UPDATE
SET quantity = rollup.quantity + excluded.quantity, events = rollup.events + excluded.events
"""

ADD_UNMETERED = """
INSERT INTO metering.unmetered_types AS unmetered (type, events, last_seen_at)
SELECT type, events, %(now)s::timestamptz
FROM unnest(%(types)s::text[], %(events)s::bigint[]) AS seen (type, events)
ON CONFLICT (type) DO UPDATE
SET events = unmetered.events + excluded.events, last_seen_at = greatest(unmetered.last_seen_at, excluded.last_seen_at)
"""

INSERT_CONFLICT = """
INSERT INTO metering.conflicts
    (tenant, source, event_id, digest, type, subject, occurred_at, data, extensions, received_at)
VALUES (%(tenant)s, %(source)s, %(id)s, %(digest)s, %(type)s, %(subject)s, %(time)s, %(data)s::json,
    nullif(%(extensions)s, '')::json, %(now)s)
ON CONFLICT DO NOTHING
"""

INSERT_REJECTED = """
INSERT INTO metering.rejected_events AS known
    (tenant, digest, event_id, field, rule, body, first_received_at, last_received_at)
VALUES (%(tenant)s, %(digest)s, %(id)s, %(field)s, %(rule)s, %(body)s, %(now)s, %(now)s)
ON CONFLICT (tenant, digest) DO UPDATE SET times = known.times + 1, last_received_at = excluded.last_received_at
"""

INSERT_BATCH = """
INSERT INTO metering.batches (id, received_at, accepted, duplicates, conflicts, rejected, backfill_id)
VALUES (%(id)s, %(now)s, %(accepted)s, %(duplicates)s, %(conflicts)s, %(rejected)s, %(backfill)s)
"""


async def enter_ingest(tx: Tx) -> list[MeterDefinition]:
    """The meters, which nobody changes before this transaction ends."""
    cursor = await tx.execute(ENTER_INGEST)
    return [
        MeterDefinition(key, name, unit, event_type, Aggregation(aggregation), tuple(value_path))
        for key, name, unit, event_type, aggregation, value_path in await cursor.fetchall()
    ]


def _columns(rows: Sequence[Arrival], batch_id: UUID) -> dict[str, object]:
    return {
        "batch": batch_id,
        "tenants": packed([row.tenant for row in rows]),
        "sources": packed([row.event.source for row in rows]),
        "ids": packed([row.event.id for row in rows]),
        "types": packed([row.event.type for row in rows]),
        "subjects": packed([row.event.subject for row in rows]),
        "times": packed([row.event.stamp for row in rows]),
        "datas": packed([row.event.data_json for row in rows]),
        "extensions": packed([row.event.extensions_json for row in rows]),
    }


async def insert_events(tx: Tx, rows: Sequence[Arrival], batch_id: UUID, now: datetime) -> bool:
    """Store the rows that are new; `now` is the time of those that have none. Gives whether all of them were new."""
    values = _columns(rows, batch_id) | {"customers": packed([row.customer_id for row in rows]), "now": now}
    return (await tx.execute(INSERT_EVENTS, values)).rowcount == len(rows)


async def compare_events(tx: Tx, rows: Sequence[Arrival], batch_id: UUID) -> dict[int, tuple[bool, bool]]:
    """By place: whether what is stored under the row's identity came with this batch, and has the row's content."""
    cursor = await tx.execute(COMPARE_EVENTS, _columns(rows, batch_id))
    return {place: (ours, same) for place, ours, same in await cursor.fetchall()}


Sums = dict[tuple[str, str, str], tuple[int | Decimal, int]]


async def add_to_rollups(tx: Tx, sums: Sums) -> None:
    """Add quantities and event counts by (customer, meter, hour like 2026-03-01T08).

    In one order for all, so that two transactions never wait for each other.
    """
    keys = sorted(sums)
    await tx.execute(
        ADD_TO_ROLLUPS,
        {
            "customers": packed([key[0] for key in keys]),
            "meters": packed([key[1] for key in keys]),
            "hours": packed([f"{key[2]}:00:00Z" for key in keys]),
            "quantities": packed([str(sums[key][0]) for key in keys]),
            "events": packed([str(sums[key][1]) for key in keys]),
        },
    )


async def add_unmetered(tx: Tx, counts: dict[str, int], now: datetime) -> None:
    types = sorted(counts)
    await tx.execute(ADD_UNMETERED, {"types": types, "events": [counts[each] for each in types], "now": now})


async def insert_conflicts(tx: Tx, conflicts: Sequence[tuple[UUID, Event]], now: datetime) -> None:
    rows = [
        {
            "tenant": tenant,
            "source": event.source,
            "id": event.id,
            "digest": blake2b("\x1f".join(event.content).encode(), digest_size=16).digest(),
            "type": event.type,
            "subject": event.subject,
            "time": event.time,
            "data": event.data_json,
            "extensions": event.extensions_json,
            "now": now,
        }
        for tenant, event in sorted(conflicts, key=lambda each: (each[0], each[1].source, each[1].id))
    ]
    async with tx.cursor() as cursor:
        await cursor.executemany(INSERT_CONFLICT, rows)


async def insert_rejected(tx: Tx, rejections: Mapping[tuple[UUID, bytes], Rejection], now: datetime) -> None:
    """Keep rejections by tenant and digest, in that order; the same one sent again is only counted."""
    rows = [
        {
            "tenant": tenant,
            "digest": digest,
            "id": rejection.id,
            "field": rejection.field,
            "rule": rejection.rule,
            "body": rejection.body,
            "now": now,
        }
        for (tenant, digest), rejection in sorted(rejections.items(), key=lambda each: each[0])
    ]
    async with tx.cursor() as cursor:
        await cursor.executemany(INSERT_REJECTED, rows)


async def insert_batch(
    tx: Tx, batch_id: UUID, receipt: Receipt, now: datetime, backfill_id: UUID | None = None
) -> None:
    await tx.execute(
        INSERT_BATCH,
        {
            "id": batch_id,
            "now": now,
            "accepted": receipt.accepted,
            "duplicates": receipt.duplicates,
            "conflicts": receipt.conflicts,
            "rejected": receipt.rejected,
            "backfill": backfill_id,
        },
    )


# --------------------------------------------------------------------------------------------------------- meters

STOP_INGEST = "SELECT pg_advisory_xact_lock(4, 1)"
ALLOW_LONG = "SET LOCAL statement_timeout = 0"

UPSERT_METER = """
INSERT INTO metering.meters (key, name, unit, event_type, aggregation, value_path, changed_at)
VALUES (%(key)s, %(name)s, %(unit)s, %(event_type)s, %(aggregation)s, %(value_path)s::text[], %(now)s)
ON CONFLICT (key) DO UPDATE
SET name = excluded.name, unit = excluded.unit, event_type = excluded.event_type,
    aggregation = excluded.aggregation, value_path = excluded.value_path, changed_at = excluded.changed_at
"""

DELETE_METER = "DELETE FROM metering.meters WHERE key = %(key)s"

COUNTED_METERS = """
SELECT key FROM metering.meters WHERE EXISTS (SELECT FROM metering.rollups WHERE rollups.meter = meters.key)
"""

REBUILD_ROLLUPS = """
INSERT INTO metering.rollups (meter, customer_id, hour, quantity, events)
SELECT key, customer_id, hour, sum(quantity), count(*)
FROM (
    SELECT meter.key, event.customer_id, date_trunc('hour', event.occurred_at, 'UTC') AS hour,
        metering.measured(meter.aggregation, meter.value_path, event.data) AS quantity
    FROM metering.meters AS meter JOIN metering.events AS event ON event.type = meter.event_type
    WHERE meter.key = %(key)s AND event.customer_id IS NOT NULL
) AS measured
WHERE quantity IS NOT NULL
GROUP BY key, customer_id, hour
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


async def stop_ingest(tx: Tx) -> None:
    """Wait until no ingest runs, and keep others out until this transaction ends."""
    await tx.execute(STOP_INGEST)
    await tx.execute(ALLOW_LONG)


async def upsert_meter(tx: Tx, meter: MeterDefinition, now: datetime) -> None:
    await tx.execute(
        UPSERT_METER,
        {
            "key": meter.key,
            "name": meter.name,
            "unit": meter.unit,
            "event_type": meter.event_type,
            "aggregation": meter.aggregation.value,
            "value_path": list(meter.value_path),
            "now": now,
        },
    )


async def counted_meters(tx: Tx) -> list[str]:
    """The keys of the meters under which usage was counted."""
    return [key for (key,) in await (await tx.execute(COUNTED_METERS)).fetchall()]


async def delete_meter(tx: Tx, key: str) -> None:
    """Remove a meter that counted nothing: the database refuses it for others."""
    await tx.execute(DELETE_METER, {"key": key})


async def rebuild_rollups(tx: Tx, key: str) -> None:
    """Fill the rollups of one meter, which must be empty, from the raw events."""
    await tx.execute(REBUILD_ROLLUPS, {"key": key})


async def recount_unmetered(tx: Tx, released_types: Sequence[str]) -> None:
    """Forget the types that a meter counts now; count those that no meter counts any more."""
    await tx.execute(DELETE_METERED_TYPES)
    await tx.execute(COUNT_UNMETERED, {"types": list(released_types)})


# --------------------------------------------------------------------------------------------------------- claims

ENTER_CLAIM = "SELECT pg_advisory_xact_lock_shared(4, 1), pg_advisory_xact_lock(4, 2)"

CLAIM = """
WITH claimed AS (
    UPDATE metering.events SET customer_id = %(customer_id)s::uuid
    WHERE customer_id IS NULL AND subject = ANY (%(subjects)s::text[])
    RETURNING type, occurred_at, data
), added AS (
    INSERT INTO metering.rollups AS rollup (meter, customer_id, hour, quantity, events)
    SELECT key, %(customer_id)s::uuid, hour, sum(quantity), count(*)
    FROM (
        SELECT meter.key, date_trunc('hour', claimed.occurred_at, 'UTC') AS hour,
            metering.measured(meter.aggregation, meter.value_path, claimed.data) AS quantity
        FROM claimed JOIN metering.meters AS meter ON meter.event_type = claimed.type
    ) AS measured
    WHERE quantity IS NOT NULL
    GROUP BY key, hour
    ORDER BY key, hour
    ON CONFLICT (customer_id, meter, hour, dimensions) DO UPDATE
    SET quantity = rollup.quantity + excluded.quantity, events = rollup.events + excluded.events
)
SELECT count(*) FROM claimed
"""


async def enter_claim(tx: Tx) -> None:
    """One claim at a time, and none while the meters change."""
    await tx.execute(ENTER_CLAIM)


async def claim(tx: Tx, customer_id: UUID, subjects: Sequence[str]) -> int:
    """Give the events of these subjects, so far nobody's, to the customer and count them. Gives how many."""
    cursor = await tx.execute(CLAIM, {"customer_id": customer_id, "subjects": list(subjects)})
    return _number(await cursor.fetchone())


def _number(row: TupleRow | None) -> int:
    return int(row[0]) if row is not None else 0
