"""SQL of deferred revenue: the fees as they are claimed and taken back, and what the books were brought up to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from psycopg.rows import class_row

from autorisen.billing.deferred.model import Fees, Movement, Standing
from autorisen.kit.database import Tx

# Equal fees are one row, so that a month of many customers is few. The days are those of UTC.
FEES = """
SELECT currency, (claimed_at AT TIME ZONE 'UTC')::date AS claimed_on, (period_start AT TIME ZONE 'UTC')::date AS first,
    (period_end AT TIME ZONE 'UTC')::date AS end, net_minor, count(*)::bigint AS count
FROM (
    SELECT currency, issued_at AS claimed_at, period_start, period_end, amount_minor - line.tax_minor AS net_minor
    FROM billing.invoice_lines AS line JOIN billing.invoices AS invoice ON invoice.id = line.invoice_id
    WHERE kind IN ('flat_fee', 'proration_credit') AND issued_at IS NOT NULL
    UNION ALL
    SELECT currency, voided_at, period_start, period_end, line.tax_minor - amount_minor
    FROM billing.invoice_lines AS line JOIN billing.invoices AS invoice ON invoice.id = line.invoice_id
    WHERE kind IN ('flat_fee', 'proration_credit') AND issued_at IS NOT NULL AND voided_at IS NOT NULL
    UNION ALL
    SELECT currency, note.issued_at, period_start, period_end, back.tax_minor - back.amount_minor
    FROM billing.credit_note_lines AS back JOIN billing.credit_notes AS note ON note.id = back.credit_note_id
    JOIN billing.invoice_lines AS line ON line.id = back.invoice_line_id
    WHERE kind IN ('flat_fee', 'proration_credit')
) AS fee
GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
"""
STANDINGS = """
SELECT currency, max(until), sum(added_minor)::bigint, sum(earned_minor)::bigint FROM billing.recognitions
GROUP BY currency
"""
MOVEMENTS = """
SELECT currency, since, until, added_minor, earned_minor FROM billing.recognitions ORDER BY until, currency
"""
INSERT_MOVEMENT = """
INSERT INTO billing.recognitions (currency, since, until, added_minor, earned_minor, recorded_at)
VALUES (%(currency)s, %(since)s, %(until)s, %(added_minor)s, %(earned_minor)s, %(recorded_at)s)
"""
COUNT_MOVEMENTS = "SELECT count(*) FROM billing.recognitions"


async def fees(tx: Tx) -> list[Fees]:
    """Every fee that was ever claimed or taken back, equal ones together."""
    async with tx.cursor(row_factory=class_row(Fees)) as cursor:
        return await (await cursor.execute(FEES)).fetchall()


async def standings(tx: Tx) -> dict[str, Standing]:
    """What the books were brought up to, by currency."""
    rows = await (await tx.execute(STANDINGS)).fetchall()
    return {currency: Standing(until, added, earned) for currency, until, added, earned in rows}


async def movements(tx: Tx) -> list[Movement]:
    """Every step that the books were brought up by, in order."""
    async with tx.cursor(row_factory=class_row(Movement)) as cursor:
        return await (await cursor.execute(MOVEMENTS)).fetchall()


async def insert_movements(tx: Tx, made: Sequence[Movement], at: datetime) -> None:
    """Keep steps. One that begins or ends where another of its currency did breaks a key."""
    async with tx.cursor() as cursor:
        await cursor.executemany(INSERT_MOVEMENT, [vars(each) | {"recorded_at": at} for each in made])


async def count_movements(tx: Tx) -> int:
    row = await (await tx.execute(COUNT_MOVEMENTS)).fetchone()
    assert row is not None, "count gives a row"
    return int(row[0])
