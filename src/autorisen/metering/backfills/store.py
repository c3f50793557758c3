"""The SQL of backfills: which there are and how far each one is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import TupleRow

from autorisen.kit.database import Tx
from autorisen.metering.backfills.model import Backfill, BackfillState, RowCounts

TRY_LOCK = "SELECT pg_try_advisory_xact_lock(%(key)s::bigint)"
# Its connection has nothing to do until the end.
WAIT_LONG = "SET LOCAL idle_in_transaction_session_timeout = 0"

INSERT_BACKFILL = """
INSERT INTO metering.backfills
    (id, tag, actor, file_name, file_digest, digest, options, state, rows, started_at)
VALUES (%(id)s, %(tag)s, %(actor)s, %(file_name)s, %(file_digest)s, %(digest)s, %(options)s::json, 'running',
    %(rows)s, %(now)s)
"""

BACKFILL_OF = """
SELECT id, tag, actor, file_name, file_digest, digest, options, state, rows, next_row,
    accepted, restored, duplicates, conflicts, rejected, started_at, finished_at, reverted_upto, reverted_events,
    reverted_at, reverted_by
FROM metering.backfills WHERE digest = %(digest)s AND state <> 'reverted'
"""

BACKFILL_TAGGED = """
SELECT id, tag, actor, file_name, file_digest, digest, options, state, rows, next_row,
    accepted, restored, duplicates, conflicts, rejected, started_at, finished_at, reverted_upto, reverted_events,
    reverted_at, reverted_by
FROM metering.backfills WHERE tag = %(tag)s AND state <> 'reverted'
"""

INTERRUPTED_BACKFILL = """
SELECT id, tag, actor, file_name, file_digest, digest, options, state, rows, next_row,
    accepted, restored, duplicates, conflicts, rejected, started_at, finished_at, reverted_upto, reverted_events,
    reverted_at, reverted_by
FROM metering.backfills WHERE file_name = %(file_name)s AND state = 'running' ORDER BY id DESC LIMIT 1
"""

LIST_BACKFILLS = """
SELECT id, tag, actor, file_name, file_digest, digest, options, state, rows, next_row,
    accepted, restored, duplicates, conflicts, rejected, started_at, finished_at, reverted_upto, reverted_events,
    reverted_at, reverted_by
FROM metering.backfills ORDER BY id DESC LIMIT %(limit)s
"""

ADVANCE = """
UPDATE metering.backfills
SET next_row = %(next_row)s, accepted = accepted + %(accepted)s, restored = restored + %(restored)s,
    duplicates = duplicates + %(duplicates)s, conflicts = conflicts + %(conflicts)s, rejected = rejected + %(rejected)s
