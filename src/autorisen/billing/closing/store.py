"""SQL of how the closing goes: what was closed, and what failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from autorisen.kit.database import Tx
from autorisen.kit.money import Money

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
COUNT_FAILURES = "SELECT count(*) FROM billing.failed_closings"
FAILED_PERIODS = """
SELECT period_id FROM billing.failed_closings
WHERE %(period_id)s::uuid IS NULL OR period_id = %(period_id)s::uuid
"""
RETRY_NOW = """
UPDATE billing.failed_closings SET retry_at = greatest(failed_at, %(at)s)
WHERE period_id = ANY(%(period_ids)s::uuid[])
"""
CLOSED_SINCE = """
SELECT closing.currency, count(*) AS closed, count(invoice.id) AS invoices,
    coalesce(sum(invoice.total_minor), 0)::bigint AS total_minor
FROM billing.closings AS closing LEFT JOIN billing.invoices AS invoice ON invoice.id = closing.invoice_id
WHERE closing.closed_at >= %(since)s
GROUP BY closing.currency ORDER BY closing.currency
"""


@dataclass(frozen=True)
class FailedClosing:
    """A period that could not be closed so far: why, and when it is tried again."""

    period_id: UUID
    attempts: int
    reason: str
    failed_at: datetime
    retry_at: datetime


@dataclass(frozen=True)
class ClosedSum:
    """What the closings of one currency came to; those of nothing have no invoice."""

    currency: str
    closed: int
    invoices: int
    total_minor: int

    @property
    def total(self) -> Money:
        return Money(self.total_minor, self.currency)


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


async def count_failures(tx: Tx) -> int:
    row = await (await tx.execute(COUNT_FAILURES)).fetchone()
    assert row is not None, "count gives a row"
    return int(row[0])


async def failed_periods(tx: Tx, period_id: UUID | None) -> list[UUID]:
    """The periods that could not be closed: this one if it is one of them, or all."""
    return [id for (id,) in await (await tx.execute(FAILED_PERIODS, {"period_id": period_id})).fetchall()]


async def retry_now(tx: Tx, period_ids: Sequence[UUID], at: datetime) -> int:
    """Note that these are tried again now; gives how many of them still have failed."""
    return (await tx.execute(RETRY_NOW, {"period_ids": list(period_ids), "at": at})).rowcount


async def closed_since(tx: Tx, since: datetime) -> list[ClosedSum]:
    """What was closed from then on, by currency."""
    async with tx.cursor(row_factory=class_row(ClosedSum)) as cursor:
        return await (await cursor.execute(CLOSED_SINCE, {"since": since})).fetchall()
