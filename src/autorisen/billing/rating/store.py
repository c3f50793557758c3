"""SQL of billing: what was rated, for ever, and which periods are closed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from autorisen import catalog
from autorisen.billing.model import Closing
from autorisen.billing.rated_usage import RatedUsage
from autorisen.kit.database import Tx, json_rows
from autorisen.kit.money import Money

INSERT_RATED = """
INSERT INTO billing.rated_usage (id, period_id, customer_id, plan_version_id, meter, meter_name, revision, quantity,
    events, price_id, included, billable, unit_amount, unit_label, amount_minor, currency, parts, cell, period_start,
    period_end, rated_at)
SELECT id, period_id, customer_id, plan_version_id, meter, meter_name, revision, quantity, events, price_id, included,
    billable, unit_amount, unit_label, amount_minor, currency, parts, cell, period_start, period_end, rated_at
FROM json_to_recordset(%(rows)s::json) AS rated (id uuid, period_id uuid, customer_id uuid, plan_version_id uuid,
    meter text, meter_name text, revision int, quantity numeric, events bigint, price_id uuid, included numeric,
    billable numeric, unit_amount numeric, unit_label text, amount_minor bigint, currency text, parts jsonb,
    cell jsonb, period_start timestamptz, period_end timestamptz, rated_at timestamptz)
"""
LATEST_RATED = """
SELECT DISTINCT ON (period_id, meter, cell) * FROM billing.rated_usage
WHERE period_id = ANY(%(period_ids)s::uuid[]) ORDER BY period_id, meter, cell, revision DESC
"""
RATED = "SELECT * FROM billing.rated_usage WHERE id = %(id)s"
RATED_REVISION = """
SELECT * FROM billing.rated_usage
WHERE period_id = %(period_id)s AND meter = %(meter)s AND cell = %(cell)s::jsonb AND revision = %(revision)s
"""
INSERT_CLOSINGS = """
INSERT INTO billing.closings (period_id, customer_id, subscription_id, invoice_id, period_start, period_end, interval,
    currency, plan_version_id, closed_at, kind)
SELECT period_id, customer_id, subscription_id, invoice_id, period_start, period_end, "interval", currency,
    plan_version_id, closed_at, kind
FROM json_to_recordset(%(rows)s::json) AS closing (period_id uuid, customer_id uuid, subscription_id uuid,
    invoice_id uuid, period_start timestamptz, period_end timestamptz, "interval" text, currency text,
    plan_version_id uuid, closed_at timestamptz, kind text)
"""
CLOSING = """
SELECT period_id, customer_id, subscription_id, invoice_id, period_start, period_end, interval, currency,
    plan_version_id, closed_at, kind
FROM billing.closings WHERE period_id = %(period_id)s
"""
RECENT_CLOSINGS = """
SELECT closing.period_id, closing.customer_id, closing.subscription_id, closing.invoice_id, closing.period_start,
    closing.period_end, closing.interval, closing.currency, closing.plan_version_id, closing.closed_at,
    closing.kind
FROM unnest(%(customers)s::uuid[], %(currencies)s::text[]) AS payer (customer_id, currency)
CROSS JOIN LATERAL (
    SELECT * FROM billing.closings
    WHERE customer_id = payer.customer_id AND currency = payer.currency
    ORDER BY period_end DESC LIMIT %(limit)s
) AS closing
ORDER BY closing.customer_id, closing.currency, closing.period_end
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


def _rated_row(rated: RatedUsage) -> dict[str, object]:
    row = {name: getattr(rated, name) for name in _RATED_COLUMNS}
    row["amount_minor"], row["currency"] = rated.amount.minor, rated.amount.currency
    row["parts"], row["cell"] = catalog.part_rows(rated.parts), catalog.cell_row(rated.cell)
    return row


async def insert_rated(tx: Tx, rated: Sequence[RatedUsage]) -> None:
    """Keep what was rated, for ever."""
    await tx.execute(INSERT_RATED, {"rows": json_rows(_rated_row(each) for each in rated)})


async def latest_rated(
    tx: Tx, period_ids: Sequence[UUID]
) -> dict[UUID, dict[tuple[str, catalog.Cell | None], RatedUsage]]:
    """The newest ratings of these periods, by period, and by meter and cell; a period without any is left out."""
    found: dict[UUID, dict[tuple[str, catalog.Cell | None], RatedUsage]] = {}
    if period_ids:
        async with tx.cursor(row_factory=dict_row) as cursor:
            rows = await (await cursor.execute(LATEST_RATED, {"period_ids": list(period_ids)})).fetchall()
        for each in map(_rated, rows):
            found.setdefault(each.period_id, {})[each.meter, each.cell] = each
    return found


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


async def insert_closings(tx: Tx, closings: Sequence[Closing]) -> None:
    """Note that periods are closed. A second time breaks the key."""
    await tx.execute(INSERT_CLOSINGS, {"rows": json_rows(closings)})


async def find_closing(tx: Tx, period_id: UUID) -> Closing | None:
    async with tx.cursor(row_factory=class_row(Closing)) as cursor:
        return await (await cursor.execute(CLOSING, {"period_id": period_id})).fetchone()


async def recent_closings(tx: Tx, payers: Iterable[tuple[UUID, str]], *, limit: int) -> list[Closing]:
    """The last closed periods of these customers that were billed in these currencies, oldest first for each."""
    asked = list(payers)
    values = {
        "customers": [customer_id for customer_id, _ in asked],
        "currencies": [currency for _, currency in asked],
        "limit": limit,
    }
    async with tx.cursor(row_factory=class_row(Closing)) as cursor:
        return await (await cursor.execute(RECENT_CLOSINGS, values)).fetchall()
