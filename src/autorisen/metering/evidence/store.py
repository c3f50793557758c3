"""The SQL of evidence: what counted by what was known at an instant, and what became known between two."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from autorisen.kit.database import Tx
from autorisen.metering.counting import CountedEvent, event_key
from autorisen.metering.decode import stored_data
from autorisen.metering.evidence.model import AsOf, Cause

_ROWS_AT_ONCE = 1_000

# Events and corrections as they were known at an instant; of many customers and stretches at once.
SELECT_AS_OF = """
SELECT place, found.customer_id, found.type, found.occurred_at, found.source, found.event_id, found.data
FROM unnest(%(places)s::int[], %(customers)s::uuid[], %(types)s::text[], %(starts)s::timestamptz[],
    %(ends)s::timestamptz[], %(ats)s::timestamptz[]) AS asked (place, customer_id, type, start_at, end_at, at)
CROSS JOIN LATERAL (
    SELECT event.customer_id, event.type, event.occurred_at, event.source, event.event_id, event.data::text AS data
    FROM metering.events AS event JOIN metering.batches AS batch ON batch.id = event.batch_id
    WHERE event.customer_id = asked.customer_id AND event.occurred_at >= asked.start_at
        AND event.occurred_at < asked.end_at AND event.type = asked.type AND batch.received_at <= asked.at
        AND NOT EXISTS (SELECT FROM metering.corrections AS correction WHERE correction.tenant = event.tenant
            AND correction.source = event.source AND correction.event_id = event.event_id
            AND correction.corrected_at <= asked.at)
    UNION ALL
    SELECT amended.customer_id, amended.type, amended.occurred_at, amended.source, amended.event_id,
        amended.data::text
    FROM metering.corrections AS amended
    WHERE amended.kind = 'amend' AND amended.customer_id = asked.customer_id
        AND amended.occurred_at >= asked.start_at AND amended.occurred_at < asked.end_at
        AND amended.type = asked.type AND amended.corrected_at <= asked.at
        AND NOT EXISTS (SELECT FROM metering.corrections AS newer WHERE newer.tenant = amended.tenant
            AND newer.source = amended.source AND newer.event_id = amended.event_id
            AND newer.revision > amended.revision AND newer.corrected_at <= asked.at)
) AS found
ORDER BY place, occurred_at, source, event_id LIMIT %(limit)s
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
    tx: Tx, asked: Sequence[AsOf], *, limit: int | None = None
) -> AsyncIterator[tuple[int, CountedEvent]]:
    """What counted of each stretch that is asked for, with its place in `asked`, in order; the first `limit` of it."""
    values = {
        "places": list(range(len(asked))),
        "customers": [each.customer_id for each in asked],
        "types": [each.type for each in asked],
        "starts": [each.start for each in asked],
        "ends": [each.end for each in asked],
        "ats": [each.at for each in asked],
        "limit": limit,
    }
    async with tx.cursor() as cursor:
        async for row in cursor.stream(SELECT_AS_OF, values, size=_ROWS_AT_ONCE):
            place, customer, type, occurred_at, source, id, data = row
            yield place, CountedEvent(customer, type, occurred_at, event_key(source, id), stored_data(data))
