"""The SQL of the event log. Every statement reads a bounded number of rows from an index, however many there are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from autorisen.kit.database import Tx
from autorisen.metering.eventlog.model import Arrival, FullEvent, LoggedEvent, Search
from autorisen.metering.model import OPERATOR

# The newest events of the stretch, at most %(looked_at)s of them (events_customer_time), and among them those that
# match; the last row that was looked at says where to go on.
FIND_OF_CUSTOMER = """
WITH looked AS MATERIALIZED (
    SELECT tenant, source, event_id, type, subject, customer_id, occurred_at FROM metering.events
    WHERE customer_id = %(customer_id)s::uuid AND occurred_at >= %(start)s::timestamptz
        AND occurred_at < %(end)s::timestamptz AND occurred_at <= %(after)s::timestamptz
        AND (occurred_at, source, event_id, tenant) < (%(after)s, %(after_source)s::text, %(after_id)s::text,
            %(after_tenant)s::uuid)
    ORDER BY occurred_at DESC, source DESC, event_id DESC, tenant DESC LIMIT %(looked_at)s
)
(SELECT true, looked.* FROM looked
WHERE (%(source)s = '' OR source = %(source)s) AND (%(type)s = '' OR type = %(type)s)
    AND (%(subject)s = '' OR subject = %(subject)s)
ORDER BY occurred_at DESC, source DESC, event_id DESC, tenant DESC LIMIT %(limit)s)
UNION ALL
(SELECT false, looked.* FROM looked
ORDER BY occurred_at DESC, source DESC, event_id DESC, tenant DESC OFFSET %(looked_at)s - 1 LIMIT 1)
"""
# The same of everybody (events_time).
FIND_OF_ALL = """
WITH looked AS MATERIALIZED (
    SELECT tenant, source, event_id, type, subject, customer_id, occurred_at FROM metering.events
    WHERE occurred_at >= %(start)s::timestamptz
        AND occurred_at < %(end)s::timestamptz AND occurred_at <= %(after)s::timestamptz
        AND (occurred_at, source, event_id, tenant) < (%(after)s, %(after_source)s::text, %(after_id)s::text,
            %(after_tenant)s::uuid)
    ORDER BY occurred_at DESC, source DESC, event_id DESC, tenant DESC LIMIT %(looked_at)s
)
(SELECT true, looked.* FROM looked
WHERE (%(source)s = '' OR source = %(source)s) AND (%(type)s = '' OR type = %(type)s)
    AND (%(subject)s = '' OR subject = %(subject)s)
ORDER BY occurred_at DESC, source DESC, event_id DESC, tenant DESC LIMIT %(limit)s)
UNION ALL
(SELECT false, looked.* FROM looked
ORDER BY occurred_at DESC, source DESC, event_id DESC, tenant DESC OFFSET %(looked_at)s - 1 LIMIT 1)
"""

# An id alone is looked up under every source of the tenant: one step of the primary key a source, so at most
# %(sources)s of them, and no index of its own that every event would pay for.
FIND_ID_OF_TENANT = """
WITH RECURSIVE known (source, number) AS (
    (SELECT source, 1 FROM metering.events WHERE tenant = %(tenant)s::uuid ORDER BY source LIMIT 1)
    UNION ALL
    SELECT following.source, known.number + 1
    FROM known CROSS JOIN LATERAL (
        SELECT source FROM metering.events WHERE tenant = %(tenant)s::uuid AND source > known.source
        ORDER BY source LIMIT 1
    ) AS following
    WHERE known.number < %(sources)s
)
SELECT event.tenant, event.source, event.event_id, event.type, event.subject, event.customer_id, event.occurred_at
FROM known JOIN metering.events AS event
    ON event.tenant = %(tenant)s::uuid AND event.source = known.source AND event.event_id = %(id)s
