"""The SQL for Lago's clients: one event by its transaction id."""

from __future__ import annotations

from uuid import UUID

from autorisen.kit.database import Tx
from autorisen.metering.compat.lago.model import AMOUNT, SOURCE, KeptEvent

# Lago asks by the transaction id alone, and ours is unique within a source. So the sources of the tenant are visited,
# each by one descent of the primary key, without an index that every event would pay for.
SELECT_BY_TRANSACTION = """
WITH RECURSIVE sources (source) AS (
    (SELECT source FROM metering.events WHERE tenant = %(tenant)s::uuid ORDER BY source LIMIT 1)
    UNION ALL
    SELECT (
        SELECT event.source FROM metering.events AS event
        WHERE event.tenant = %(tenant)s::uuid AND event.source > sources.source ORDER BY event.source LIMIT 1
    )
    FROM sources WHERE sources.source IS NOT NULL
)
SELECT event.event_id, event.subject, event.type, event.customer_id, event.occurred_at, event.data::text,
    event.extensions ->> %(amount)s::text, batch.received_at
FROM sources
JOIN metering.events AS event
    ON event.tenant = %(tenant)s::uuid AND event.source = sources.source AND event.event_id = %(id)s
JOIN metering.batches AS batch ON batch.id = event.batch_id
WHERE starts_with(sources.source, %(prefix)s)
LIMIT 1
"""


async def select_by_transaction(tx: Tx, tenant: UUID, id: str) -> KeptEvent | None:
    cursor = await tx.execute(SELECT_BY_TRANSACTION, {"tenant": tenant, "id": id, "amount": AMOUNT, "prefix": SOURCE})
    row = await cursor.fetchone()
    return KeptEvent(*row) if row else None
