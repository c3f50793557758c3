"""All SQL of subscriptions. Whoever changes a subscription or a period of it locks the subscription's row first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import dict_row

from autorisen.kit.database import Tx
from autorisen.subscriptions.errors import PeriodNotFound, SubscriptionNotFound
from autorisen.subscriptions.model import Period, Status, Subscription

INSERT_SUBSCRIPTION: LiteralString = """
    INSERT INTO subscriptions.subscriptions (
        id, customer_id, plan_version_id, plan_key, currency, billing_interval, status, cancel_at_period_end,
        started_at, ended_at, anchor_at, time_zone
    ) VALUES (
        %(id)s, %(customer_id)s, %(plan_version_id)s, %(plan_key)s, %(currency)s, %(billing_interval)s, %(status)s,
        %(cancel_at_period_end)s, %(started_at)s, %(ended_at)s, %(anchor_at)s, %(time_zone)s
    )
    ON CONFLICT DO NOTHING
"""

SUBSCRIPTION: LiteralString = "SELECT * FROM subscriptions.subscriptions WHERE id = %(id)s"

LOCK_SUBSCRIPTION: LiteralString = "SELECT * FROM subscriptions.subscriptions WHERE id = %(id)s FOR UPDATE"

LOCK_SUBSCRIPTION_OF_PERIOD: LiteralString = """
    SELECT * FROM subscriptions.subscriptions
    WHERE id = (SELECT subscription_id FROM subscriptions.periods WHERE id = %(period_id)s)
    FOR UPDATE
"""

LIVE_SUBSCRIPTIONS_OF: LiteralString = """
    SELECT * FROM subscriptions.subscriptions
    WHERE customer_id = ANY(%(customer_ids)s::uuid[]) AND status IN ('trialing', 'active', 'past_due', 'paused')
"""

ALL_SUBSCRIPTIONS_OF: LiteralString = """
    SELECT * FROM subscriptions.subscriptions WHERE customer_id = %(customer_id)s ORDER BY started_at DESC, id DESC
"""

UPDATE_SUBSCRIPTION: LiteralString = """
    UPDATE subscriptions.subscriptions
    SET plan_version_id = %(plan_version_id)s, plan_key = %(plan_key)s, billing_interval = %(billing_interval)s,
        status = %(status)s, cancel_at_period_end = %(cancel_at_period_end)s, ended_at = %(ended_at)s,
        anchor_at = %(anchor_at)s, pause_at_period_end = %(pause_at_period_end)s,
        next_plan_version_id = %(next_plan_version_id)s, next_plan_key = %(next_plan_key)s,
        next_interval = %(next_interval)s, suspended_at = %(suspended_at)s
    WHERE id = %(id)s
"""

INSERT_PERIOD: LiteralString = """
    INSERT INTO subscriptions.periods (
        id, subscription_id, customer_id, plan_version_id, billing_interval, ordinal, start_at, end_at,
        planned_end_at, follows_at, status, fee_invoiced, kind
    ) VALUES (
        %(id)s, %(subscription_id)s, %(customer_id)s, %(plan_version_id)s, %(billing_interval)s, %(ordinal)s,
        %(start_at)s, %(end_at)s, %(planned_end_at)s, %(follows_at)s, %(status)s, %(fee_invoiced)s,
        %(kind)s
    )
"""

PERIOD: LiteralString = "SELECT * FROM subscriptions.periods WHERE id = %(id)s"

NEWEST_PERIOD: LiteralString = """
    SELECT * FROM subscriptions.periods WHERE subscription_id = %(subscription_id)s ORDER BY end_at DESC LIMIT 1
"""

PERIODS_OF: LiteralString = """
    SELECT * FROM subscriptions.periods WHERE subscription_id = %(subscription_id)s ORDER BY start_at
"""

CUT_PERIOD: LiteralString = "UPDATE subscriptions.periods SET end_at = %(end_at)s WHERE id = %(id)s"

INSERT_TRIAL: LiteralString = """
    INSERT INTO subscriptions.trials (customer_id, plan_key, subscription_id, period_id, started_at)
    VALUES (%(customer_id)s, %(plan_key)s, %(subscription_id)s, %(period_id)s, %(started_at)s)
    ON CONFLICT (customer_id, plan_key) DO NOTHING
