"""SQL of billing: invoices with their lines and fees. What was rated and what was paid have stores of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from autorisen import catalog
from autorisen.billing.model import (
    Invoice,
    InvoiceStatus,
    Line,
    LineKind,
    Party,
    Purpose,
    TaxTerms,
    TaxTreatment,
)
from autorisen.kit.database import Tx
from autorisen.kit.money import Money

# --- invoices and their lines

FINALISE = """
UPDATE billing.invoices SET status = 'open', number = %(number)s, issued_at = %(at)s, due_at = %(due_at)s
WHERE id = %(id)s
"""
MARK_PAID = """
UPDATE billing.invoices SET status = 'paid', amount_paid_minor = total_minor - credited_due_minor, paid_at = %(at)s
WHERE id = %(id)s
"""
MARK_REFUNDED = "UPDATE billing.invoices SET refunded_at = %(at)s WHERE id = %(id)s AND refunded_at IS NULL"
MARK_DISPUTED = "UPDATE billing.invoices SET disputed_at = %(at)s WHERE id = %(id)s AND disputed_at IS NULL"
CLEAR_DISPUTED = "UPDATE billing.invoices SET disputed_at = NULL WHERE id = %(id)s"
VOID_DRAFTS = """
UPDATE billing.invoices SET status = 'void', voided_at = %(at)s WHERE id = ANY(%(ids)s::uuid[]) AND status = 'draft'
"""
REDATE_FEE = """
UPDATE billing.invoice_lines SET period_start = %(start)s, period_end = %(end)s
WHERE invoice_id = %(id)s AND kind = 'flat_fee'
"""
INVOICE = "SELECT * FROM billing.invoices WHERE id = %(id)s"
LOCK_INVOICE = "SELECT * FROM billing.invoices WHERE id = %(id)s FOR UPDATE"
# An adjustment is the difference of two ratings, each with parts of its own: `explain` shows both.
LINES = """
SELECT l.*, CASE WHEN l.kind = 'usage' THEN r.parts END AS parts, r.cell
FROM billing.invoice_lines l LEFT JOIN billing.rated_usage r ON r.id = l.rated_usage_id
WHERE l.invoice_id = %(invoice_id)s ORDER BY l.position
"""
# `after` is the last invoice of the page before; newest first.
LIST_INVOICES = """
SELECT * FROM billing.invoices
WHERE issued_at IS NOT NULL AND (%(customer_id)s::uuid IS NULL OR customer_id = %(customer_id)s::uuid)
  AND (%(status)s::text IS NULL OR status = %(status)s::text)
  AND (%(after)s::uuid IS NULL
       OR (issued_at, id) < (SELECT issued_at, id FROM billing.invoices WHERE id = %(after)s::uuid))
ORDER BY issued_at DESC, id DESC LIMIT %(limit)s
"""
OPEN_INVOICES = """
SELECT * FROM billing.invoices WHERE subscription_id = %(subscription_id)s AND status = 'open' ORDER BY issued_at, id
"""
# A refund ends a dispute: the payer has the money back.
DISPUTED_NUMBER = """
SELECT number FROM billing.invoices
WHERE subscription_id = %(subscription_id)s AND disputed_at IS NOT NULL AND refunded_at IS NULL
ORDER BY issued_at, id LIMIT 1
"""

# --- fees

INSERT_FEES = """
INSERT INTO billing.period_fees (period_id, invoice_id, line_id)
SELECT * FROM unnest(%(period_ids)s::uuid[], %(invoice_ids)s::uuid[], %(line_ids)s::uuid[])
"""
# What credit notes took back of a fee was not paid in the end: its unused time is credited no second time.
FEE = """
SELECT f.invoice_id, l.price_id, i.currency, l.period_start, l.period_end,
    l.amount_minor - coalesce(sum(c.amount_minor), 0)::bigint AS amount_minor
FROM billing.period_fees f
JOIN billing.invoices i ON i.id = f.invoice_id
JOIN billing.invoice_lines l ON l.id = f.line_id
LEFT JOIN billing.credit_note_lines c ON c.invoice_line_id = l.id
WHERE f.period_id = %(period_id)s AND i.status = 'paid' AND i.refunded_at IS NULL AND i.disputed_at IS NULL
GROUP BY l.id, i.currency, f.invoice_id
"""
FEE_INVOICE = "SELECT invoice_id FROM billing.period_fees WHERE period_id = %(period_id)s"


async def finalise(tx: Tx, id: UUID, *, number: str, at: datetime, due_at: datetime) -> None:
    """Open a draft under its number; from here on its contents are final."""
    await tx.execute(FINALISE, {"id": id, "number": number, "at": at, "due_at": due_at})


async def mark_paid(tx: Tx, id: UUID, at: datetime) -> None:
    await tx.execute(MARK_PAID, {"id": id, "at": at})


async def mark_refunded(tx: Tx, id: UUID, at: datetime) -> bool:
    return (await tx.execute(MARK_REFUNDED, {"id": id, "at": at})).rowcount == 1


async def mark_disputed(tx: Tx, id: UUID, at: datetime) -> None:
    await tx.execute(MARK_DISPUTED, {"id": id, "at": at})


async def clear_disputed(tx: Tx, id: UUID) -> None:
    await tx.execute(CLEAR_DISPUTED, {"id": id})


async def void_drafts(tx: Tx, ids: Sequence[UUID], at: datetime) -> None:
    await tx.execute(VOID_DRAFTS, {"ids": list(ids), "at": at})


async def redate_fee(tx: Tx, id: UUID, *, start: datetime, end: datetime) -> None:
    """Give a draft's fee line the period that has just begun."""
    await tx.execute(REDATE_FEE, {"id": id, "start": start, "end": end})


