"""The SQL for OpenMeter's clients: when meters changed, and events with their arrival."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from autorisen.kit.database import Tx
from autorisen.metering.compat.openmeter.model import EventQuestion, IngestedEvent
from autorisen.metering.model import StoredEvent

SELECT_CHANGES = "SELECT key, changed_at FROM metering.meters"

SELECT_CUSTOMERS_EVENTS = """
SELECT event.source, event.event_id, event.type, event.subject, event.customer_id, event.occurred_at,
    event.data::text, coalesce(event.extensions::text, ''), batch.received_at
FROM metering.events AS event JOIN metering.batches AS batch ON batch.id = event.batch_id
WHERE event.customer_id = ANY(%(customers)s::uuid[])
    AND event.occurred_at >= %(start)s::timestamptz AND event.occurred_at < %(end)s::timestamptz
    AND batch.received_at >= %(ingested_start)s::timestamptz AND batch.received_at < %(ingested_end)s::timestamptz
    AND (%(subject)s::text IS NULL OR event.subject = %(subject)s)
    AND strpos(event.event_id, %(id)s) > 0
ORDER BY event.occurred_at DESC, event.source DESC, event.event_id DESC LIMIT %(limit)s
"""

SELECT_ALL_EVENTS = """
SELECT event.source, event.event_id, event.type, event.subject, event.customer_id, event.occurred_at,
    event.data::text, coalesce(event.extensions::text, ''), batch.received_at
FROM metering.events AS event JOIN metering.batches AS batch ON batch.id = event.batch_id
WHERE event.occurred_at >= %(start)s::timestamptz AND event.occurred_at < %(end)s::timestamptz
    AND batch.received_at >= %(ingested_start)s::timestamptz AND batch.received_at < %(ingested_end)s::timestamptz
    AND (%(subject)s::text IS NULL OR event.subject = %(subject)s)
    AND strpos(event.event_id, %(id)s) > 0
ORDER BY event.occurred_at DESC, event.source DESC, event.event_id DESC LIMIT %(limit)s
"""


async def select_changes(tx: Tx) -> dict[str, datetime]:
    """When each meter changed last."""
    return dict(await (await tx.execute(SELECT_CHANGES)).fetchall())


async def select_events(tx: Tx, question: EventQuestion, customers: Sequence[UUID] | None) -> list[IngestedEvent]:
    """Newest event time first; those of everybody when `customers` is None."""
    cursor = await tx.execute(
        SELECT_ALL_EVENTS if customers is None else SELECT_CUSTOMERS_EVENTS,
        {
            "customers": list(customers or ()),
            "start": question.start,
            "end": question.end,
            "ingested_start": question.ingested_start,
            "ingested_end": question.ingested_end,
            "subject": question.subject,
            "id": question.id,
            "limit": question.limit,
        },
    )
    return [IngestedEvent(StoredEvent(*row[:-1]), row[-1]) for row in await cursor.fetchall()]
