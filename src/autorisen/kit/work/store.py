"""All SQL of the work queue. Due times are business time; leases are real time, by the database's own clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from autorisen.kit.database import Tx, json_rows

INSERT_FACT = """
INSERT INTO kit.facts (id, name, payload, recorded_at)
VALUES (%(id)s::uuid, %(name)s::text, %(payload)s::jsonb, %(recorded_at)s::timestamptz)
"""

INSERT_FACTS = """
INSERT INTO kit.facts (id, name, payload, recorded_at)
SELECT id, name, payload, %(recorded_at)s::timestamptz
FROM json_to_recordset(%(rows)s::json) AS fact (id uuid, name text, payload jsonb)
"""

FACTS = """
SELECT id, name, payload, recorded_at FROM kit.facts WHERE id = ANY(%(ids)s::uuid[]) ORDER BY id
"""

INSERT_JOBS = """
INSERT INTO kit.jobs (id, kind, payload, due_at, created_at)
SELECT id, %(kind)s::text, payload, %(due_at)s::timestamptz, %(created_at)s::timestamptz
FROM json_to_recordset(%(rows)s::json) AS job (id uuid, payload jsonb)
"""

INSERT_JOB = """
INSERT INTO kit.jobs (id, kind, payload, due_at, created_at, key)
VALUES (%(id)s::uuid, %(kind)s::text, %(payload)s::jsonb, %(due_at)s::timestamptz, %(created_at)s::timestamptz,
        %(key)s::text)
ON CONFLICT (key) WHERE state = 'waiting' AND key IS NOT NULL DO NOTHING
RETURNING id
"""

CLAIM_JOB = """
SELECT id, kind, payload, due_at, created_at, key, attempts, state, last_error, fence, lease_until
FROM kit.jobs
WHERE state = 'waiting' AND due_at <= %(now)s::timestamptz
  AND (lease_until IS NULL OR lease_until < clock_timestamp())
ORDER BY due_at, id
LIMIT 1
FOR UPDATE SKIP LOCKED
"""

TAKE_LEASE = """
UPDATE kit.jobs
SET lease_until = clock_timestamp() + %(lease)s::interval, fence = fence + 1, attempts = attempts + 1
WHERE id = %(id)s::uuid
RETURNING fence
"""

EXTEND_LEASE = """
UPDATE kit.jobs SET lease_until = clock_timestamp() + %(lease)s::interval
WHERE id = %(id)s::uuid AND fence = %(fence)s::bigint AND state = 'waiting'
RETURNING id
"""

DELETE_JOB = """
DELETE FROM kit.jobs WHERE id = %(id)s::uuid AND fence = %(fence)s::bigint AND state = 'waiting' RETURNING id
"""

RETRY_JOB = """
UPDATE kit.jobs
SET due_at = %(due_at)s::timestamptz, attempts = %(attempts)s::int, last_error = %(error)s::text, lease_until = NULL
WHERE id = %(id)s::uuid AND fence = %(fence)s::bigint AND state = 'waiting'
RETURNING id
"""

BURY_JOB = """
UPDATE kit.jobs
SET state = 'dead', died_at = %(now)s::timestamptz, attempts = %(attempts)s::int, last_error = %(error)s::text,
    lease_until = NULL
WHERE id = %(id)s::uuid AND fence = %(fence)s::bigint AND state = 'waiting'
RETURNING id
"""

REPLAY_JOB = """
UPDATE kit.jobs AS job SET state = 'waiting', attempts = 0, due_at = %(now)s::timestamptz, died_at = NULL
WHERE id = %(id)s::uuid AND state = 'dead'
  AND NOT EXISTS (SELECT FROM kit.jobs AS other WHERE other.key = job.key AND other.state = 'waiting')
