"""All SQL of quotas and holds. Whoever changes what is held locks the row of its customer and meter first."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import dict_row

from autorisen.kit.database import Tx
from autorisen.metering import Aggregation
from autorisen.subscriptions.holds.model import Draw, Hold, HoldStatus

ADD_QUOTA: LiteralString = """
    INSERT INTO subscriptions.quotas (customer_id, meter) VALUES (%(customer_id)s, %(meter)s)
    ON CONFLICT (customer_id, meter) DO NOTHING
"""

LOCK_QUOTA: LiteralString = """
    SELECT 1 FROM subscriptions.quotas WHERE customer_id = %(customer_id)s AND meter = %(meter)s FOR UPDATE
"""

# Skipping what is locked: an overdue hold of a busy customer is seen to by the next one who asks, or next time.
LOCK_OVERDUE: LiteralString = """
    SELECT customer_id, meter FROM subscriptions.quotas AS quota
    WHERE EXISTS (
        SELECT 1 FROM subscriptions.holds AS hold
        WHERE hold.customer_id = quota.customer_id AND hold.meter = quota.meter AND hold.status = 'held'
            AND hold.expires_at <= %(wall_now)s::timestamptz
    )
    ORDER BY customer_id, meter LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
"""

HELD: LiteralString = """
    SELECT coalesce(sum(CASE WHEN expires_at <= %(wall_now)s::timestamptz THEN drawn ELSE quantity END), 0)
    FROM subscriptions.holds
    WHERE customer_id = %(customer_id)s AND meter = %(meter)s AND status = 'held'
        AND made_at >= %(start_at)s::timestamptz AND made_at < %(end_at)s::timestamptz
"""

HOLD: LiteralString = "SELECT * FROM subscriptions.holds WHERE id = %(id)s"

HOLD_BY_KEY: LiteralString = """
    SELECT * FROM subscriptions.holds WHERE customer_id = %(customer_id)s AND key = %(key)s
"""

OVERDUE: LiteralString = """
    SELECT * FROM subscriptions.holds
    WHERE customer_id = %(customer_id)s AND meter = %(meter)s AND status = 'held'
        AND expires_at <= %(wall_now)s::timestamptz
    ORDER BY expires_at, id LIMIT %(limit)s
"""

INSERT_HOLD: LiteralString = """
    INSERT INTO subscriptions.holds (
        id, customer_id, meter, key, event_type, aggregation, value_path, overage_allowed, quantity, remaining,
        expires_in_seconds, made_at, expires_at
    ) VALUES (
        %(id)s, %(customer_id)s, %(meter)s, %(key)s, %(event_type)s, %(aggregation)s, %(value_path)s::text[],
        %(overage_allowed)s, %(quantity)s, %(remaining)s, %(expires_in_seconds)s, %(made_at)s, %(expires_at)s
    )
    ON CONFLICT (customer_id, key) DO NOTHING
"""

UPDATE_HOLD: LiteralString = """
    UPDATE subscriptions.holds
    SET drawn = %(drawn)s, status = %(status)s, used = %(used)s, data = %(data)s, ended_at = %(ended_at)s
    WHERE id = %(id)s
"""

DRAW: LiteralString = """
    SELECT hold_id, sequence, quantity, drawn_after FROM subscriptions.hold_draws
    WHERE hold_id = %(hold_id)s AND sequence = %(sequence)s
"""

INSERT_DRAW: LiteralString = """
    INSERT INTO subscriptions.hold_draws (hold_id, sequence, quantity, drawn_after, drawn_at)
    VALUES (%(hold_id)s, %(sequence)s, %(quantity)s, %(drawn_after)s, %(drawn_at)s)
"""


async def lock_quota(tx: Tx, customer_id: UUID, meter: str) -> None:
    """Keep everybody else from this customer's holds on this meter until the transaction ends."""
    values = {"customer_id": customer_id, "meter": meter}
    if not await _all(tx, LOCK_QUOTA, values):
        await tx.execute(ADD_QUOTA, values)
        await tx.execute(LOCK_QUOTA, values)


