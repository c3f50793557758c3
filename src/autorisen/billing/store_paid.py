"""SQL of billing: which payment has paid which invoice."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from autorisen.kit.database import Tx

INSERT_PAYMENT = """
INSERT INTO billing.invoice_payments (payment_id, invoice_id, amount_minor, gateway, applied_at)
VALUES (%(payment_id)s, %(invoice_id)s, %(amount_minor)s, %(gateway)s, %(at)s)
"""
INVOICE_PAID_BY = "SELECT invoice_id FROM billing.invoice_payments WHERE payment_id = %(payment_id)s"
PAYMENT_OF = "SELECT payment_id FROM billing.invoice_payments WHERE invoice_id = %(invoice_id)s"


async def insert_payment(
    tx: Tx, *, payment_id: UUID, invoice_id: UUID, amount_minor: int, gateway: str, at: datetime
) -> None:
    await tx.execute(
        INSERT_PAYMENT,
        {
            "payment_id": payment_id,
            "invoice_id": invoice_id,
            "amount_minor": amount_minor,
            "gateway": gateway,
            "at": at,
        },
    )


async def invoice_paid_by(tx: Tx, payment_id: UUID) -> UUID | None:
    """The invoice that a payment has paid."""
    row = await (await tx.execute(INVOICE_PAID_BY, {"payment_id": payment_id})).fetchone()
    return None if row is None else row[0]


async def payment_of(tx: Tx, invoice_id: UUID) -> UUID | None:
    """The payment that has paid an invoice; None while none has, and where credits or credit notes settled it."""
    row = await (await tx.execute(PAYMENT_OF, {"invoice_id": invoice_id})).fetchone()
    return None if row is None else row[0]