RETURNING id
"""

CLAIM_SCHEDULE = """
INSERT INTO kit.schedule_runs (task, due_at) VALUES (%(task)s::text, %(due_at)s::timestamptz)
ON CONFLICT (task, due_at) DO NOTHING RETURNING task
"""

PRUNE_SCHEDULE = """
DELETE FROM kit.schedule_runs WHERE task = %(task)s::text AND due_at < %(before)s::timestamptz
"""

NEXT_DUE = "SELECT min(due_at) FROM kit.jobs WHERE state = 'waiting' AND due_at > %(after)s::timestamptz"

QUEUE_STATE = """
SELECT count(*) FILTER (WHERE state = 'waiting' AND due_at <= %(now)s::timestamptz)::int AS due,
       count(*) FILTER (WHERE state = 'waiting' AND due_at > %(now)s::timestamptz)::int AS later,
       count(*) FILTER (WHERE state = 'waiting' AND lease_until > clock_timestamp())::int AS leased,
       count(*) FILTER (WHERE state = 'waiting' AND attempts > 0)::int AS retrying,
       count(*) FILTER (WHERE state = 'dead')::int AS dead,
       min(due_at) FILTER (WHERE state = 'waiting' AND due_at <= %(now)s::timestamptz) AS oldest_due_at
