"""The SQL of billing's reconciliation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row, dict_row

from autorisen import catalog
from autorisen.billing.model import Closing, LineKind
from autorisen.billing.reconciliation.model import Billed, BilledLine, InvoiceSum, Rating
from autorisen.kit.database import Tx

COUNT_CLOSINGS = """
SELECT count(*) FROM billing.closings WHERE %(since)s::timestamptz IS NULL OR closed_at >= %(since)s
"""

NEXT_CLOSINGS = """
SELECT period_id, customer_id, subscription_id, invoice_id, period_start, period_end, interval, currency,
    plan_version_id, closed_at, kind
FROM billing.closings
WHERE (%(since)s::timestamptz IS NULL OR closed_at >= %(since)s)
    AND (%(after)s::uuid IS NULL OR period_id > %(after)s::uuid)
ORDER BY period_id LIMIT %(limit)s
"""

RATINGS = """
SELECT period_id, id, meter, revision, quantity, events, amount_minor, rated_at, cell FROM billing.rated_usage
WHERE period_id = ANY (%(period_ids)s::uuid[]) ORDER BY period_id, meter, cell, revision
"""

# A draft that was given up billed nothing; an issued invoice that is void did, and nothing of it is billed again.
BILLED_LINES = """
SELECT line.rated_usage_id, coalesce(invoice.number, invoice.id::text), line.kind, line.quantity, line.amount_minor
FROM billing.invoice_lines AS line JOIN billing.invoices AS invoice ON invoice.id = line.invoice_id
WHERE line.rated_usage_id = ANY (%(ids)s::uuid[])
    AND (invoice.status <> 'void' OR invoice.issued_at IS NOT NULL)
ORDER BY line.id
"""

WRONG_SUMS = """
SELECT coalesce(invoice.number, invoice.id::text), invoice.total_minor, coalesce(sum(line.amount_minor), 0)::bigint
FROM billing.invoices AS invoice LEFT JOIN billing.invoice_lines AS line ON line.invoice_id = invoice.id
WHERE %(since)s::timestamptz IS NULL OR invoice.created_at >= %(since)s
GROUP BY invoice.id HAVING invoice.total_minor <> coalesce(sum(line.amount_minor), 0) ORDER BY invoice.id
"""


async def count_closings(tx: Tx, since: datetime | None) -> int:
    row = await (await tx.execute(COUNT_CLOSINGS, {"since": since})).fetchone()
    assert row is not None, "count gives a row"
    return int(row[0])


async def next_closings(tx: Tx, since: datetime | None, after: UUID | None, limit: int) -> list[Closing]:
    async with tx.cursor(row_factory=class_row(Closing)) as cursor:
        values = {"since": since, "after": after, "limit": limit}
        return await (await cursor.execute(NEXT_CLOSINGS, values)).fetchall()


async def billed_of(tx: Tx, closings: Sequence[Closing]) -> list[Billed]:
    """What was rated of each closing, and the lines that bill it; in the same order."""
    found = {each.period_id: Billed(each) for each in closings}
    async with tx.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(RATINGS, {"period_ids": list(found)})).fetchall()
    of_rating: dict[UUID, Billed] = {}
    for row in rows:
        billed = of_rating[row["id"]] = found[row.pop("period_id")]
        billed.ratings.append(Rating(**row | {"cell": catalog.cell_of(row["cell"])}))
    for id, invoice, kind, *numbers in await (await tx.execute(BILLED_LINES, {"ids": list(of_rating)})).fetchall():
        of_rating[id].lines.append(BilledLine(id, invoice, LineKind(kind), *numbers))
    return list(found.values())


async def wrong_sums(tx: Tx, since: datetime | None) -> list[InvoiceSum]:
    rows = await (await tx.execute(WRONG_SUMS, {"since": since})).fetchall()
    return [InvoiceSum(*row) for row in rows]