async def lock_overdue(tx: Tx, wall_now: datetime, limit: int) -> list[tuple[UUID, str]]:
    """Lock the quotas that have overdue holds and that nobody else has locked, in one order for all."""
    rows = await _all(tx, LOCK_OVERDUE, {"wall_now": wall_now, "limit": limit})
    return [(row["customer_id"], row["meter"]) for row in rows]


async def held(
    tx: Tx, customer_id: UUID, meter: str, *, start_at: datetime, end_at: datetime, wall_now: datetime
) -> Decimal:
    """What the outstanding holds of a period keep: all of each, and of an overdue one what was drawn."""
    values = {
        "customer_id": customer_id,
        "meter": meter,
        "start_at": start_at,
        "end_at": end_at,
        "wall_now": wall_now,
    }
    row = await (await tx.execute(HELD, values)).fetchone()
    assert row is not None, "an aggregate always gives a row"
    total: Decimal = row[0]
    return total


async def hold(tx: Tx, hold_id: UUID) -> Hold | None:
    rows = await _all(tx, HOLD, {"id": hold_id})
    return _hold(rows[0]) if rows else None


async def hold_by_key(tx: Tx, customer_id: UUID, key: str) -> Hold | None:
    rows = await _all(tx, HOLD_BY_KEY, {"customer_id": customer_id, "key": key})
    return _hold(rows[0]) if rows else None


async def overdue(tx: Tx, customer_id: UUID, meter: str, wall_now: datetime, limit: int) -> list[Hold]:
    values = {"customer_id": customer_id, "meter": meter, "wall_now": wall_now, "limit": limit}
    return [_hold(row) for row in await _all(tx, OVERDUE, values)]


async def insert_hold(tx: Tx, made: Hold) -> bool:
    """Add a hold; False when its key was used before, or meanwhile for another meter."""
    values = {
        "id": made.id,
        "customer_id": made.customer_id,
        "meter": made.meter,
        "key": made.key,
        "event_type": made.event_type,
        "aggregation": made.aggregation,
        "value_path": list(made.value_path),
        "overage_allowed": made.overage_allowed,
        "quantity": made.quantity,
        "remaining": made.remaining,
        "expires_in_seconds": made.expires_in_seconds,
        "made_at": made.made_at,
        "expires_at": made.expires_at,
    }
    return (await tx.execute(INSERT_HOLD, values)).rowcount == 1


async def update_hold(tx: Tx, changed: Hold) -> None:
    values = {
        "id": changed.id,
        "drawn": changed.drawn,
        "status": changed.status,
        "used": changed.used,
        "data": changed.data,
        "ended_at": changed.ended_at,
    }
    await tx.execute(UPDATE_HOLD, values)


async def draw(tx: Tx, hold_id: UUID, sequence: int) -> Draw | None:
    rows = await _all(tx, DRAW, {"hold_id": hold_id, "sequence": sequence})
    return Draw(**rows[0]) if rows else None


async def insert_draw(tx: Tx, drawn: Draw, drawn_at: datetime) -> None:
    values: dict[str, object] = {
        "hold_id": drawn.hold_id,
        "sequence": drawn.sequence,
        "quantity": drawn.quantity,
        "drawn_after": drawn.drawn_after,
        "drawn_at": drawn_at,
    }
    await tx.execute(INSERT_DRAW, values)


async def _all(tx: Tx, query: LiteralString, values: dict[str, object]) -> list[dict[str, Any]]:
    async with tx.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(query, values)).fetchall()


def _hold(row: dict[str, Any]) -> Hold:
    values = dict(row)
    return Hold(
        aggregation=Aggregation(values.pop("aggregation")),
        status=HoldStatus(values.pop("status")),
        value_path=tuple(values.pop("value_path")),
        **values,
    )
