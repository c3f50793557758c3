"""SQL of billing: what was rated, for ever, and which periods are closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from autorisen import catalog
from autorisen.billing.model import Closing, RatedUsage
from autorisen.kit.database import Tx
from autorisen.kit.money import Money

INSERT_RATED = """
INSERT INTO billing.rated_usage (id, period_id, customer_id, plan_version_id, meter, meter_name, revision, quantity,
    events, price_id, included, billable, unit_amount, unit_label, amount_minor, currency, parts, period_start,
    period_end, rated_at)
VALUES (%(id)s, %(period_id)s, %(customer_id)s, %(plan_version_id)s, %(meter)s, %(meter_name)s, %(revision)s,
    %(quantity)s, %(events)s, %(price_id)s, %(included)s, %(billable)s, %(unit_amount)s, %(unit_label)s,
    %(amount_minor)s, %(currency)s, %(parts)s, %(period_start)s, %(period_end)s, %(rated_at)s)
"""
LATEST_RATED = """
SELECT DISTINCT ON (period_id, meter) * FROM billing.rated_usage
WHERE period_id = %(period_id)s ORDER BY period_id, meter, revision DESC
"""
RATED = "SELECT * FROM billing.rated_usage WHERE id = %(id)s"
RATED_REVISION = """
SELECT * FROM billing.rated_usage WHERE period_id = %(period_id)s AND meter = %(meter)s AND revision = %(revision)s
"""
INSERT_CLOSING = """
INSERT INTO billing.closings (period_id, customer_id, subscription_id, invoice_id, period_start, period_end, interval,
    currency, plan_version_id, closed_at)
VALUES (%(period_id)s, %(customer_id)s, %(subscription_id)s, %(invoice_id)s, %(period_start)s, %(period_end)s,
    %(interval)s, %(currency)s, %(plan_version_id)s, %(closed_at)s)
"""
CLOSING = """
SELECT period_id, customer_id, subscription_id, invoice_id, period_start, period_end, interval, currency,
    plan_version_id, closed_at
FROM billing.closings WHERE period_id = %(period_id)s
"""
RECENT_CLOSINGS = """
SELECT period_id, customer_id, subscription_id, invoice_id, period_start, period_end, interval, currency,
    plan_version_id, closed_at
FROM billing.closings WHERE customer_id = %(customer_id)s AND currency = %(currency)s
ORDER BY period_end DESC LIMIT %(limit)s
"""

_RATED_COLUMNS = (
    "id", "period_id", "customer_id", "plan_version_id", "meter", "meter_name", "revision", "quantity", "events",
    "price_id", "included", "billable", "unit_amount", "unit_label", "period_start", "period_end", "rated_at",
)  # fmt: skip


def _rated(row: Mapping[str, Any]) -> RatedUsage:
    return RatedUsage(
        amount=Money(row["amount_minor"], row["currency"]),
        parts=catalog.parts_of(row["parts"], row["currency"]),
        **{name: row[name] for name in _RATED_COLUMNS},
    )


async def insert_rated(tx: Tx, rated: Sequence[RatedUsage]) -> None:
    """Keep what was rated, for ever."""
    rows = [
        vars(each)
        | {"amount_minor": each.amount.minor, "currency": each.amount.currency}
        | {"parts": Jsonb(catalog.part_rows(each.parts))}
        for each in rated
    ]
    async with tx.cursor() as cursor:
        await cursor.executemany(INSERT_RATED, rows)


async def latest_rated(tx: Tx, period_id: UUID) -> dict[str, RatedUsage]:
    """The newest rating of each meter of a period, by meter."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(LATEST_RATED, {"period_id": period_id})).fetchall()
    return {row["meter"]: _rated(row) for row in rows}


async def rated_usage(tx: Tx, id: UUID) -> RatedUsage | None:
    async with tx.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(RATED, {"id": id})).fetchone()
    return None if row is None else _rated(row)


async def rated_revision(tx: Tx, *, period_id: UUID, meter: str, revision: int) -> RatedUsage | None:
    async with tx.cursor(row_factory=dict_row) as cursor:
        found = await cursor.execute(RATED_REVISION, {"period_id": period_id, "meter": meter, "revision": revision})
        row = await found.fetchone()
    return None if row is None else _rated(row)


async def insert_closing(tx: Tx, closing: Closing) -> None:
    """Note that a period is closed. A second time breaks the key."""
    await tx.execute(INSERT_CLOSING, vars(closing))


async def find_closing(tx: Tx, period_id: UUID) -> Closing | None:
    async with tx.cursor(row_factory=class_row(Closing)) as cursor:
        return await (await cursor.execute(CLOSING, {"period_id": period_id})).fetchone()


async def recent_closings(tx: Tx, *, customer_id: UUID, currency: str, limit: int) -> list[Closing]:
    """A customer's closed periods that were billed in a currency, newest first."""
    parameters = {"customer_id": customer_id, "currency": currency, "limit": limit}
    async with tx.cursor(row_factory=class_row(Closing)) as cursor:
        return await (await cursor.execute(RECENT_CLOSINGS, parameters)).fetchall()
