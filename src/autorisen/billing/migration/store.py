"""SQL of moves to another version of a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from psycopg.rows import class_row

from autorisen.billing.model import Closing
from autorisen.kit.database import Tx

LAST_CLOSINGS = """
SELECT DISTINCT ON (subscription_id) period_id, customer_id, subscription_id, invoice_id, period_start, period_end,
    interval, currency, plan_version_id, closed_at, kind
FROM billing.closings WHERE customer_id = ANY(%(customers)s::uuid[]) AND subscription_id = ANY(%(ids)s::uuid[])
ORDER BY subscription_id, period_end DESC
"""
BILLED_USAGE = """
SELECT period_id, sum(amount_minor)::bigint FROM (
    SELECT DISTINCT ON (period_id, meter, cell) period_id, amount_minor FROM billing.rated_usage
    WHERE period_id = ANY(%(ids)s::uuid[]) ORDER BY period_id, meter, cell, revision DESC
) AS newest GROUP BY period_id
"""
INSERT_MOVE = """
INSERT INTO billing.plan_moves (subscription_id, customer_id, from_plan_version_id, to_plan_version_id, moves_at, actor,
    announced_at)
VALUES (%(subscription_id)s, %(customer_id)s, %(from_plan_version_id)s, %(to_plan_version_id)s, %(moves_at)s, %(actor)s,
    %(announced_at)s)
ON CONFLICT DO NOTHING
"""
ANNOUNCED = """
SELECT subscription_id FROM billing.plan_moves
WHERE to_plan_version_id = %(version_id)s AND subscription_id = ANY(%(ids)s::uuid[])
"""


async def last_closings(tx: Tx, customer_of: Mapping[UUID, UUID]) -> dict[UUID, Closing]:
    """The last closed period of each subscription that has one; given are the subscriptions with their customers."""
    values = {"ids": list(customer_of), "customers": list(customer_of.values())}
    async with tx.cursor(row_factory=class_row(Closing)) as cursor:
        rows = await (await cursor.execute(LAST_CLOSINGS, values)).fetchall()
    return {row.subscription_id: row for row in rows}


async def billed_usage(tx: Tx, period_ids: Sequence[UUID]) -> dict[UUID, int]:
    """What the usage of closed periods was billed in all, corrections included, in cents."""
    rows = await (await tx.execute(BILLED_USAGE, {"ids": list(period_ids)})).fetchall()
    return {period_id: int(minor) for period_id, minor in rows}


async def insert_move(tx: Tx, values: Mapping[str, object]) -> bool:
    """Note that a move is announced; False when it was before."""
    return (await tx.execute(INSERT_MOVE, values)).rowcount == 1


async def announced(tx: Tx, version_id: UUID, subscription_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these subscriptions have been told of the move already."""
    values = {"version_id": version_id, "ids": list(subscription_ids)}
    return {id for (id,) in await (await tx.execute(ANNOUNCED, values)).fetchall()}