"""

TRIED_PLANS: LiteralString = "SELECT plan_key FROM subscriptions.trials WHERE customer_id = %(customer_id)s"

WANTED_SUBSCRIPTION: LiteralString = """
    SELECT * FROM subscriptions.subscriptions WHERE customer_id = %(customer_id)s AND status = 'incomplete'
"""

START_WANTED: LiteralString = """
    UPDATE subscriptions.subscriptions SET status = %(status)s, started_at = %(started_at)s, anchor_at = %(anchor_at)s
    WHERE id = %(id)s
"""

LIVE_ON_PLAN: LiteralString = """
    SELECT * FROM subscriptions.subscriptions
    WHERE plan_key = %(plan_key)s AND status IN ('trialing', 'active', 'past_due', 'paused') ORDER BY id
"""

STATUS_COUNTS: LiteralString = """
    SELECT plan_key, status, count(*) FROM subscriptions.subscriptions GROUP BY plan_key, status
"""


async def insert_subscription(tx: Tx, subscription: Subscription) -> bool:
    """Add a subscription; False when the customer has a live one."""
    return (await tx.execute(INSERT_SUBSCRIPTION, subscription_row(subscription))).rowcount == 1


async def subscription(tx: Tx, subscription_id: UUID, *, lock: bool = False) -> Subscription:
    """One subscription. Raises `SubscriptionNotFound`."""
    row = await _one(tx, LOCK_SUBSCRIPTION if lock else SUBSCRIPTION, {"id": subscription_id})
    if row is None:
        raise SubscriptionNotFound("no subscription has that id")
    return subscription_of_row(row)


async def subscription_of(tx: Tx, customer_id: UUID) -> Subscription | None:
    """The live subscription of a customer, or None."""
    return (await subscriptions_of(tx, [customer_id])).get(customer_id)


async def subscriptions_of(tx: Tx, customer_ids: Iterable[UUID]) -> dict[UUID, Subscription]:
    """The live subscriptions of these customers; customers without one are left out."""
    rows = await _all(tx, LIVE_SUBSCRIPTIONS_OF, {"customer_ids": list(customer_ids)})
    return {row["customer_id"]: subscription_of_row(row) for row in rows}


async def live_on_plan(tx: Tx, plan_key: str) -> list[Subscription]:
    """The live subscriptions of any version of a plan."""
    return [subscription_of_row(row) for row in await _all(tx, LIVE_ON_PLAN, {"plan_key": plan_key})]


async def subscription_history(tx: Tx, customer_id: UUID) -> list[Subscription]:
    """Every subscription that a customer ever had, the newest first."""
    return [subscription_of_row(row) for row in await _all(tx, ALL_SUBSCRIPTIONS_OF, {"customer_id": customer_id})]


async def status_counts(tx: Tx) -> dict[tuple[str, Status], int]:
    """How many subscriptions there are by plan and status."""
    cursor = await tx.execute(STATUS_COUNTS)
    return {(plan_key, Status(status)): count for plan_key, status, count in await cursor.fetchall()}


async def update_subscription(tx: Tx, subscription: Subscription) -> None:
    await tx.execute(UPDATE_SUBSCRIPTION, subscription_row(subscription))


async def insert_period(tx: Tx, period: Period, follows_at: datetime | None) -> None:
    """Add a period; `follows_at` is its start when another one ends there."""
    await tx.execute(INSERT_PERIOD, period_row(period, follows_at))


async def period(tx: Tx, period_id: UUID, *, lock: bool = False) -> Period:
    """One period; `lock` holds its subscription against changes first. Raises `PeriodNotFound`."""
    if lock:
        await tx.execute(LOCK_SUBSCRIPTION_OF_PERIOD, {"period_id": period_id})
    row = await _one(tx, PERIOD, {"id": period_id})
    if row is None:
        raise PeriodNotFound("no period has that id")
    return period_of_row(row)


async def current_period(tx: Tx, subscription_id: UUID) -> Period:
    """The newest period of a subscription: the one that runs, or the last one. Raises `PeriodNotFound`."""
    found = await newest_period(tx, subscription_id)
    if found is None:
        raise PeriodNotFound("the subscription has no period")
    return found


async def newest_period(tx: Tx, subscription_id: UUID) -> Period | None:
    """The same; None for a subscription that has not begun."""
    row = await _one(tx, NEWEST_PERIOD, {"subscription_id": subscription_id})
    return None if row is None else period_of_row(row)


async def periods_of(tx: Tx, subscription_id: UUID) -> list[Period]:
    """Every period of a subscription in order."""
    return [period_of_row(row) for row in await _all(tx, PERIODS_OF, {"subscription_id": subscription_id})]


async def cut_period(tx: Tx, period_id: UUID, end_at: datetime) -> None:
    await tx.execute(CUT_PERIOD, {"id": period_id, "end_at": end_at})


async def insert_trial(tx: Tx, trial: Period, plan_key: str) -> bool:
    """Note that a customer tries a plan; False when it did before."""
    row = {
        "customer_id": trial.customer_id,
        "plan_key": plan_key,
        "subscription_id": trial.subscription_id,
        "period_id": trial.id,
        "started_at": trial.start_at,
    }
    return (await tx.execute(INSERT_TRIAL, row)).rowcount == 1


async def tried_plans(tx: Tx, customer_id: UUID) -> frozenset[str]:
    """The plans that a customer has tried, ever."""
    return frozenset(row["plan_key"] for row in await _all(tx, TRIED_PLANS, {"customer_id": customer_id}))


async def wanted_subscription(tx: Tx, customer_id: UUID) -> Subscription | None:
    """The subscription of a customer that waits for its first payment, or None."""
    row = await _one(tx, WANTED_SUBSCRIPTION, {"customer_id": customer_id})
    return None if row is None else subscription_of_row(row)


async def start_wanted(tx: Tx, subscription: Subscription) -> None:
    """Let a subscription that waited for its first payment start when the payment came."""
    await tx.execute(START_WANTED, subscription_row(subscription))


async def _all(tx: Tx, query: LiteralString, values: dict[str, object]) -> list[dict[str, Any]]:
    async with tx.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(query, values)).fetchall()


async def _one(tx: Tx, query: LiteralString, values: dict[str, object]) -> dict[str, Any] | None:
    rows = await _all(tx, query, values)
    return rows[0] if rows else None


def subscription_of_row(row: dict[str, Any]) -> Subscription:
    values = dict(row)
    return Subscription(interval=values.pop("billing_interval"), status=Status(values.pop("status")), **values)


def subscription_row(subscription: Subscription) -> dict[str, object]:
    return {
        "id": subscription.id,
        "customer_id": subscription.customer_id,
        "plan_version_id": subscription.plan_version_id,
        "plan_key": subscription.plan_key,
        "currency": subscription.currency,
        "billing_interval": subscription.interval,
        "status": subscription.status,
        "cancel_at_period_end": subscription.cancel_at_period_end,
        "started_at": subscription.started_at,
        "ended_at": subscription.ended_at,
        "anchor_at": subscription.anchor_at,
        "time_zone": subscription.time_zone,
        "pause_at_period_end": subscription.pause_at_period_end,
        "next_plan_version_id": subscription.next_plan_version_id,
        "next_plan_key": subscription.next_plan_key,
        "next_interval": subscription.next_interval,
        "suspended_at": subscription.suspended_at,
    }


def period_of_row(row: dict[str, Any]) -> Period:
    values = dict(row)
    del values["follows_at"], values["put_off_to"]
    return Period(interval=values.pop("billing_interval"), **values)


def period_row(period: Period, follows_at: datetime | None) -> dict[str, object]:
    return {
        "id": period.id,
        "subscription_id": period.subscription_id,
        "customer_id": period.customer_id,
        "plan_version_id": period.plan_version_id,
        "billing_interval": period.interval,
        "ordinal": period.ordinal,
        "start_at": period.start_at,
        "end_at": period.end_at,
        "planned_end_at": period.planned_end_at,
        "follows_at": follows_at,
        "status": period.status,
        "fee_invoiced": period.fee_invoiced,
        "kind": period.kind,
    }
