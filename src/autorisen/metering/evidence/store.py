"""The SQL of evidence: what counted by what was known at an instant, and what became known between two."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from autorisen.kit.database import Tx
from autorisen.metering.counting import CountedEvent, event_key
from autorisen.metering.decode import stored_data
from autorisen.metering.evidence.model import Cause

_ROWS_AT_ONCE = 1_000

# Events and corrections as they were known at an instant.
SELECT_AS_OF = """
SELECT event.customer_id, event.type, event.occurred_at, event.source, event.event_id, event.data::text
FROM metering.events AS event JOIN metering.batches AS batch ON batch.id = event.batch_id
WHERE event.customer_id = %(customer_id)s AND event.occurred_at >= %(start)s AND event.occurred_at < %(end)s
    AND event.type = ANY (%(types)s::text[]) AND batch.received_at <= %(at)s
    AND NOT EXISTS (SELECT FROM metering.corrections AS correction WHERE correction.tenant = event.tenant
        AND correction.source = event.source AND correction.event_id = event.event_id
        AND correction.corrected_at <= %(at)s)
UNION ALL
SELECT amended.customer_id, amended.type, amended.occurred_at, amended.source, amended.event_id, amended.data::text
FROM metering.corrections AS amended
WHERE amended.kind = 'amend' AND amended.customer_id = %(customer_id)s AND amended.occurred_at >= %(start)s
    AND amended.occurred_at < %(end)s AND amended.type = ANY (%(types)s::text[]) AND amended.corrected_at <= %(at)s
    AND NOT EXISTS (SELECT FROM metering.corrections AS newer WHERE newer.tenant = amended.tenant
        AND newer.source = amended.source AND newer.event_id = amended.event_id
        AND newer.revision > amended.revision AND newer.corrected_at <= %(at)s)
ORDER BY occurred_at, source, event_id LIMIT %(limit)s
"""

# A correction concerns the time of its event, and the time to which it moves it.
SELECT_CAUSES = """
SELECT 'late' AS kind, event.source, event.event_id AS id, event.occurred_at, batch.received_at AS known_at,
    '' AS reason
FROM metering.events AS event JOIN metering.batches AS batch ON batch.id = event.batch_id
WHERE event.customer_id = %(customer_id)s::uuid AND event.type = %(type)s
    AND event.occurred_at >= %(start)s::timestamptz AND event.occurred_at < %(end)s::timestamptz
    AND batch.received_at > %(since)s::timestamptz AND batch.received_at <= %(until)s::timestamptz
UNION ALL
SELECT correction.kind, correction.source, correction.event_id, event.occurred_at, correction.corrected_at,
    correction.reason
FROM metering.corrections AS correction JOIN metering.events AS event USING (tenant, source, event_id)
WHERE correction.corrected_at > %(since)s AND correction.corrected_at <= %(until)s
    AND ((event.customer_id = %(customer_id)s AND event.type = %(type)s AND event.occurred_at >= %(start)s
            AND event.occurred_at < %(end)s)
        OR (correction.customer_id = %(customer_id)s AND correction.type = %(type)s
            AND correction.occurred_at >= %(start)s AND correction.occurred_at < %(end)s))
ORDER BY known_at, source, id LIMIT %(limit)s
"""


async def causes(
    tx: Tx,
    *,
    customer_id: UUID,
    type: str,
    start: datetime,
    end: datetime,
    since: datetime,
    until: datetime,
    limit: int,
) -> list[Cause]:
    values = {
        "customer_id": customer_id,
        "type": type,
        "start": start,
        "end": end,
        "since": since,
        "until": until,
        "limit": limit,
    }
    async with tx.cursor(row_factory=class_row(Cause)) as cursor:
        return await (await cursor.execute(SELECT_CAUSES, values)).fetchall()


async def events_as_of(
    tx: Tx,
    customer_id: UUID,
    types: Sequence[str],
    start: datetime,
    end: datetime,
    at: datetime,
    *,
    limit: int | None = None,
) -> AsyncIterator[CountedEvent]:
    """What counted of a customer in a stretch of time, by what was known at an instant; the first `limit` of it."""
    values = {"customer_id": customer_id, "types": list(types), "start": start, "end": end, "at": at, "limit": limit}
    async with tx.cursor() as cursor:
        async for row in cursor.stream(SELECT_AS_OF, values, size=_ROWS_AT_ONCE):
            customer, type, occurred_at, source, id, data = row
            yield CountedEvent(customer, type, occurred_at, event_key(source, id), stored_data(data))
