"""All SQL of the inbox: deliveries, and the cursors of what was pulled."""

from __future__ import annotations

from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.rows import TupleRow

from autorisen.kit.database import Tx
from autorisen.payments.model import Delivery, DeliveryStatus, ParkReason

# The whole rule "an event counts once" is this unique key; a repeat only counts itself.
INSERT_DELIVERY: LiteralString = """
    INSERT INTO payments.deliveries (id, gateway, event_id, type, status, pulled, body, received_at)
    VALUES (%(id)s::uuid, %(gateway)s::text, %(event_id)s::text, %(type)s::text, 'received', %(pulled)s::boolean,
        %(body)s::bytea, %(at)s::timestamptz)
    ON CONFLICT (gateway, event_id) DO NOTHING
    RETURNING id
"""

COUNT_DUPLICATE: LiteralString = """
    UPDATE payments.deliveries SET duplicates = duplicates + 1
    WHERE gateway = %(gateway)s::text AND event_id = %(event_id)s::text
"""

SELECT_DELIVERY: LiteralString = """
    SELECT id, gateway, event_id, type, status, park_reason, payment_id, pulled, body, received_at, applied_at,
        duplicates, replays
    FROM payments.deliveries WHERE id = %(id)s::uuid
"""

LOCK_DELIVERY: LiteralString = """
    SELECT id, gateway, event_id, type, status, park_reason, payment_id, pulled, body, received_at, applied_at,
        duplicates, replays
    FROM payments.deliveries WHERE id = %(id)s::uuid FOR UPDATE
"""

SELECT_DELIVERIES: LiteralString = """
    SELECT id, gateway, event_id, type, status, park_reason, payment_id, pulled, body, received_at, applied_at,
        duplicates, replays
    FROM payments.deliveries
    WHERE (%(status)s::text IS NULL OR status = %(status)s::text)
        AND (%(payment_id)s::uuid IS NULL OR payment_id = %(payment_id)s::uuid)
        AND (%(after)s::uuid IS NULL OR id < %(after)s::uuid)
    ORDER BY id DESC LIMIT %(limit)s::int
"""

COUNT_DELIVERIES: LiteralString = "SELECT status, count(*) FROM payments.deliveries GROUP BY status"

MARK_DELIVERY: LiteralString = """
    UPDATE payments.deliveries
    SET status = %(status)s::text, park_reason = %(park_reason)s::text, applied_at = %(at)s::timestamptz,
        payment_id = coalesce(%(payment_id)s::uuid, payment_id)
    WHERE id = %(id)s::uuid
"""

REOPEN_DELIVERY: LiteralString = """
    UPDATE payments.deliveries
    SET status = 'received', park_reason = NULL, applied_at = NULL, replays = replays + 1
    WHERE id = %(id)s::uuid
"""

KNOWN_EVENTS: LiteralString = """
    SELECT event_id FROM payments.deliveries
    WHERE gateway = %(gateway)s::text AND event_id = ANY(%(event_ids)s::text[])
"""

SELECT_CURSOR: LiteralString = "SELECT cursor FROM payments.gateway_cursors WHERE gateway = %(gateway)s::text"

UPSERT_CURSOR: LiteralString = """
    INSERT INTO payments.gateway_cursors (gateway, cursor, updated_at)
    VALUES (%(gateway)s::text, %(cursor)s::text, %(at)s::timestamptz)
    ON CONFLICT (gateway) DO UPDATE SET cursor = excluded.cursor, updated_at = excluded.updated_at
"""


def _delivery(row: TupleRow) -> Delivery:
    return Delivery(
        id=row[0],
        gateway=row[1],
        event_id=row[2],
        type=row[3],
        status=DeliveryStatus(row[4]),
        park_reason=ParkReason(row[5]) if row[5] else None,
        payment_id=row[6],
        pulled=row[7],
        body=bytes(row[8]),
        received_at=row[9],
        applied_at=row[10],
        duplicates=row[11],
        replays=row[12],
    )


async def insert_delivery(
    tx: Tx, *, delivery_id: UUID, gateway: str, event_id: str, type: str, pulled: bool, body: bytes, at: datetime
) -> bool:
    """False when this event is already in the inbox."""
    values = {
        "id": delivery_id,
        "gateway": gateway,
        "event_id": event_id,
        "type": type,
        "pulled": pulled,
        "body": body,
        "at": at,
    }
    return await (await tx.execute(INSERT_DELIVERY, values)).fetchone() is not None


async def known_events(tx: Tx, gateway: str, event_ids: list[str]) -> set[str]:
    """Which of these events of a gateway are in the inbox."""
    rows = await tx.execute(KNOWN_EVENTS, {"gateway": gateway, "event_ids": event_ids})
    return {row[0] for row in await rows.fetchall()}


async def count_duplicate(tx: Tx, *, gateway: str, event_id: str) -> None:
    await tx.execute(COUNT_DUPLICATE, {"gateway": gateway, "event_id": event_id})


async def delivery(tx: Tx, delivery_id: UUID, *, lock: bool = False) -> Delivery | None:
    query = LOCK_DELIVERY if lock else SELECT_DELIVERY
    row = await (await tx.execute(query, {"id": delivery_id})).fetchone()
    return _delivery(row) if row else None


async def list_deliveries(
    tx: Tx,
    *,
    status: DeliveryStatus | None = None,
    payment_id: UUID | None = None,
    after: UUID | None = None,
    limit: int = 50,
) -> list[Delivery]:
    """The newest deliveries first; `after` is the last id of the page before."""
    values = {"status": status, "payment_id": payment_id, "after": after, "limit": limit}
    return [_delivery(row) for row in await (await tx.execute(SELECT_DELIVERIES, values)).fetchall()]


async def delivery_counts(tx: Tx) -> dict[DeliveryStatus, int]:
    """How many deliveries stand where; every status is present."""
    counts = dict.fromkeys(DeliveryStatus, 0)
    for status, number in await (await tx.execute(COUNT_DELIVERIES)).fetchall():
        counts[DeliveryStatus(status)] = number
    return counts


async def mark(
    tx: Tx,
    delivery_id: UUID,
    status: DeliveryStatus,
    *,
    at: datetime,
    park_reason: ParkReason | None = None,
    payment_id: UUID | None = None,
) -> None:
    values = {"id": delivery_id, "status": status, "park_reason": park_reason, "payment_id": payment_id, "at": at}
    await tx.execute(MARK_DELIVERY, values)


async def reopen(tx: Tx, delivery_id: UUID) -> None:
    """Back to received, to be applied again; counts the replay."""
    await tx.execute(REOPEN_DELIVERY, {"id": delivery_id})


async def cursor(tx: Tx, gateway: str) -> str | None:
    """Up to where the gateway's own list of events has been pulled."""
    row = await (await tx.execute(SELECT_CURSOR, {"gateway": gateway})).fetchone()
    return row[0] if row else None


async def set_cursor(tx: Tx, gateway: str, value: str, at: datetime) -> None:
    await tx.execute(UPSERT_CURSOR, {"gateway": gateway, "cursor": value, "at": at})
