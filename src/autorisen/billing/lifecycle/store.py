"""The SQL of first payments: the draft that a wanted subscription waits for."""

from __future__ import annotations

from uuid import UUID

from autorisen.kit.database import Tx

FIRST_DRAFT = """
SELECT id FROM billing.invoices WHERE subscription_id = %(subscription_id)s AND status = 'draft' AND purpose = 'start'
"""


async def first_draft(tx: Tx, subscription_id: UUID) -> UUID | None:
    """The draft of the first fee of a subscription that has not begun."""
    row = await (await tx.execute(FIRST_DRAFT, {"subscription_id": subscription_id})).fetchone()
    return None if row is None else row[0]
