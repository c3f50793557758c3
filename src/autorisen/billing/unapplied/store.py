"""All SQL of payments that pay nothing we know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from autorisen.kit.database import Tx
from autorisen.kit.ids import public_id
from autorisen.kit.money import Money

INSERT_UNAPPLIED = """
INSERT INTO billing.unapplied_payments (payment_id, customer_id, reference, amount_minor, currency, gateway, reason,
    recorded_at)
VALUES (%(payment_id)s, %(customer_id)s, %(reference)s, %(amount_minor)s, %(currency)s, %(gateway)s, %(reason)s, %(at)s)
ON CONFLICT (payment_id) DO NOTHING RETURNING payment_id
"""
INSERT_REFUND = """
INSERT INTO billing.unapplied_refunds (payment_id, refunded_at)
SELECT payment_id, %(at)s::timestamptz FROM billing.unapplied_payments WHERE payment_id = %(payment_id)s
ON CONFLICT (payment_id) DO NOTHING
"""
UNAPPLIED = """
SELECT u.payment_id, u.customer_id, u.reference, u.amount_minor, u.currency, u.gateway, u.reason, u.recorded_at,
    r.refunded_at
FROM billing.unapplied_payments u LEFT JOIN billing.unapplied_refunds r ON r.payment_id = u.payment_id
WHERE u.payment_id = %(payment_id)s
"""
LIST_UNAPPLIED = """
SELECT u.payment_id, u.customer_id, u.reference, u.amount_minor, u.currency, u.gateway, u.reason, u.recorded_at,
    r.refunded_at
FROM billing.unapplied_payments u LEFT JOIN billing.unapplied_refunds r ON r.payment_id = u.payment_id
ORDER BY r.refunded_at IS NOT NULL, u.recorded_at DESC, u.payment_id LIMIT %(limit)s
"""
COUNT_UNAPPLIED = """
SELECT count(*) FROM billing.unapplied_payments u
WHERE NOT EXISTS (SELECT FROM billing.unapplied_refunds r WHERE r.payment_id = u.payment_id)
"""


@dataclass(frozen=True)
class UnappliedPayment:
    """A payment that pays nothing we know; owed to its payer until `refunded_at`."""

    payment_id: UUID
    customer_id: UUID
    reference: str
    amount: Money
    gateway: str
    reason: str
    recorded_at: datetime
    refunded_at: datetime | None

    @property
    def public_id(self) -> str:
        """The payment's, for its address."""
        return public_id("pay", self.payment_id)


async def insert_unapplied(tx: Tx, values: Mapping[str, object]) -> bool:
    """Keep a payment that pays nothing we know. False when it is kept already."""
    return (await tx.execute(INSERT_UNAPPLIED, values)).rowcount == 1


async def mark_refunded(tx: Tx, payment_id: UUID, at: datetime) -> None:
    """Note that the money went back; nothing for a payment that is not unapplied, or a second time."""
    await tx.execute(INSERT_REFUND, {"payment_id": payment_id, "at": at})


async def unapplied_payment(tx: Tx, payment_id: UUID) -> UnappliedPayment | None:
    """A payment, when it is one that pays nothing we know."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(UNAPPLIED, {"payment_id": payment_id})).fetchone()
    return None if row is None else _unapplied(row)


async def list_unapplied(tx: Tx, limit: int) -> list[UnappliedPayment]:
    """Payments that pay nothing we know: those that are still owed first, each part the newest first."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(LIST_UNAPPLIED, {"limit": limit})).fetchall()
    return [_unapplied(row) for row in rows]


async def count_unapplied(tx: Tx) -> int:
    """How many are still owed to their payers."""
    row = await (await tx.execute(COUNT_UNAPPLIED)).fetchone()
    assert row is not None, "count gives a row"
    return int(row[0])


def _unapplied(row: Mapping[str, Any]) -> UnappliedPayment:
    kept = {name: value for name, value in row.items() if name not in {"amount_minor", "currency"}}
    return UnappliedPayment(amount=Money(row["amount_minor"], row["currency"]), **kept)
