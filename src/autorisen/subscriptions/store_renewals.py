"""SQL of subscriptions for many periods at once: which are due, and what follows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import class_row, dict_row

from autorisen.kit.database import Tx, json_rows
from autorisen.subscriptions import store
from autorisen.subscriptions.model import Period, Subscription

# The subscription is locked with its period, as by everybody who changes one. What others hold they will close.
CLAIM_DUE: LiteralString = """
    SELECT period.id, period.customer_id, period.put_off_to IS NOT NULL AS was_put_off
    FROM subscriptions.periods AS period
    JOIN subscriptions.subscriptions AS subscription ON subscription.id = period.subscription_id
    WHERE period.status = 'open' AND coalesce(period.put_off_to, period.end_at) <= %(ended_by)s::timestamptz
    ORDER BY coalesce(period.put_off_to, period.end_at), period.id
    LIMIT %(limit)s::int
    FOR NO KEY UPDATE OF subscription, period SKIP LOCKED
"""

NEXT_END: LiteralString = """
    SELECT coalesce(put_off_to, end_at) FROM subscriptions.periods
    WHERE status = 'open' AND coalesce(put_off_to, end_at) > %(after)s::timestamptz
    ORDER BY coalesce(put_off_to, end_at) LIMIT 1
"""

# Held in one order, so that two who put off the same ones wait for each other.
PUT_OFF: LiteralString = """
    UPDATE subscriptions.periods SET put_off_to = %(to)s::timestamptz
    FROM (
        SELECT id FROM subscriptions.periods WHERE id = ANY(%(ids)s::uuid[]) AND status = 'open'
        ORDER BY id FOR NO KEY UPDATE
    ) AS held
    WHERE periods.id = held.id
"""

COUNT_DUE: LiteralString = """
    SELECT count(*) FROM subscriptions.periods
    WHERE status = 'open' AND coalesce(put_off_to, end_at) <= %(ended_by)s::timestamptz
"""

PERIODS_BY_ID: LiteralString = "SELECT * FROM subscriptions.periods WHERE id = ANY(%(ids)s::uuid[])"

OPEN_PERIODS_OF: LiteralString = """
    SELECT * FROM subscriptions.periods
    WHERE customer_id = %(customer_id)s AND status = 'open' ORDER BY end_at, id
"""

SUBSCRIPTIONS_BY_ID: LiteralString = "SELECT * FROM subscriptions.subscriptions WHERE id = ANY(%(ids)s::uuid[])"

FOLLOWING_PERIODS: LiteralString = """
    SELECT before.id AS before_id, following.*
    FROM subscriptions.periods AS before
    JOIN subscriptions.periods AS following
        ON following.subscription_id = before.subscription_id AND following.follows_at = before.end_at
    WHERE before.id = ANY(%(ids)s::uuid[])
"""

CLOSE_PERIODS: LiteralString = """
    UPDATE subscriptions.periods SET status = 'closed', put_off_to = NULL WHERE id = ANY(%(ids)s::uuid[])
"""

UPDATE_SUBSCRIPTIONS: LiteralString = """
    UPDATE subscriptions.subscriptions AS subscription
    SET plan_version_id = changed.plan_version_id, plan_key = changed.plan_key,
        billing_interval = changed.billing_interval, status = changed.status,
        cancel_at_period_end = changed.cancel_at_period_end, ended_at = changed.ended_at,
        anchor_at = changed.anchor_at, pause_at_period_end = changed.pause_at_period_end,
        next_plan_version_id = changed.next_plan_version_id, next_plan_key = changed.next_plan_key,
        next_interval = changed.next_interval
    FROM json_to_recordset(%(rows)s::json) AS changed (
        id uuid, plan_version_id uuid, plan_key text, billing_interval text, status text, cancel_at_period_end boolean,
        ended_at timestamptz, anchor_at timestamptz, pause_at_period_end boolean, next_plan_version_id uuid,
        next_plan_key text, next_interval text
    )
    WHERE subscription.id = changed.id
"""

INSERT_SUBSCRIPTIONS: LiteralString = """
    INSERT INTO subscriptions.subscriptions (
        id, customer_id, plan_version_id, plan_key, currency, billing_interval, status, cancel_at_period_end,
        started_at, ended_at, anchor_at, time_zone
    )
    SELECT id, customer_id, plan_version_id, plan_key, currency, billing_interval, status, cancel_at_period_end,
        started_at, ended_at, anchor_at, time_zone
    FROM json_to_recordset(%(rows)s::json) AS subscription (
        id uuid, customer_id uuid, plan_version_id uuid, plan_key text, currency text, billing_interval text,
        status text, cancel_at_period_end boolean, started_at timestamptz, ended_at timestamptz,
        anchor_at timestamptz, time_zone text
    )
    ON CONFLICT DO NOTHING