WHERE id = %(id)s AND state = 'running' AND next_row = %(first_row)s
"""

FINISH_BACKFILL = """
UPDATE metering.backfills SET state = 'done', rows = %(rows)s, finished_at = %(now)s
WHERE id = %(id)s AND state = 'running' AND next_row = %(rows)s
"""

BEGIN_REVERT = "UPDATE metering.backfills SET state = 'reverting' WHERE id = %(id)s AND state <> 'reverted'"

NEXT_BATCH = """
SELECT id FROM metering.batches
WHERE backfill_id = %(id)s AND (%(after)s::uuid IS NULL OR id > %(after)s) ORDER BY id LIMIT 1
"""

EVENTS_OF_BATCH = """
SELECT tenant, source, event_id, subject, occurred_at FROM metering.events WHERE batch_id = %(batch)s::uuid
"""

# Events of a backfill that was reverted before, which this one brought in again.
RESTORED_EVENTS = """
SELECT tenant, source, event_id, subject, occurred_at FROM metering.corrections AS newest
WHERE backfill_id = %(id)s AND kind = 'amend' AND NOT EXISTS (
    SELECT FROM metering.corrections AS newer
    WHERE newer.tenant = newest.tenant AND newer.source = newest.source AND newer.event_id = newest.event_id
        AND newer.revision > newest.revision
)
LIMIT %(limit)s
"""

# Of these events, those that do not count because their backfill was reverted.
TAKEN_BACK = """
SELECT asked.source, asked.event_id
FROM unnest(%(sources)s::text[], %(ids)s::text[]) AS asked (source, event_id)
CROSS JOIN LATERAL (
    SELECT kind, backfill_id FROM metering.corrections
    WHERE corrections.tenant = %(tenant)s AND corrections.source = asked.source
        AND corrections.event_id = asked.event_id
    ORDER BY revision DESC LIMIT 1
) AS newest
WHERE newest.kind = 'void' AND newest.backfill_id IS NOT NULL
"""

STEP_REVERT = """
UPDATE metering.backfills
SET reverted_upto = coalesce(%(upto)s::uuid, reverted_upto), reverted_events = reverted_events + %(events)s
WHERE id = %(id)s AND state = 'reverting' AND reverted_upto IS NOT DISTINCT FROM %(before)s::uuid
"""

FINISH_REVERT = """
UPDATE metering.backfills SET state = 'reverted', reverted_at = %(now)s, reverted_by = %(actor)s
WHERE id = %(id)s AND state = 'reverting'
"""

# Tenant, source, id, subject and time of an event.
Taken = tuple[UUID, str, str, str, datetime]


def _backfill(row: TupleRow) -> Backfill:
    id, tag, actor, file_name, file_digest, digest, options, state, rows, next_row, *rest = row
    counts, (started_at, finished_at, reverted_upto, reverted_events, reverted_at, reverted_by) = rest[:5], rest[5:]
    return Backfill(
        id=id,
        tag=tag,
        actor=actor,
        file_name=file_name,
        file_digest=file_digest,
        digest=digest,
        options=options,
        state=BackfillState(state),
        rows=rows,
        next_row=next_row,
        counts=RowCounts(*counts),
        started_at=started_at,
        finished_at=finished_at,
        reverted_upto=reverted_upto,
        reverted_events=reverted_events,
        reverted_at=reverted_at,
        reverted_by=reverted_by,
    )


async def try_lock(tx: Tx, digest: bytes) -> bool:
    """Whether nobody else holds the lock of this backfill; held until this transaction ends."""
    await tx.execute(WAIT_LONG)
    key = int.from_bytes(digest[:8], "big", signed=True)
    row = await (await tx.execute(TRY_LOCK, {"key": key})).fetchone()
    return row is not None and bool(row[0])


async def insert_backfill(tx: Tx, backfill: Backfill) -> None:
    await tx.execute(
        INSERT_BACKFILL,
        {
            "id": backfill.id,
            "tag": backfill.tag,
            "actor": backfill.actor,
            "file_name": backfill.file_name,
            "file_digest": backfill.file_digest,
            "digest": backfill.digest,
            "options": json.dumps(backfill.options),
            "rows": backfill.rows,
            "now": backfill.started_at,
        },
    )


async def backfill_of(tx: Tx, digest: bytes) -> Backfill | None:
    """The backfill of this content with these options, unless it was reverted."""
    row = await (await tx.execute(BACKFILL_OF, {"digest": digest})).fetchone()
    return _backfill(row) if row else None


async def backfill_tagged(tx: Tx, tag: str) -> Backfill | None:
    """The backfill of this tag, unless it was reverted."""
    row = await (await tx.execute(BACKFILL_TAGGED, {"tag": tag})).fetchone()
    return _backfill(row) if row else None


async def interrupted_backfill(tx: Tx, file_name: str) -> Backfill | None:
    row = await (await tx.execute(INTERRUPTED_BACKFILL, {"file_name": file_name})).fetchone()
    return _backfill(row) if row else None


async def list_backfills(tx: Tx, *, limit: int = 100) -> list[Backfill]:
    """The backfills, newest first."""
    return [_backfill(row) for row in await (await tx.execute(LIST_BACKFILLS, {"limit": limit})).fetchall()]


async def advance(tx: Tx, id: UUID, first_row: int, next_row: int, counts: RowCounts) -> bool:
    """Note that the rows from `first_row` to before `next_row` are stored. False when somebody else was there first."""
    cursor = await tx.execute(
        ADVANCE,
        {
            "id": id,
            "first_row": first_row,
            "next_row": next_row,
            "accepted": counts.accepted,
            "restored": counts.restored,
            "duplicates": counts.duplicates,
            "conflicts": counts.conflicts,
            "rejected": counts.rejected,
        },
    )
    return cursor.rowcount == 1


async def finish_backfill(tx: Tx, id: UUID, rows: int, now: datetime) -> None:
    await tx.execute(FINISH_BACKFILL, {"id": id, "rows": rows, "now": now})


async def begin_revert(tx: Tx, id: UUID) -> bool:
    """Mark it as being taken back. False when it was, by now."""
    return (await tx.execute(BEGIN_REVERT, {"id": id})).rowcount == 1


async def next_batch(tx: Tx, backfill: Backfill) -> UUID | None:
    """The batch after the last one whose events were taken back."""
    row = await (await tx.execute(NEXT_BATCH, {"id": backfill.id, "after": backfill.reverted_upto})).fetchone()
    return row[0] if row else None


async def events_of_batch(tx: Tx, batch: UUID) -> list[Taken]:
    """The events that were stored with this batch."""
    return await (await tx.execute(EVENTS_OF_BATCH, {"batch": batch})).fetchall()


async def restored_events(tx: Tx, id: UUID, limit: int) -> list[Taken]:
    """Events of others that count because this backfill brought them in again."""
    return await (await tx.execute(RESTORED_EVENTS, {"id": id, "limit": limit})).fetchall()


async def taken_back(tx: Tx, tenant: UUID, identities: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Of these sources and ids, those that do not count because their backfill was reverted."""
    values = {"tenant": tenant, "sources": [each[0] for each in identities], "ids": [each[1] for each in identities]}
    return {(source, id) for source, id in await (await tx.execute(TAKEN_BACK, values)).fetchall()}


async def step_revert(tx: Tx, backfill: Backfill, upto: UUID | None, events: int) -> bool:
    """Note that the events up to this batch were taken back. False when somebody else was there first."""
    values = {"id": backfill.id, "upto": upto, "events": events, "before": backfill.reverted_upto}
    return (await tx.execute(STEP_REVERT, values)).rowcount == 1


async def finish_revert(tx: Tx, id: UUID, actor: str, now: datetime) -> None:
    await tx.execute(FINISH_REVERT, {"id": id, "actor": actor, "now": now})
