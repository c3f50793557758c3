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
    AND (%(ids)s::text[] IS NULL OR event.event_id = ANY(%(ids)s))
    AND (%(sources)s::text[] IS NULL OR event.source = ANY(%(sources)s))
    AND (%(types)s::text[] IS NULL OR event.type = ANY(%(types)s))
    AND (%(subjects)s::text[] IS NULL OR event.subject = ANY(%(subjects)s))
    AND strpos(event.event_id, %(part)s) > 0
    AND (%(after_time)s::timestamptz IS NULL OR event.occurred_at <= %(after_time)s)
    AND (%(after_time)s::timestamptz IS NULL
        OR (event.occurred_at, event.source, event.event_id) < (%(after_time)s, %(after_source)s, %(after_id)s))
ORDER BY event.occurred_at DESC, event.source DESC, event.event_id DESC LIMIT %(limit)s
"""

SELECT_ALL_EVENTS = """
SELECT event.source, event.event_id, event.type, event.subject, event.customer_id, event.occurred_at,
    event.data::text, coalesce(event.extensions::text, ''), batch.received_at
FROM metering.events AS event JOIN metering.batches AS batch ON batch.id = event.batch_id
WHERE event.occurred_at >= %(start)s::timestamptz AND event.occurred_at < %(end)s::timestamptz
    AND batch.received_at >= %(ingested_start)s::timestamptz AND batch.received_at < %(ingested_end)s::timestamptz
    AND (%(ids)s::text[] IS NULL OR event.event_id = ANY(%(ids)s))
    AND (%(sources)s::text[] IS NULL OR event.source = ANY(%(sources)s))
    AND (%(types)s::text[] IS NULL OR event.type = ANY(%(types)s))
    AND (%(subjects)s::text[] IS NULL OR event.subject = ANY(%(subjects)s))
    AND strpos(event.event_id, %(part)s) > 0
    AND (%(after_time)s::timestamptz IS NULL OR event.occurred_at <= %(after_time)s)
    AND (%(after_time)s::timestamptz IS NULL
        OR (event.occurred_at, event.source, event.event_id) < (%(after_time)s, %(after_source)s, %(after_id)s))
ORDER BY event.occurred_at DESC, event.source DESC, event.event_id DESC LIMIT %(limit)s
"""


async def select_changes(tx: Tx) -> dict[str, datetime]:
    """When each meter changed last."""
    return dict(await (await tx.execute(SELECT_CHANGES)).fetchall())


async def select_events(tx: Tx, question: EventQuestion, customers: Sequence[UUID] | None) -> list[IngestedEvent]:
    """Newest event time first; those of everybody when `customers` is None."""
    after = question.after
    cursor = await tx.execute(
        SELECT_ALL_EVENTS if customers is None else SELECT_CUSTOMERS_EVENTS,
        {
            "customers": list(customers or ()),
            "start": question.start,
            "end": question.end,
            "ingested_start": question.ingested_start,
            "ingested_end": question.ingested_end,
            "part": question.part_of_id,
            "ids": _any(question.ids),
            "sources": _any(question.sources),
            "types": _any(question.types),
            "subjects": _any(question.subjects),
            "after_time": after.occurred_at if after else None,
            "after_source": after.source if after else None,
            "after_id": after.id if after else None,
            "limit": question.limit,
        },
    )
    return [IngestedEvent(StoredEvent(*row[:-1]), row[-1]) for row in await cursor.fetchall()]


def _any(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)
