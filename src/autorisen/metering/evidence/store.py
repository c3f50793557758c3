"""The SQL of evidence: what became known of a stretch of time between two instants."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from autorisen.kit.database import Tx
from autorisen.metering.evidence.model import Cause

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
