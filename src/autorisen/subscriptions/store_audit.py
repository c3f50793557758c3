"""The SQL of subscriptions' part of the audit: everything is streamed."""

from __future__ import annotations

from typing import LiteralString

from psycopg.rows import TupleRow

from autorisen.kit.audit import Stream
from autorisen.kit.database import Tx, stream
from autorisen.subscriptions.model import Period, Status

COUNT_PERIODS: LiteralString = "SELECT count(*) FROM subscriptions.periods"
PERIODS_IN_ORDER: LiteralString = """
    SELECT id, subscription_id, customer_id, plan_version_id, billing_interval, ordinal, start_at, end_at,
        planned_end_at, status, fee_invoiced, kind
    FROM subscriptions.periods ORDER BY subscription_id, start_at
"""
PERIODS_BY_ID: LiteralString = """
    SELECT id, subscription_id, customer_id, plan_version_id, billing_interval, ordinal, start_at, end_at,
        planned_end_at, status, fee_invoiced, kind
    FROM subscriptions.periods ORDER BY id
"""
STARTS: LiteralString = "SELECT id, started_at, time_zone, status FROM subscriptions.subscriptions ORDER BY id"


async def count_periods(tx: Tx) -> int:
    row = await (await tx.execute(COUNT_PERIODS)).fetchone()
    assert row is not None, "count gives a row"
    return int(row[0])


def periods_in_order(tx: Tx) -> Stream:
    """Every period, by its subscription and in its order."""
    return stream(tx, PERIODS_IN_ORDER, make=lambda row: (str(row[1]), _period(row)))


def all_periods(tx: Tx) -> Stream:
    """Every period, by its id."""
    return stream(tx, PERIODS_BY_ID, make=lambda row: (str(row[0]), _period(row)))


def starts(tx: Tx) -> Stream:
    """When each subscription began, its time zone and its status."""
    return stream(tx, STARTS, make=lambda row: (str(row[0]), (row[1], row[2], Status(row[3]))))


def _period(row: TupleRow) -> Period:
    """The columns are the fields of a period, in their order."""
    return Period(*row)
