"""The SQL for Stripe's clients: what an identifier stands for."""

from __future__ import annotations

from uuid import UUID

from autorisen.kit.database import Tx

SELECT_EVENT_NAME = """
SELECT type FROM metering.events WHERE tenant = %(tenant)s AND source = %(source)s AND event_id = %(id)s
"""


async def event_name(tx: Tx, tenant: UUID, source: str, identifier: str) -> str | None:
    """The name of a stored meter event; None when there is none of that identifier."""
    row = await (await tx.execute(SELECT_EVENT_NAME, {"tenant": tenant, "source": source, "id": identifier})).fetchone()
    return row[0] if row else None
