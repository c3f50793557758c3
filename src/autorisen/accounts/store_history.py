"""SQL of what was noted of one customer's things, newest first, from a place on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from psycopg.rows import class_row

from autorisen.accounts.model import AuditEntry
from autorisen.kit.database import Tx

AUDIT_OF = """
SELECT id, at, actor, action, target, detail FROM accounts.audit
WHERE target = ANY(%(targets)s::text[])
    AND (at, id) < (%(before_at)s::timestamptz, %(before_id)s::bigint)
ORDER BY at DESC, id DESC LIMIT %(limit)s
"""


async def audit_of(tx: Tx, targets: Sequence[str], *, before: tuple[datetime, int], limit: int) -> list[AuditEntry]:
    """What was noted of any of these targets before a place, newest first."""
    values = {"targets": list(targets), "before_at": before[0], "before_id": before[1], "limit": limit}
    async with tx.cursor(row_factory=class_row(AuditEntry)) as cursor:
        return await (await cursor.execute(AUDIT_OF, values)).fetchall()
