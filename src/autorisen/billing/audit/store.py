"""The SQL of billing's audit: rows are streamed in the order of their ids, as text; reports are kept."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import TupleRow, class_row

from autorisen.billing.audit.model import AppliedPayment, AuditedInvoice, WrittenOff
from autorisen.billing.model import InvoiceStatus, Line, LineKind, Party, TaxTerms, TaxTreatment
from autorisen.kit.audit import Stream
from autorisen.kit.database import Tx, stream
from autorisen.kit.ids import public_id
from autorisen.kit.money import Money

ALLOW_LONG = "SET LOCAL statement_timeout = '30min'"

COUNT_INVOICES = "SELECT count(*) FROM billing.invoices"
# What of a written-off invoice nobody expected any more, and the rest of it and of its VAT that was not credited then.
# Its only payment, if there is one, came afterwards.
INVOICES = """
SELECT id, number, customer_id, currency, status, tax_treatment, tax_rate, supplier, customer, subtotal_minor,
    invoices.tax_minor, total_minor, amount_paid_minor, created_at, lost.due_minor, lost.left_minor, lost.tax_minor
FROM billing.invoices LEFT JOIN LATERAL (
    SELECT invoices.total_minor - amount_paid_minor - credited_due_minor + coalesce((SELECT sum(amount_minor)::bigint
            FROM billing.invoice_payments AS payment WHERE payment.invoice_id = invoices.id), 0) AS due_minor,
        (invoices.total_minor - coalesce(sum(note.total_minor), 0))::bigint AS left_minor,
        (invoices.tax_minor - coalesce(sum(note.tax_minor), 0))::bigint AS tax_minor
    FROM billing.credit_notes AS note WHERE note.invoice_id = invoices.id AND note.issued_at <= written_off_at
) AS lost ON written_off_at IS NOT NULL
ORDER BY id
"""
LINES = """
SELECT invoice_id, kind, amount_minor, line.tax_minor, currency, line.id, description, quantity, included, unit_amount,
    unit_label, line.period_start, period_end, price_id, meter, rated_usage_id
FROM billing.invoice_lines AS line JOIN billing.invoices AS invoice ON invoice.id = line.invoice_id
ORDER BY invoice_id, position
"""
_LINE_COLUMNS = (
    "id", "description", "quantity", "included", "unit_amount", "unit_label", "period_start", "period_end", "price_id",
    "meter", "rated_usage_id",
)  # fmt: skip
PAID = """
SELECT invoice_id, payment.amount_minor, currency
FROM billing.invoice_payments AS payment JOIN billing.invoices AS invoice ON invoice.id = payment.invoice_id
ORDER BY invoice_id, payment_id
"""
COUNT_APPLIED = """
SELECT (SELECT count(*) FROM billing.invoice_payments) + (SELECT count(*) FROM billing.unapplied_payments)
"""
APPLIED = """
SELECT payment_id, payment.amount_minor, currency, customer_id, coalesce(number, invoice.id::text) AS invoice, false
FROM billing.invoice_payments AS payment JOIN billing.invoices AS invoice ON invoice.id = payment.invoice_id
UNION ALL
SELECT payment_id, amount_minor, currency, customer_id, NULL, false FROM billing.unapplied_payments
UNION ALL
SELECT substring(source FROM '^payment:(.*)$')::uuid, amount_minor, currency, customer_id, NULL, true
FROM billing.wallet_grants WHERE source LIKE 'payment:%'
ORDER BY payment_id
"""
COUNT_CLOSINGS = "SELECT count(*) FROM billing.closings"
CLOSINGS = """
SELECT period_id, customer_id, subscription_id, plan_version_id, period_start, period_end, kind
FROM billing.closings ORDER BY period_id
"""
COUNTERS = "SELECT series, last_number FROM billing.invoice_numbers ORDER BY series"
NUMBERS = """
SELECT substring(number FROM '^(.*)-[0-9]+$') AS series, substring(number FROM '([0-9]+)$')::bigint AS place
FROM (SELECT number FROM billing.invoices WHERE number IS NOT NULL UNION ALL SELECT number FROM billing.credit_notes)
    AS document
ORDER BY 1, 2
"""
DUE = """
SELECT customer_id, sum(total_minor - amount_paid_minor - credited_due_minor)::bigint, currency FROM billing.invoices
WHERE status = 'open' GROUP BY customer_id, currency ORDER BY customer_id, currency
"""

INSERT_REPORT = """
INSERT INTO billing.audits (id, began_at, finished_at, actor, compared, findings, cents, digest, document)
VALUES (%(id)s, %(began_at)s, %(finished_at)s, %(actor)s, %(compared)s, %(findings)s, %(cents)s, %(digest)s,
    %(document)s)
