"""SQL of what-if: which customers had periods closed in a stretch of time, and which. It only reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from autorisen.kit.database import Tx

COUNT_CUSTOMERS = """
SELECT count(DISTINCT customer_id) FROM billing.closings
WHERE period_end > %(since)s AND period_end <= %(until)s
  AND (%(only)s::uuid[] IS NULL OR customer_id = ANY(%(only)s::uuid[]))
"""
# `after` is the last customer of the batch before.
CUSTOMERS = """
SELECT DISTINCT customer_id FROM billing.closings
WHERE period_end > %(since)s AND period_end <= %(until)s
  AND (%(only)s::uuid[] IS NULL OR customer_id = ANY(%(only)s::uuid[]))
  AND (%(after)s::uuid IS NULL OR customer_id > %(after)s::uuid)
ORDER BY customer_id LIMIT %(limit)s
"""
CLOSED = """
SELECT period_id, customer_id, currency FROM billing.closings
WHERE customer_id = ANY(%(customer_ids)s::uuid[]) AND period_end > %(since)s AND period_end <= %(until)s
ORDER BY customer_id, period_end
"""


@dataclass(frozen=True)
class ClosedPeriod:
    """A period whose usage was invoiced."""

    period_id: UUID
    customer_id: UUID
    currency: str


async def count_customers(tx: Tx, *, since: datetime, until: datetime, only: Sequence[UUID] | None) -> int:
    """How many customers had a period closed that ended in this time; of these only, when they are named."""
    values = {"since": since, "until": until, "only": None if only is None else list(only)}
    row = await (await tx.execute(COUNT_CUSTOMERS, values)).fetchone()
    assert row is not None, "a count gives a row"
    return int(row[0])


async def customers(
    tx: Tx, *, since: datetime, until: datetime, only: Sequence[UUID] | None, after: UUID | None, limit: int
) -> list[UUID]:
    """The next of these customers, in the order of their ids."""
    values = {
        "since": since,
        "until": until,
        "only": None if only is None else list(only),
        "after": after,
        "limit": limit,
    }
    return [row[0] for row in await (await tx.execute(CUSTOMERS, values)).fetchall()]


async def closed_periods(
    tx: Tx, customer_ids: Sequence[UUID], *, since: datetime, until: datetime
) -> list[ClosedPeriod]:
    values = {"customer_ids": list(customer_ids), "since": since, "until": until}
    async with tx.cursor(row_factory=class_row(ClosedPeriod)) as cursor:
        return await (await cursor.execute(CLOSED, values)).fetchall()
