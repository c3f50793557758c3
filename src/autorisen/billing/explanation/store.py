"""SQL of billing: what a credit for unused time takes back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import dict_row

from autorisen.billing.build_invoice import unused_part
from autorisen.billing.coupons import fee_discount_of
from autorisen.kit.database import Tx
from autorisen.kit.ids import public_id
from autorisen.kit.money import Money

# As it was when the change was quoted: what credit notes had taken back of the fee until then was not paid.
PRORATED_FEE = """
SELECT invoice.id AS invoice_id, invoice.number, line.description, line.period_start AS start_at,
    line.period_end AS end_at, line.amount_minor - coalesce((
        SELECT sum(taken.amount_minor) FROM billing.credit_note_lines AS taken
        JOIN billing.credit_notes AS note ON note.id = taken.credit_note_id
        WHERE taken.invoice_line_id = line.id AND note.issued_at <= change.created_at
    ), 0)::bigint AS paid_minor, invoice.currency
FROM billing.pending_changes AS change
JOIN billing.period_fees AS fee ON fee.period_id = change.period_id
JOIN billing.invoices AS invoice ON invoice.id = fee.invoice_id
JOIN billing.invoice_lines AS line ON line.id = fee.line_id
WHERE change.invoice_id = %(invoice_id)s
"""


@dataclass(frozen=True)
class Prorated:
    """The paid fee of which a change of plan gives the unused time back, from `at` on."""

    invoice_id: UUID
    number: str
    description: str
    paid: Money
    start_at: datetime
    end_at: datetime
    at: datetime

    @property
    def public_id(self) -> str:
        """Of the invoice that billed the fee."""
        return public_id("inv", self.invoice_id)

    @property
    def seconds(self) -> int:
        """How long the fee's period is."""
        return int((self.end_at - self.start_at).total_seconds())

    @property
    def seconds_left(self) -> int:
        return int((self.end_at - self.at).total_seconds())

    @property
    def amount(self) -> Money:
        """The credit, computed again."""
        return -unused_part(self.paid, start_at=self.start_at, end_at=self.end_at, at=self.at)


async def prorated_fee(tx: Tx, invoice_id: UUID, at: datetime) -> Prorated | None:
    """The fee whose unused time an upgrade's invoice credits from `at` on; None for an invoice of another kind."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(PRORATED_FEE, {"invoice_id": invoice_id})).fetchone()
    if row is None:
        return None
    charged = row.pop("paid_minor")
    # What a coupon took off the fee was not paid either.
    off = await fee_discount_of(tx, row["invoice_id"], charged)
    paid = Money(charged - off, row.pop("currency"))
    return Prorated(paid=paid, at=at, **row)
