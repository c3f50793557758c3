"""SQL of what customers owe: by which facts it changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import LiteralString

from psycopg.rows import class_row

from autorisen.kit.database import Tx

# A reference names its fact around an id: invoice:<uuid>:issued.
RECEIVABLE_SUMS: LiteralString = """
    SELECT date_trunc('month', recorded_at AT TIME ZONE %(zone)s)::date AS month, currency,
        split_part(reference, ':', 1) || ':' || split_part(reference, ':', 3) AS fact,
        sum(amount_minor)::bigint AS amount_minor
    FROM ledger.transactions JOIN ledger.entries ON entries.transaction_id = transactions.id
    WHERE recorded_at >= %(since)s::timestamptz AND recorded_at < %(until)s::timestamptz
        AND account LIKE 'receivable:%%'
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


@dataclass(frozen=True)
class ReceivableSum:
    """By how much one fact changed what customers owe, in one month; `fact` is like invoice:issued."""

    month: date
    currency: str
    fact: str
    amount_minor: int


async def receivable_sums(tx: Tx, *, since: datetime, until: datetime, zone: str) -> list[ReceivableSum]:
    """What was recorded from one instant until before another, by month of a time zone, currency and fact."""
    async with tx.cursor(row_factory=class_row(ReceivableSum)) as cursor:
        values = {"since": since, "until": until, "zone": zone}
        return await (await cursor.execute(RECEIVABLE_SUMS, values)).fetchall()