FROM kit.jobs
"""

LIST_JOBS = """
SELECT id, kind, payload, due_at, created_at, key, attempts, state, last_error, fence, lease_until
FROM kit.jobs WHERE state = %(state)s::text
ORDER BY due_at, id LIMIT %(limit)s::int
"""

LAST_RUNS = "SELECT task, max(due_at) FROM kit.schedule_runs GROUP BY task ORDER BY task"

RECENT_FACTS = """
SELECT id, name, payload, recorded_at FROM kit.facts ORDER BY recorded_at DESC, id DESC LIMIT %(limit)s::int
"""

FACTS_NOT_HANDLED = """
SELECT payload -> 'data' FROM kit.jobs
WHERE state = 'waiting' AND kind IN ('fact', 'handle') AND payload ->> 'name' = ANY(%(names)s::text[])
UNION ALL
SELECT fact.payload FROM kit.jobs CROSS JOIN jsonb_array_elements_text(jobs.payload -> 'fact_ids') AS waiting (fact_id)
JOIN kit.facts AS fact ON fact.id = fact_id::uuid
WHERE state = 'waiting' AND kind = 'facts' AND fact.name = ANY(%(names)s::text[])
"""


@dataclass(frozen=True)
class JobRow:
    """One row of the queue."""

    id: UUID
    kind: str
    payload: dict[str, Any]
    due_at: datetime
    created_at: datetime
    key: str | None
    attempts: int
    state: str
    last_error: str | None
    fence: int
    lease_until: datetime | None


@dataclass(frozen=True)
class QueueState:
    """The queue in numbers, for health, metrics and the console."""

    due: int
    later: int
    leased: int
    retrying: int
    dead: int
    oldest_due_at: datetime | None


@dataclass(frozen=True)
class FactRow:
    id: UUID
    name: str
    payload: dict[str, Any]
    recorded_at: datetime


async def insert_fact(tx: Tx, *, id: UUID, name: str, payload: object, recorded_at: datetime) -> None:
    await tx.execute(INSERT_FACT, {"id": id, "name": name, "payload": Jsonb(payload), "recorded_at": recorded_at})


async def insert_facts(tx: Tx, rows: Sequence[Mapping[str, object]], *, recorded_at: datetime) -> None:
    await tx.execute(INSERT_FACTS, {"rows": json_rows(rows), "recorded_at": recorded_at})


async def facts(tx: Tx, ids: Sequence[UUID]) -> list[FactRow]:
    """These facts, in the order of their ids, which is that of recording."""
    async with tx.cursor(row_factory=class_row(FactRow)) as cursor:
        return await (await cursor.execute(FACTS, {"ids": list(ids)})).fetchall()


async def insert_jobs(
    tx: Tx, *, kind: str, rows: Sequence[Mapping[str, object]], due_at: datetime, created_at: datetime
) -> None:
    values = {"kind": kind, "rows": json_rows(rows), "due_at": due_at, "created_at": created_at}
    await tx.execute(INSERT_JOBS, values)


async def insert_job(
    tx: Tx, *, id: UUID, kind: str, payload: object, due_at: datetime, created_at: datetime, key: str | None
) -> bool:
    """Whether the job is new: a waiting one with the same key wins."""
    values: Mapping[str, object] = {
        "id": id, "kind": kind, "payload": Jsonb(payload), "due_at": due_at, "created_at": created_at, "key": key,
    }  # fmt: skip
    return await (await tx.execute(INSERT_JOB, values)).fetchone() is not None


async def claim(tx: Tx, now: datetime) -> JobRow | None:
    """Lock the job that has been due longest and that nobody else holds."""
    async with tx.cursor(row_factory=class_row(JobRow)) as cursor:
        await cursor.execute(CLAIM_JOB, {"now": now})
        return await cursor.fetchone()


async def take_lease(tx: Tx, id: UUID, lease: timedelta) -> int:
    row = await (await tx.execute(TAKE_LEASE, {"id": id, "lease": lease})).fetchone()
    assert row is not None, "the row is locked by the claim"
    return int(row[0])


async def extend_lease(tx: Tx, id: UUID, fence: int, lease: timedelta) -> bool:
    return await (await tx.execute(EXTEND_LEASE, {"id": id, "fence": fence, "lease": lease})).fetchone() is not None


async def delete(tx: Tx, id: UUID, fence: int) -> bool:
    """Complete the job. False when the fence has moved on: somebody else holds the lease now."""
    return await (await tx.execute(DELETE_JOB, {"id": id, "fence": fence})).fetchone() is not None


async def retry(tx: Tx, id: UUID, fence: int, *, due_at: datetime, attempts: int, error: str) -> bool:
    values = {"id": id, "fence": fence, "due_at": due_at, "attempts": attempts, "error": error}
    return await (await tx.execute(RETRY_JOB, values)).fetchone() is not None


async def bury(tx: Tx, id: UUID, fence: int, *, now: datetime, attempts: int, error: str) -> bool:
    values = {"id": id, "fence": fence, "now": now, "attempts": attempts, "error": error}
    return await (await tx.execute(BURY_JOB, values)).fetchone() is not None


async def replay(tx: Tx, id: UUID, now: datetime) -> bool:
    """Bring a dead job back to life. False when it is not dead, or when another with its key waits already."""
    return await (await tx.execute(REPLAY_JOB, {"id": id, "now": now})).fetchone() is not None


async def claim_schedule(tx: Tx, task: str, due_at: datetime, *, keep: timedelta = timedelta(days=7)) -> bool:
    """Whether this caller is the one to start `task` for `due_at`; the unique key decides."""
    if await (await tx.execute(CLAIM_SCHEDULE, {"task": task, "due_at": due_at})).fetchone() is None:
        return False
    await tx.execute(PRUNE_SCHEDULE, {"task": task, "before": due_at - keep})
    return True


async def next_due(tx: Tx, after: datetime) -> datetime | None:
    row = await (await tx.execute(NEXT_DUE, {"after": after})).fetchone()
    return row[0] if row else None


async def queue_state(tx: Tx, now: datetime) -> QueueState:
    async with tx.cursor(row_factory=class_row(QueueState)) as cursor:
        await cursor.execute(QUEUE_STATE, {"now": now})
        row = await cursor.fetchone()
    assert row is not None, "an aggregate always has a row"
    return row


async def list_jobs(tx: Tx, *, state: str, limit: int = 100) -> list[JobRow]:
    async with tx.cursor(row_factory=class_row(JobRow)) as cursor:
        await cursor.execute(LIST_JOBS, {"state": state, "limit": limit})
        return await cursor.fetchall()


async def last_runs(tx: Tx) -> dict[str, datetime]:
    return dict(await (await tx.execute(LAST_RUNS)).fetchall())


async def recent_facts(tx: Tx, *, limit: int = 50) -> list[FactRow]:
    async with tx.cursor(row_factory=class_row(FactRow)) as cursor:
        await cursor.execute(RECENT_FACTS, {"limit": limit})
        return await cursor.fetchall()


async def facts_not_handled(tx: Tx, names: Sequence[str]) -> list[dict[str, Any]]:
    """The contents of facts of these names whose handlers have yet to run; what has given up is not among them."""
    rows = await (await tx.execute(FACTS_NOT_HANDLED, {"names": list(names)})).fetchall()
    return [row[0] for row in rows]
