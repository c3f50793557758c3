"""All SQL of saved payment methods."""

from __future__ import annotations

from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.rows import TupleRow

from autorisen.kit.database import Tx
from autorisen.payments.model import Card, PaymentMethod

INSERT_METHOD: LiteralString = """
    INSERT INTO payments.payment_methods (id, customer_id, gateway, token, brand, last4, exp_month, exp_year,
        is_default, created_at)
    VALUES (%(id)s::uuid, %(customer_id)s::uuid, %(gateway)s::text, %(token)s::text, %(brand)s::text,
        %(last4)s::text, %(exp_month)s::int, %(exp_year)s::int, false, %(at)s::timestamptz)
    ON CONFLICT (gateway, token) DO NOTHING
    RETURNING id
"""

# Two statements, in this order, under the customer's lock: the partial unique index allows one default at a time.
LOCK_METHODS: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended('methods:' || %(customer_id)s::text, 0))"

CLEAR_DEFAULT_METHOD: LiteralString = """
    UPDATE payments.payment_methods SET is_default = false
    WHERE customer_id = %(customer_id)s::uuid AND is_default AND id <> %(id)s::uuid
"""

SET_DEFAULT_METHOD: LiteralString = """
    UPDATE payments.payment_methods SET is_default = true
    WHERE customer_id = %(customer_id)s::uuid AND id = %(id)s::uuid
"""

SELECT_METHODS: LiteralString = """
    SELECT id, customer_id, gateway, token, brand, last4, exp_month, exp_year, is_default, created_at
    FROM payments.payment_methods WHERE customer_id = %(customer_id)s::uuid ORDER BY is_default DESC, id DESC
"""

SELECT_METHOD: LiteralString = """
    SELECT id, customer_id, gateway, token, brand, last4, exp_month, exp_year, is_default, created_at
    FROM payments.payment_methods WHERE id = %(id)s::uuid
"""


def _method(row: TupleRow) -> PaymentMethod:
    card = Card(token=row[3], brand=row[4], last4=row[5], exp_month=row[6], exp_year=row[7])
    return PaymentMethod(id=row[0], customer_id=row[1], gateway=row[2], card=card, is_default=row[8], created_at=row[9])


async def insert_method(tx: Tx, *, method_id: UUID, customer_id: UUID, gateway: str, card: Card, at: datetime) -> bool:
    """False when the gateway's token is already saved."""
    values = {
        "id": method_id,
        "customer_id": customer_id,
        "gateway": gateway,
        "token": card.token,
        "brand": card.brand,
        "last4": card.last4,
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "at": at,
    }
    return await (await tx.execute(INSERT_METHOD, values)).fetchone() is not None


async def make_default(tx: Tx, *, customer_id: UUID, method_id: UUID) -> None:
    """Make one saved method the customer's only default."""
    values = {"customer_id": customer_id, "id": method_id}
    await tx.execute(LOCK_METHODS, values)
    await tx.execute(CLEAR_DEFAULT_METHOD, values)
    await tx.execute(SET_DEFAULT_METHOD, values)


async def payment_methods(tx: Tx, customer_id: UUID) -> list[PaymentMethod]:
    """A customer's saved methods, the default first."""
    rows = await (await tx.execute(SELECT_METHODS, {"customer_id": customer_id})).fetchall()
    return [_method(row) for row in rows]


async def default_method(tx: Tx, customer_id: UUID) -> PaymentMethod | None:
    """The method that is charged when nobody is present."""
    methods = await payment_methods(tx, customer_id)
    return methods[0] if methods and methods[0].is_default else None


async def payment_method(tx: Tx, method_id: UUID) -> PaymentMethod | None:
    row = await (await tx.execute(SELECT_METHOD, {"id": method_id})).fetchone()
    return _method(row) if row else None
