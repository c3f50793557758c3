"""SQL of closings that failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from autorisen.kit.database import Tx

# What is deferred to the commit is looked at now, while the transaction can still go on without it.
CHECK_NOW = "SET CONSTRAINTS ALL IMMEDIATE"
CHECK_LATER = "SET CONSTRAINTS ALL DEFERRED"

NOTE_FAILURE = """
INSERT INTO billing.failed_closings AS failed (period_id, attempts, reason, failed_at, retry_at)
VALUES (%(period_id)s, 1, %(reason)s, %(at)s, %(at)s)
ON CONFLICT (period_id) DO UPDATE
SET attempts = failed.attempts + 1, reason = excluded.reason, failed_at = excluded.failed_at,
    retry_at = excluded.retry_at
RETURNING attempts
"""
SET_RETRY = "UPDATE billing.failed_closings SET retry_at = %(retry_at)s WHERE period_id = %(period_id)s"
FORGET_FAILURES = "DELETE FROM billing.failed_closings WHERE period_id = ANY(%(period_ids)s::uuid[])"
FAILURES = """
SELECT period_id, attempts, reason, failed_at, retry_at FROM billing.failed_closings
ORDER BY failed_at, period_id LIMIT %(limit)s
"""


@dataclass(frozen=True)
class FailedClosing:
    """A period that could not be closed so far: why, and when it is tried again."""

    period_id: UUID
    attempts: int
    reason: str
    failed_at: datetime
    retry_at: datetime


async def check_constraints(tx: Tx) -> None:
    """Raise now what the commit would refuse."""
    await tx.execute(CHECK_NOW)
    await tx.execute(CHECK_LATER)


async def note_failure(tx: Tx, period_id: UUID, reason: str, at: datetime) -> int:
    """Keep why a period could not be closed; gives how often that was."""
    row = await (await tx.execute(NOTE_FAILURE, {"period_id": period_id, "reason": reason, "at": at})).fetchone()
    assert row is not None, "INSERT ... RETURNING gives a row"
    return int(row[0])


async def set_retry(tx: Tx, period_id: UUID, retry_at: datetime) -> None:
    await tx.execute(SET_RETRY, {"period_id": period_id, "retry_at": retry_at})


async def forget_failures(tx: Tx, period_ids: Sequence[UUID]) -> None:
    await tx.execute(FORGET_FAILURES, {"period_ids": list(period_ids)})


async def failures(tx: Tx, limit: int) -> list[FailedClosing]:
    """What could not be closed, oldest first."""
    async with tx.cursor(row_factory=class_row(FailedClosing)) as cursor:
        return await (await cursor.execute(FAILURES, {"limit": limit})).fetchall()