"""
# `after` is the last report of the page before; newest first, without the documents.
REPORTS = """
SELECT id, began_at, finished_at, actor, compared, findings, cents, digest, '' AS document FROM billing.audits
WHERE %(after)s::uuid IS NULL
    OR (began_at, id) < (SELECT began_at, id FROM billing.audits WHERE id = %(after)s::uuid)
ORDER BY began_at DESC, id DESC LIMIT %(limit)s
"""
REPORT = """
SELECT id, began_at, finished_at, actor, compared, findings, cents, digest, document FROM billing.audits
WHERE id = %(id)s
"""


@dataclass(frozen=True)
class AuditReport:
    """A report as it is kept, with the SHA-256 of its document. `cents` are all minor units that nothing explains."""

    id: UUID
    began_at: datetime
    finished_at: datetime
    actor: str
    compared: int
    findings: int
    cents: int
    digest: str
    document: str

    @property
    def public_id(self) -> str:
        return public_id("aud", self.id)


async def allow_long(tx: Tx) -> None:
    """Let each statement of this transaction take its time: ordering a large table is one."""
    await tx.execute(ALLOW_LONG)


async def _count(tx: Tx, query: Any) -> int:
    row = await (await tx.execute(query)).fetchone()
    assert row is not None, "count gives a row"
    return int(row[0])


async def count_invoices(tx: Tx) -> int:
    return await _count(tx, COUNT_INVOICES)


async def count_applied(tx: Tx) -> int:
    return await _count(tx, COUNT_APPLIED)


async def count_closings(tx: Tx) -> int:
    return await _count(tx, COUNT_CLOSINGS)


def invoices(tx: Tx) -> Stream:
    """Every invoice, an `AuditedInvoice` by its id."""
    return stream(tx, INVOICES, make=lambda row: (str(row[0]), _invoice(row)))


def lines(tx: Tx) -> Stream:
    """Every `Line`, by its invoice and in its order."""
    return stream(tx, LINES, make=lambda row: (str(row[0]), _line(row)))


def paid(tx: Tx) -> Stream:
    """What each payment pays of an invoice, by the invoice."""
    return stream(tx, PAID, make=lambda row: (str(row[0]), Money(row[1], row[2])))


def applied(tx: Tx) -> Stream:
    """What became of each payment, an `AppliedPayment` by its id."""
    return stream(tx, APPLIED, make=lambda row: (str(row[0]), AppliedPayment(Money(row[1], row[2]), *row[3:])))


def closings(tx: Tx) -> Stream:
    """Customer, subscription, plan version, start, end and kind of each closing, by its period."""
    return stream(tx, CLOSINGS, make=lambda row: (str(row[0]), row[1:]))


def numbers(tx: Tx) -> AsyncGenerator[tuple[str, int]]:
    """Series and place of the number of every invoice and credit note, in order."""
    return stream(tx, NUMBERS, make=lambda row: (row[0], row[1]))


def due(tx: Tx) -> Stream:
    """What each customer owes for open invoices."""
    return stream(tx, DUE, make=lambda row: (str(row[0]), Money(row[1], row[2])))


async def counters(tx: Tx) -> dict[str, int]:
    """The last number that each series gave."""
    return dict(await (await tx.execute(COUNTERS)).fetchall())


def _invoice(row: TupleRow) -> AuditedInvoice:
    id, number, customer_id, currency, status, treatment, rate, supplier, customer, *rest = row
    subtotal, tax, total, amount_paid = (Money(minor, currency) for minor in rest[:4])
    created_at, *lost = rest[4:]
    return AuditedInvoice(
        id=id,
        number=number,
        customer_id=customer_id,
        currency=currency,
        status=InvoiceStatus(status),
        tax_terms=TaxTerms(TaxTreatment(treatment), rate),
        supplier=Party(**supplier),
        customer=Party(**customer),
        subtotal=subtotal,
        tax=tax,
        total=total,
        amount_paid=amount_paid,
        created_at=created_at,
        written_off=None if lost[0] is None else WrittenOff(*(Money(minor, currency) for minor in lost)),
    )


def _line(row: TupleRow) -> Line:
    _invoice_id, kind, amount, tax, currency, *rest = row
    named = dict(zip(_LINE_COLUMNS, rest, strict=True))
    return Line(kind=LineKind(kind), amount=Money(amount, currency), tax=Money(tax, currency), **named)


async def insert_report(tx: Tx, report: AuditReport) -> None:
    await tx.execute(INSERT_REPORT, vars(report))


async def reports(tx: Tx, after: UUID | None, limit: int) -> list[AuditReport]:
    async with tx.cursor(row_factory=class_row(AuditReport)) as cursor:
        return await (await cursor.execute(REPORTS, {"after": after, "limit": limit})).fetchall()


async def report(tx: Tx, id: UUID) -> AuditReport | None:
    async with tx.cursor(row_factory=class_row(AuditReport)) as cursor:
        return await (await cursor.execute(REPORT, {"id": id})).fetchone()
