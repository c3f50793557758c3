"""All SQL of credit notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from autorisen.billing.credit_notes.model import Credited, CreditLine, CreditNote, Settlement
from autorisen.billing.model import Invoice, Line
from autorisen.kit.database import Tx
from autorisen.kit.money import Money

INSERT_CREDIT_NOTE = """
INSERT INTO billing.credit_notes (id, number, invoice_id, customer_id, currency, reason, settlement, subtotal_minor,
    tax_minor, total_minor, due_minor, issued_at, issued_by, key)
VALUES (%(id)s, %(number)s, %(invoice_id)s, %(customer_id)s, %(currency)s, %(reason)s, %(settlement)s,
    %(subtotal_minor)s, %(tax_minor)s, %(total_minor)s, %(due_minor)s, %(issued_at)s, %(issued_by)s, %(key)s)
"""
INSERT_CREDIT_NOTE_LINE = """
INSERT INTO billing.credit_note_lines (id, credit_note_id, position, invoice_line_id, amount_minor, tax_minor)
VALUES (%(id)s, %(credit_note_id)s, %(position)s, %(invoice_line_id)s, %(amount_minor)s, %(tax_minor)s)
"""
# What a change of plan gave back of a fee counts too, less what credit notes on that change took back of it.
CREDITED = """
SELECT invoice_line_id, sum(amount_minor)::bigint AS amount_minor, sum(tax_minor)::bigint AS tax_minor
FROM (
    SELECT c.invoice_line_id, c.amount_minor, c.tax_minor
    FROM billing.credit_note_lines c JOIN billing.invoice_lines l ON l.id = c.invoice_line_id
    WHERE l.invoice_id = %(invoice_id)s
    UNION ALL
    SELECT f.line_id, coalesce(n.amount_minor, 0) - l.amount_minor, coalesce(n.tax_minor, 0) - l.tax_minor
    FROM billing.invoice_lines fee JOIN billing.period_fees f ON f.line_id = fee.id
    JOIN billing.pending_changes c ON c.period_id = f.period_id AND c.status = 'applied'
    JOIN billing.invoice_lines l ON l.invoice_id = c.invoice_id AND l.kind = 'proration_credit'
    CROSS JOIN LATERAL (SELECT sum(amount_minor) AS amount_minor, sum(tax_minor) AS tax_minor
        FROM billing.credit_note_lines WHERE invoice_line_id = l.id) n
    WHERE fee.invoice_id = %(invoice_id)s
) AS taken GROUP BY invoice_line_id
"""
CREDIT_NOTE = """
SELECT id, number, invoice_id, customer_id, currency, reason, settlement, subtotal_minor, tax_minor, total_minor,
    due_minor, issued_at, issued_by
FROM billing.credit_notes WHERE id = %(id)s
"""
CREDIT_NOTE_LINES = """
SELECT invoice_line_id, amount_minor, tax_minor FROM billing.credit_note_lines
WHERE credit_note_id = %(id)s ORDER BY position
"""
CREDIT_NOTES_OF_INVOICE = """
SELECT id, number, invoice_id, customer_id, currency, reason, settlement, subtotal_minor, tax_minor, total_minor,
    due_minor, issued_at, issued_by
FROM billing.credit_notes WHERE invoice_id = %(invoice_id)s ORDER BY issued_at, number
"""
CREDIT_NOTE_BY_KEY = """
SELECT id, number, invoice_id, customer_id, currency, reason, settlement, subtotal_minor, tax_minor, total_minor,
    due_minor, issued_at, issued_by
FROM billing.credit_notes WHERE invoice_id = %(invoice_id)s AND key = %(key)s
"""
# `after` is the last credit note of the page before; newest first.
LIST_CREDIT_NOTES = """
SELECT id, number, invoice_id, customer_id, currency, reason, settlement, subtotal_minor, tax_minor, total_minor,
    due_minor, issued_at, issued_by
FROM billing.credit_notes
WHERE (%(customer_id)s::uuid IS NULL OR customer_id = %(customer_id)s::uuid)
  AND (%(invoice_id)s::uuid IS NULL OR invoice_id = %(invoice_id)s::uuid)
  AND (%(after)s::uuid IS NULL
       OR (issued_at, id) < (SELECT issued_at, id FROM billing.credit_notes WHERE id = %(after)s::uuid))