"""

INSERT_PERIODS: LiteralString = """
    INSERT INTO subscriptions.periods (
        id, subscription_id, customer_id, plan_version_id, billing_interval, ordinal, start_at, end_at,
        planned_end_at, follows_at, status, fee_invoiced, kind
    )
    SELECT id, subscription_id, customer_id, plan_version_id, billing_interval, ordinal, start_at, end_at,
        planned_end_at, follows_at, status, fee_invoiced, kind
    FROM json_to_recordset(%(rows)s::json) AS period (
        id uuid, subscription_id uuid, customer_id uuid, plan_version_id uuid, billing_interval text, ordinal int,
        start_at timestamptz, end_at timestamptz, planned_end_at timestamptz, follows_at timestamptz, status text,
        fee_invoiced boolean, kind text
    )
"""


@dataclass(frozen=True)
class DuePeriod:
    """A period that is over and open, held by this transaction. One that was put off has failed to close before."""

    id: UUID
    customer_id: UUID
    was_put_off: bool


async def claim_due_periods(tx: Tx, *, ended_by: datetime, limit: int) -> list[DuePeriod]:
    """Open periods that ended by then and nobody else holds, in the order of their ends."""
    async with tx.cursor(row_factory=class_row(DuePeriod)) as cursor:
        return await (await cursor.execute(CLAIM_DUE, {"ended_by": ended_by, "limit": limit})).fetchall()


async def next_end(tx: Tx, after: datetime | None) -> datetime | None:
    """The earliest end of an open period, or what it was put off to; with `after`, the earliest after that."""
    row = await (await tx.execute(NEXT_END, {"after": after or "-infinity"})).fetchone()
    return None if row is None else row[0]


async def put_off(tx: Tx, period_ids: Sequence[UUID], to: datetime) -> None:
    """Have open periods wait as if they had ended then; those that are closed stay as they are."""
    await tx.execute(PUT_OFF, {"ids": list(period_ids), "to": to})


async def count_due_periods(tx: Tx, *, ended_by: datetime) -> int:
    """How many open periods ended by then, or were put off to a time that has come."""
    row = await (await tx.execute(COUNT_DUE, {"ended_by": ended_by})).fetchone()
    assert row is not None, "count gives a row"
    return int(row[0])


async def periods_by_id(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Period]:
    """The periods with these ids; ids that do not exist are left out."""
    return {row["id"]: store.period_of_row(row) for row in await _all(tx, PERIODS_BY_ID, {"ids": list(ids)})}


async def open_periods_of(tx: Tx, customer_id: UUID) -> list[Period]:
    """The customer's periods that are not closed, of all of its subscriptions, in the order of their ends."""
    rows = await _all(tx, OPEN_PERIODS_OF, {"customer_id": customer_id})
    return [store.period_of_row(row) for row in rows]


async def subscriptions_by_id(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Subscription]:
    """The subscriptions with these ids; ids that do not exist are left out."""
    rows = await _all(tx, SUBSCRIPTIONS_BY_ID, {"ids": list(ids)})
    return {row["id"]: store.subscription_of_row(row) for row in rows}


async def following_periods(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Period]:
    """The stored periods that begin where these ones end, by the id of the one before."""
    rows = await _all(tx, FOLLOWING_PERIODS, {"ids": list(ids)})
    return {row.pop("before_id"): store.period_of_row(row) for row in rows}


async def close_periods(tx: Tx, ids: Sequence[UUID]) -> None:
    await tx.execute(CLOSE_PERIODS, {"ids": list(ids)})


async def update_subscriptions(tx: Tx, changed: Sequence[Subscription]) -> None:
    if changed:
        await tx.execute(UPDATE_SUBSCRIPTIONS, {"rows": json_rows(store.subscription_row(each) for each in changed)})


async def insert_subscriptions(tx: Tx, started: Sequence[Subscription]) -> int:
    """Add subscriptions; fewer than asked for when a customer has a live one."""
    if not started:
        return 0
    rows = json_rows(store.subscription_row(each) for each in started)
    return (await tx.execute(INSERT_SUBSCRIPTIONS, {"rows": rows})).rowcount


async def insert_periods(tx: Tx, opened: Iterable[tuple[Period, bool]]) -> None:
    """Add periods; each with whether another one ends where it starts."""
    rows = [store.period_row(period, period.start_at if follows else None) for period, follows in opened]
    if rows:
        await tx.execute(INSERT_PERIODS, {"rows": json_rows(rows)})


async def _all(tx: Tx, query: LiteralString, values: dict[str, object]) -> list[dict[str, Any]]:
    async with tx.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(query, values)).fetchall()
