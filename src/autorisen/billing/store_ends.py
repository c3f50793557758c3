"""SQL of billing: how an open invoice ends without being paid."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from autorisen.kit.database import Tx

VOID = """
UPDATE billing.invoices SET status = 'void', voided_at = %(at)s, void_reason = %(reason)s WHERE id = %(id)s
"""
WRITE_OFF = """
UPDATE billing.invoices SET status = 'uncollectible', written_off_at = %(at)s, write_off_reason = %(reason)s
WHERE id = %(id)s
"""


async def void(tx: Tx, id: UUID, *, reason: str, at: datetime) -> None:
    await tx.execute(VOID, {"id": id, "reason": reason, "at": at})


async def write_off(tx: Tx, id: UUID, *, reason: str, at: datetime) -> None:
    await tx.execute(WRITE_OFF, {"id": id, "reason": reason, "at": at})
