"""The SQL of the audit of credit notes."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import TupleRow

from autorisen.billing.credit_notes.model import Settlement
from autorisen.billing.model import LineKind
from autorisen.kit.audit import Stream
from autorisen.kit.database import Tx, stream
from autorisen.kit.money import Money

COUNT_NOTES = "SELECT count(*) FROM billing.credit_notes"
NOTES = """
SELECT id, number, customer_id, settlement, total_minor, tax_minor, due_minor, currency
FROM billing.credit_notes ORDER BY id
"""
LINES = """
SELECT credit_note_id, kind, credited.amount_minor, credited.tax_minor, note.currency
FROM billing.credit_note_lines AS credited
JOIN billing.credit_notes AS note ON note.id = credited.credit_note_id
JOIN billing.invoice_lines AS line ON line.id = credited.invoice_line_id
ORDER BY credit_note_id, credited.position
"""
CREDITED = """
SELECT id, coalesce(number, id::text), credited_minor, credited_tax_minor, credited_due_minor, currency
FROM billing.invoices ORDER BY id
"""
NOTES_OF_INVOICES = """
SELECT invoice_id, total_minor, tax_minor, due_minor, currency FROM billing.credit_notes ORDER BY invoice_id, id
"""


@dataclass(frozen=True)
class AuditedCreditNote:
    """A credit note as its row says."""

    id: UUID
    number: str
    customer_id: UUID
    settlement: Settlement
    total: Money
    tax: Money
    due: Money


@dataclass(frozen=True)
class AuditedCreditLine:
    """What is taken back of a line of that kind."""

    kind: LineKind
    amount: Money
    tax: Money


async def count_notes(tx: Tx) -> int:
    row = await (await tx.execute(COUNT_NOTES)).fetchone()
    assert row is not None, "count gives a row"
    return int(row[0])


def notes(tx: Tx) -> Stream:
    return stream(tx, NOTES, make=lambda row: (str(row[0]), _note(row)))


def lines(tx: Tx) -> Stream:
    """What each note takes back, by the note and in its order."""
    return stream(
        tx,
        LINES,
        make=lambda row: (str(row[0]), AuditedCreditLine(LineKind(row[1]), *_money(row[2:]))),
    )


def credited(tx: Tx) -> Stream:
    """What each invoice says is credited: of it, of its VAT, of what was due; with its number."""
    return stream(tx, CREDITED, make=lambda row: (str(row[0]), (row[1], _money(row[2:]))))


def notes_of_invoices(tx: Tx) -> Stream:
    """The same of each note, by its invoice."""
    return stream(tx, NOTES_OF_INVOICES, make=lambda row: (str(row[0]), _money(row[1:])))


def _money(row: TupleRow) -> tuple[Money, ...]:
    *minors, currency = row
    return tuple(Money(minor, currency) for minor in minors)


def _note(row: TupleRow) -> AuditedCreditNote:
    id, number, customer_id, settlement, *amounts = row
    return AuditedCreditNote(id, number, customer_id, Settlement(settlement), *_money(tuple(amounts)))