async def find_invoice(tx: Tx, id: UUID, *, lock: bool = False) -> Invoice | None:
    """An invoice with its lines; `lock` holds it against other changes until the transaction ends."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(LOCK_INVOICE if lock else INVOICE, {"id": id})).fetchone()
        if row is None:
            return None
        rows = await (await cursor.execute(LINES, {"invoice_id": id})).fetchall()
    return _invoice(row, tuple(_line(line, row["currency"]) for line in rows))


async def list_invoices(
    tx: Tx,
    *,
    customer_id: UUID | None,
    status: InvoiceStatus | None = None,
    after: UUID | None = None,
    limit: int = 50,
) -> list[Invoice]:
    """Issued invoices, newest first, without their lines; of all customers when `customer_id` is None."""
    values = {"customer_id": customer_id, "status": status, "after": after, "limit": limit}
    async with tx.cursor(row_factory=dict_row) as cursor:
        found = await cursor.execute(LIST_INVOICES, values)
        return [_invoice(row) for row in await found.fetchall()]


async def open_invoices(tx: Tx, subscription_id: UUID) -> list[Invoice]:
    """Unpaid issued invoices of a subscription, oldest first, without their lines."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        found = await cursor.execute(OPEN_INVOICES, {"subscription_id": subscription_id})
        return [_invoice(row) for row in await found.fetchall()]


async def disputed_number(tx: Tx, subscription_id: UUID) -> str | None:
    """The number of a subscription's oldest invoice whose money the payer's bank asks back; None without one."""
    row = await (await tx.execute(DISPUTED_NUMBER, {"subscription_id": subscription_id})).fetchone()
    return None if row is None else row[0]


def _invoice(row: Mapping[str, Any], lines: tuple[Line, ...] = ()) -> Invoice:
    currency = row["currency"]
    return Invoice(
        purpose=Purpose(row["purpose"]),
        status=InvoiceStatus(row["status"]),
        tax_terms=TaxTerms(TaxTreatment(row["tax_treatment"]), row["tax_rate"]),
        supplier=Party(**row["supplier"]),
        customer=Party(**row["customer"]),
        subtotal=Money(row["subtotal_minor"], currency),
        tax=Money(row["tax_minor"], currency),
        total=Money(row["total_minor"], currency),
        amount_paid=Money(row["amount_paid_minor"], currency),
        credits=Money(row["credits_minor"], currency),
        credited=Money(row["credited_minor"], currency),
        credited_due=Money(row["credited_due_minor"], currency),
        credited_tax=Money(row["credited_tax_minor"], currency),
        end_reason=row["void_reason"] or row["write_off_reason"],
        lines=lines,
        **{name: row[name] for name in _INVOICE_COLUMNS},
    )


_INVOICE_COLUMNS = (
    "id", "number", "customer_id", "subscription_id", "period_id", "currency", "time_zone", "created_at", "issued_at",
    "due_at", "paid_at", "voided_at", "refunded_at", "disputed_at", "written_off_at",
)  # fmt: skip
_LINE_COLUMNS = (
    "id", "description", "quantity", "included", "unit_amount", "unit_label", "period_start", "period_end", "price_id",
    "meter", "rated_usage_id", "redemption_id",
)  # fmt: skip


def _line(row: Mapping[str, Any], currency: str) -> Line:
    return Line(
        kind=LineKind(row["kind"]),
        amount=Money(row["amount_minor"], currency),
        tax=Money(row["tax_minor"], currency),
        parts=catalog.parts_of(row["parts"] or (), currency),
        cell=catalog.cell_of(row["cell"]),
        **{name: row[name] for name in _LINE_COLUMNS},
    )


async def insert_fees(tx: Tx, fees: Sequence[tuple[UUID, UUID, UUID]]) -> None:
    """Note which line of which invoice bills a period's flat fee. A second one breaks the key."""
    values = {
        "period_ids": [period_id for period_id, _, _ in fees],
        "invoice_ids": [invoice_id for _, invoice_id, _ in fees],
        "line_ids": [line_id for _, _, line_id in fees],
    }
    await tx.execute(INSERT_FEES, values)


async def paid_fee(tx: Tx, period_id: UUID) -> Mapping[str, Any] | None:
    """The flat fee that was paid for a period, with its price and time; None when none was, or it goes back."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(FEE, {"period_id": period_id})).fetchone()


async def fee_invoice(tx: Tx, period_id: UUID) -> UUID | None:
    """The invoice that bills a period's flat fee, paid or not."""
    row = await (await tx.execute(FEE_INVOICE, {"period_id": period_id})).fetchone()
    return None if row is None else row[0]