ORDER BY issued_at DESC, id DESC LIMIT %(limit)s
"""


async def insert_credit_note(tx: Tx, note: CreditNote, line_ids: Sequence[UUID], key: str | None = None) -> None:
    """Store an issued credit note with its lines; a line's id comes from `line_ids` by position."""
    amounts = {"subtotal_minor": note.subtotal.minor, "tax_minor": note.tax.minor, "total_minor": note.total.minor}
    await tx.execute(INSERT_CREDIT_NOTE, vars(note) | amounts | {"due_minor": note.due.minor, "key": key})
    rows = [
        {
            "id": id,
            "credit_note_id": note.id,
            "position": position,
            "invoice_line_id": each.line.id,
            "amount_minor": each.amount.minor,
            "tax_minor": each.tax.minor,
        }
        for position, (id, each) in enumerate(zip(line_ids, note.lines, strict=True), start=1)
    ]
    async with tx.cursor() as cursor:
        await cursor.executemany(INSERT_CREDIT_NOTE_LINE, rows)


async def credited(tx: Tx, invoice: Invoice) -> dict[UUID, Credited]:
    """What credit notes and changes of plan have taken back of an invoice's lines, by line."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(CREDITED, {"invoice_id": invoice.id})).fetchall()
    return {
        row["invoice_line_id"]: Credited(
            Money(row["amount_minor"], invoice.currency), Money(row["tax_minor"], invoice.currency)
        )
        for row in rows
    }


async def find_credit_note(tx: Tx, id: UUID) -> CreditNote | None:
    """A credit note without its lines, which `with_lines` adds."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(CREDIT_NOTE, {"id": id})).fetchone()
    return None if row is None else _credit_note(row)


async def credit_note_by_key(tx: Tx, invoice_id: UUID, key: str) -> CreditNote | None:
    """The credit note of an invoice that was asked for with this key, without its lines."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(CREDIT_NOTE_BY_KEY, {"invoice_id": invoice_id, "key": key})).fetchone()
    return None if row is None else _credit_note(row)


async def credit_lines(tx: Tx, note: CreditNote, invoice: Invoice) -> tuple[CreditLine, ...]:
    """The lines of a credit note of this invoice."""
    by_id: Mapping[UUID | None, Line] = {line.id: line for line in invoice.lines}
    async with tx.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(CREDIT_NOTE_LINES, {"id": note.id})).fetchall()
    return tuple(
        CreditLine(
            by_id[row["invoice_line_id"]],
            Money(row["amount_minor"], note.currency),
            Money(row["tax_minor"], note.currency),
        )
        for row in rows
    )


async def credit_notes_of(tx: Tx, invoice_id: UUID) -> list[CreditNote]:
    """The credit notes of an invoice, oldest first, without their lines."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(CREDIT_NOTES_OF_INVOICE, {"invoice_id": invoice_id})).fetchall()
    return [_credit_note(row) for row in rows]


async def list_credit_notes(
    tx: Tx, *, customer_id: UUID | None, invoice_id: UUID | None = None, after: UUID | None = None, limit: int = 50
) -> list[CreditNote]:
    """Credit notes, newest first, without their lines; of all customers when `customer_id` is None."""
    values = {"customer_id": customer_id, "invoice_id": invoice_id, "after": after, "limit": limit}
    async with tx.cursor(row_factory=dict_row) as cursor:
        return [_credit_note(row) for row in await (await cursor.execute(LIST_CREDIT_NOTES, values)).fetchall()]


def _credit_note(row: Mapping[str, Any]) -> CreditNote:
    currency = row["currency"]
    return CreditNote(
        id=row["id"],
        number=row["number"],
        invoice_id=row["invoice_id"],
        customer_id=row["customer_id"],
        currency=currency,
        reason=row["reason"],
        settlement=Settlement(row["settlement"]),
        subtotal=Money(row["subtotal_minor"], currency),
        tax=Money(row["tax_minor"], currency),
        total=Money(row["total_minor"], currency),
        due=Money(row["due_minor"], currency),
        issued_at=row["issued_at"],
        issued_by=row["issued_by"],
    )