WHERE %(customer_id)s::uuid IS NULL OR event.customer_id = %(customer_id)s
LIMIT %(limit)s
"""
FIND_ID_OF_ALL = """
WITH RECURSIVE known (tenant, source, number) AS (
    (SELECT tenant, source, 1 FROM metering.events ORDER BY tenant, source LIMIT 1)
    UNION ALL
    SELECT following.tenant, following.source, known.number + 1
    FROM known CROSS JOIN LATERAL (
        SELECT tenant, source FROM metering.events WHERE (tenant, source) > (known.tenant, known.source)
        ORDER BY tenant, source LIMIT 1
    ) AS following
    WHERE known.number < %(sources)s
)
SELECT event.tenant, event.source, event.event_id, event.type, event.subject, event.customer_id, event.occurred_at
FROM known JOIN metering.events AS event USING (tenant, source)
WHERE event.event_id = %(id)s
LIMIT %(limit)s
"""

SELECT_EVENT = """
SELECT event.tenant, source, event_id, type, subject, customer_id, occurred_at, timed, data::text,
    coalesce(extensions::text, ''), event.batch_id, batch.received_at, coalesce(batch.accepted, 0)
FROM metering.events AS event LEFT JOIN metering.batches AS batch ON batch.id = event.batch_id
WHERE event.tenant = %(tenant)s::uuid AND source = %(source)s AND event_id = %(id)s
    AND (%(customer_id)s::uuid IS NULL OR customer_id = %(customer_id)s)
"""


async def find(
    tx: Tx,
    customer_id: UUID | None,
    search: Search,
    bounds: tuple[datetime, datetime],
    after: tuple[datetime, str, str, UUID],
    sizes: tuple[int, int],
) -> tuple[list[LoggedEvent], LoggedEvent | None]:
    """Up to `limit` matching events among the newest `looked_at` after the place, and the last one looked at when so
    many were there. `bounds` is half-open; `sizes` are `looked_at` and `limit`."""
    values = {
        "customer_id": customer_id,
        "source": search.source,
        "type": search.type,
        "subject": search.subject,
        "start": bounds[0],
        "end": bounds[1],
        "after": after[0],
        "after_source": after[1],
        "after_id": after[2],
        "after_tenant": after[3],
        "looked_at": sizes[0],
        "limit": sizes[1],
    }
    cursor = await tx.execute(FIND_OF_ALL if customer_id is None else FIND_OF_CUSTOMER, values)
    rows = await cursor.fetchall()
    found = [LoggedEvent(*row[1:]) for row in rows if row[0]]
    last = next((LoggedEvent(*row[1:]) for row in rows if not row[0]), None)
    return found, last


async def find_id(tx: Tx, customer_id: UUID | None, id: str, sources: int, limit: int) -> list[LoggedEvent]:
    """The events of that id: of everybody, or of one customer, whether its own key or an operator's sent them."""
    values: Mapping[str, Any] = {"id": id, "sources": sources, "limit": limit, "customer_id": customer_id}
    if customer_id is None:
        cursor = await tx.execute(FIND_ID_OF_ALL, values)
        return [LoggedEvent(*row) for row in await cursor.fetchall()]
    found: list[LoggedEvent] = []
    for tenant in (customer_id, OPERATOR):
        cursor = await tx.execute(FIND_ID_OF_TENANT, {**values, "tenant": tenant})
        found += [LoggedEvent(*row) for row in await cursor.fetchall()]
    return found


async def event(tx: Tx, customer_id: UUID | None, tenant: UUID, source: str, id: str) -> FullEvent | None:
    values = {"customer_id": customer_id, "tenant": tenant, "source": source, "id": id}
    row = await (await tx.execute(SELECT_EVENT, values)).fetchone()
    if row is None:
        return None
    timed, data_json, extensions_json, batch_id, received_at, accepted = row[7:]
    return FullEvent(LoggedEvent(*row[:7]), timed, data_json, extensions_json, Arrival(batch_id, received_at, accepted))
