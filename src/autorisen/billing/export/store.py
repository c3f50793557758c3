"""SQL of the export: every document of a stretch of time, as accountants book it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from autorisen.kit.database import Tx

_ROWS_AT_ONCE = 1_000

# A void takes its invoice back on its own day, so that months that are booked stay as they are. Numbers have one length
# within a year, so that they are in order as texts.
DOCUMENTS = """
SELECT * FROM (
    SELECT i.issued_at AS at, 'invoice' AS kind, i.number, i.number AS invoice, i.customer_id, i.customer, i.currency,
        i.subtotal_minor AS net_minor, i.tax_minor, i.total_minor, i.tax_rate, i.tax_treatment, i.status, i.due_at,
        i.paid_at, '' AS reason
    FROM billing.invoices AS i
    WHERE i.issued_at >= %(start)s::timestamptz AND i.issued_at < %(end)s::timestamptz
    UNION ALL
    SELECT i.voided_at, 'void', i.number, i.number, i.customer_id, i.customer, i.currency,
        -i.subtotal_minor, -i.tax_minor, -i.total_minor, i.tax_rate, i.tax_treatment, i.status, NULL, NULL,
        i.void_reason
    FROM billing.invoices AS i
    WHERE i.issued_at IS NOT NULL AND i.voided_at >= %(start)s AND i.voided_at < %(end)s
    UNION ALL
    SELECT n.issued_at, 'credit_note', n.number, i.number, i.customer_id, i.customer, i.currency,
        -n.subtotal_minor, -n.tax_minor, -n.total_minor, i.tax_rate, i.tax_treatment, n.settlement, NULL, NULL, n.reason
    FROM billing.credit_notes AS n JOIN billing.invoices AS i ON i.id = n.invoice_id
    WHERE n.issued_at >= %(start)s AND n.issued_at < %(end)s
) AS document
WHERE %(customer_id)s::uuid IS NULL OR customer_id = %(customer_id)s
ORDER BY at, kind <> 'invoice', number
"""
LINES = """
SELECT * FROM (
    SELECT i.issued_at AS at, 'invoice' AS kind, i.number, i.number AS invoice, i.customer_id, i.customer, i.currency,
        l.amount_minor - l.tax_minor AS net_minor, l.tax_minor, l.amount_minor AS total_minor, i.tax_rate,
        i.tax_treatment, l.position, l.kind AS line_kind, l.description, l.quantity, l.unit_label, l.period_start,
        l.period_end, i.time_zone
    FROM billing.invoices AS i JOIN billing.invoice_lines AS l ON l.invoice_id = i.id
    WHERE i.issued_at >= %(start)s::timestamptz AND i.issued_at < %(end)s::timestamptz
    UNION ALL
    SELECT i.voided_at, 'void', i.number, i.number, i.customer_id, i.customer, i.currency,
        l.tax_minor - l.amount_minor, -l.tax_minor, -l.amount_minor, i.tax_rate, i.tax_treatment, l.position, l.kind,
        l.description, l.quantity, l.unit_label, l.period_start, l.period_end, i.time_zone
    FROM billing.invoices AS i JOIN billing.invoice_lines AS l ON l.invoice_id = i.id
    WHERE i.issued_at IS NOT NULL AND i.voided_at >= %(start)s AND i.voided_at < %(end)s
    UNION ALL
    SELECT n.issued_at, 'credit_note', n.number, i.number, i.customer_id, i.customer, i.currency,
        c.tax_minor - c.amount_minor, -c.tax_minor, -c.amount_minor, i.tax_rate, i.tax_treatment, c.position, l.kind,
        l.description, NULL, l.unit_label, l.period_start, l.period_end, i.time_zone
    FROM billing.credit_notes AS n
    JOIN billing.credit_note_lines AS c ON c.credit_note_id = n.id
    JOIN billing.invoice_lines AS l ON l.id = c.invoice_line_id
    JOIN billing.invoices AS i ON i.id = n.invoice_id
    WHERE n.issued_at >= %(start)s AND n.issued_at < %(end)s
) AS line
WHERE %(customer_id)s::uuid IS NULL OR customer_id = %(customer_id)s
ORDER BY at, kind <> 'invoice', number, position
"""


async def rows_of(
    tx: Tx, *, lines: bool, start: datetime, end: datetime, customer_id: UUID | None
) -> AsyncIterator[Mapping[str, Any]]:
    """Documents, or their lines, oldest first, as many at once as fit; read it to its end."""
    values = {"start": start, "end": end, "customer_id": customer_id}
    async with tx.cursor(row_factory=dict_row) as cursor:
        async for row in cursor.stream(LINES if lines else DOCUMENTS, values, size=_ROWS_AT_ONCE):
            yield row
