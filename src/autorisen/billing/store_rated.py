"""SQL of billing: what was rated, for ever, and which periods are closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from autorisen import catalog
from autorisen.billing.model import Closing
from autorisen.billing.rated_usage import RatedUsage
from autorisen.kit.database import Tx
from autorisen.kit.money import Money

INSERT_RATED = """
INSERT INTO billing.rated_usage (id, period_id, customer_id, plan_version_id, meter, meter_name, revision, quantity,
    events, price_id, included, billable, unit_amount, unit_label, amount_minor, currency, parts, cell, period_start,
    period_end, rated_at)
VALUES (%(id)s, %(period_id)s, %(customer_id)s, %(plan_version_id)s, %(meter)s, %(meter_name)s, %(revision)s,
    %(quantity)s, %(events)s, %(price_id)s, %(included)s, %(billable)s, %(unit_amount)s, %(unit_label)s,
    %(amount_minor)s, %(currency)s, %(parts)s, %(cell)s, %(period_start)s, %(period_end)s,
    %(rated_at)s)
"""
LATEST_RATED = """
SELECT DISTINCT ON (period_id, meter, cell) * FROM billing.rated_usage
WHERE period_id = %(period_id)s ORDER BY period_id, meter, cell, revision DESC
"""
RATED = "SELECT * FROM billing.rated_usage WHERE id = %(id)s"
RATED_REVISION = """
SELECT * FROM billing.rated_usage
WHERE period_id = %(period_id)s AND meter = %(meter)s AND cell = %(cell)s::jsonb AND revision = %(revision)s
"""
INSERT_CLOSING = """
INSERT INTO billing.closings (period_id, customer_id, subscription_id, invoice_id, period_start, period_end, interval,
    currency, plan_version_id, closed_at, kind)
VALUES (%(period_id)s, %(customer_id)s, %(subscription_id)s, %(invoice_id)s, %(period_start)s, %(period_end)s,
    %(interval)s, %(currency)s, %(plan_version_id)s, %(closed_at)s, %(kind)s)
"""
CLOSING = """
SELECT period_id, customer_id, subscription_id, invoice_id, period_start, period_end, interval, currency,
    plan_version_id, closed_at, kind
FROM billing.closings WHERE period_id = %(period_id)s
"""
RECENT_CLOSINGS = """
SELECT period_id, customer_id, subscription_id, invoice_id, period_start, period_end, interval, currency,
    plan_version_id, closed_at, kind
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
        cell=catalog.cell_of(row["cell"]),
        **{name: row[name] for name in _RATED_COLUMNS},
    )


async def insert_rated(tx: Tx, rated: Sequence[RatedUsage]) -> None:
    """Keep what was rated, for ever."""
    rows = [
        vars(each)
        | {"amount_minor": each.amount.minor, "currency": each.amount.currency}
        | {"parts": Jsonb(catalog.part_rows(each.parts)), "cell": Jsonb(catalog.cell_row(each.cell))}
        for each in rated
    ]
    async with tx.cursor() as cursor:
        await cursor.executemany(INSERT_RATED, rows)


async def latest_rated(tx: Tx, period_id: UUID) -> dict[tuple[str, catalog.Cell | None], RatedUsage]:
    """The newest rating of each meter of a period, by meter and cell."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(LATEST_RATED, {"period_id": period_id})).fetchall()
    return {(each.meter, each.cell): each for each in map(_rated, rows)}


async def rated_usage(tx: Tx, id: UUID) -> RatedUsage | None:
    async with tx.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(RATED, {"id": id})).fetchone()
    return None if row is None else _rated(row)


async def rated_before(tx: Tx, rated: RatedUsage) -> RatedUsage | None:
    """The rating of the same usage that this one corrects; None for the first one."""
    values = {"period_id": rated.period_id, "meter": rated.meter, "revision": rated.revision - 1}
    async with tx.cursor(row_factory=dict_row) as cursor:
        found = await cursor.execute(RATED_REVISION, values | {"cell": Jsonb(catalog.cell_row(rated.cell))})
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
