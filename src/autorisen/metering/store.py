"""The SQL of ingest and claims. Columns travel as one text per column: see `packed`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from uuid import UUID

from autorisen.kit.database import Tx
from autorisen.metering.counting import CountedEvent, event_key
from autorisen.metering.decode import stored_data
from autorisen.metering.model import Arrival, Event, Receipt, Rejection
from autorisen.metering.packing import packed

# --------------------------------------------------------------------------------------------------------- ingest

# Counted by a query, because in a pipeline only a fetch waits for an answer. A batch of new events only is written with
# them: for a handful of events a statement of its own costs as much as what it stores.
INSERT_EVENTS = """
WITH added AS (
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
RETURNING 1
), batch AS (
INSERT INTO metering.batches (id, received_at, accepted, duplicates, conflicts, rejected, backfill_id)
SELECT %(batch)s::uuid, %(now)s::timestamptz, %(accepted)s::integer, 0, 0, %(rejected)s::integer, %(backfill)s::uuid
WHERE (SELECT count(*) FROM added) = %(accepted)s::integer
)
SELECT count(*) FROM added
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


@dataclass(frozen=True)
class Batch:
    """The events that one transaction takes in; `backfill_id` is the backfill they belong to, if any."""

    id: UUID
    received_at: datetime
    backfill_id: UUID | None = None


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


async def insert_events(tx: Tx, rows: Sequence[Arrival], batch: Batch, unseen: Receipt | None) -> bool:
    """Store the rows that are new; those without a time have the batch's. Gives whether all of them were new.

    Then `unseen`, which is true only then, is stored as the batch's receipt; in every other case `insert_batch` is due.
    """
    values = _columns(rows, batch.id) | {"customers": packed([row.customer_id for row in rows])}
    # No insert adds -1 rows.
    accepted, rejected = (-1, 0) if unseen is None else (unseen.accepted, unseen.rejected)
    values |= {"now": batch.received_at, "accepted": accepted, "rejected": rejected, "backfill": batch.backfill_id}
    return await (await tx.execute(INSERT_EVENTS, values)).fetchone() == (len(rows),)


async def compare_events(tx: Tx, rows: Sequence[Arrival], batch_id: UUID) -> dict[int, tuple[bool, bool]]:
    """By place: whether what is stored under the row's identity came with this batch, and has the row's content."""
    cursor = await tx.execute(COMPARE_EVENTS, _columns(rows, batch_id))
    return {place: (ours, same) for place, ours, same in await cursor.fetchall()}


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


async def insert_batch(tx: Tx, batch: Batch, receipt: Receipt) -> None:
    await tx.execute(
        INSERT_BATCH,
        {
            "id": batch.id,
            "now": batch.received_at,
            "accepted": receipt.accepted,
            "duplicates": receipt.duplicates,
            "conflicts": receipt.conflicts,
            "rejected": receipt.rejected,
            "backfill": batch.backfill_id,
        },
    )


# --------------------------------------------------------------------------------------------------------- claims

ENTER_CLAIM = "SELECT pg_advisory_xact_lock_shared(4, 1), pg_advisory_xact_lock(4, 2)"

CLAIM = """
WITH claimed AS (
    UPDATE metering.events SET customer_id = %(customer_id)s::uuid
    WHERE (tenant, source, event_id) IN (
        SELECT tenant, source, event_id FROM metering.events
        WHERE customer_id IS NULL AND subject = ANY (%(subjects)s::text[]) LIMIT %(limit)s
    )
    RETURNING tenant, source, event_id, type, occurred_at, data
)
SELECT claimed.type, claimed.occurred_at, claimed.source, claimed.event_id, claimed.data::text,
    EXISTS (SELECT FROM metering.corrections WHERE (corrections.tenant, corrections.source, corrections.event_id)
        = (claimed.tenant, claimed.source, claimed.event_id))
FROM claimed
"""


async def enter_claim(tx: Tx) -> None:
    """One claim at a time, and none while the meters change."""
    await tx.execute(ENTER_CLAIM)


async def claim(tx: Tx, customer_id: UUID, subjects: Sequence[str], limit: int) -> tuple[int, list[CountedEvent]]:
    """Give at most `limit` events of these subjects, so far nobody's, to the customer.

    Gives how many, and those that count as they came: a corrected one has been counted as it was corrected.
    """
    values = {"customer_id": customer_id, "subjects": list(subjects), "limit": limit}
    rows = await (await tx.execute(CLAIM, values)).fetchall()
    found = [
        CountedEvent(customer_id, type, at, event_key(source, id), stored_data(data))
        for type, at, source, id, data, is_corrected in rows
        if not is_corrected
    ]
    return len(rows), found
