"""SQL of refunds: what was asked of a payment, and what went back."""

from __future__ import annotations

from datetime import datetime
from typing import LiteralString
from uuid import UUID

from autorisen.kit.database import Tx

UPDATE_PAYMENT_REFUNDED: LiteralString = """
    UPDATE payments.payments SET refunded_minor = %(refunded_minor)s::bigint WHERE id = %(id)s::uuid
"""

# A trigger adds the amount to what was asked of the payment, which a check holds below what was paid.
INSERT_REFUND: LiteralString = """
    INSERT INTO payments.refunds (id, payment_id, amount_minor, reference, requested_at)
    VALUES (%(id)s::uuid, %(payment_id)s::uuid, %(amount_minor)s::bigint, %(reference)s::text, %(at)s::timestamptz)
"""

REFUND_NOTED: LiteralString = "SELECT 1 FROM payments.refunds WHERE reference = %(reference)s::text"


async def set_refunded(tx: Tx, payment_id: UUID, refunded_minor: int) -> None:
    await tx.execute(UPDATE_PAYMENT_REFUNDED, {"id": payment_id, "refunded_minor": refunded_minor})


async def insert_refund(tx: Tx, *, id: UUID, payment_id: UUID, amount_minor: int, reference: str, at: datetime) -> None:
    """Note that a part of a payment is asked back. A second time for a reference breaks the key."""
    values = {"id": id, "payment_id": payment_id, "amount_minor": amount_minor, "reference": reference, "at": at}
    await tx.execute(INSERT_REFUND, values)


async def refund_noted(tx: Tx, reference: str) -> bool:
    """Whether a refund under that reference was asked for."""
    return await (await tx.execute(REFUND_NOTED, {"reference": reference})).fetchone() is not None
