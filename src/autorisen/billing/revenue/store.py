"""SQL of revenue: what happened in a stretch of time, and what is kept of it.

Everything here is dated by the instant at which it was written, and never changes afterwards: so what a stretch that
is over comes to is final, and is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.rows import TupleRow, class_row

from autorisen.billing.revenue.model import Change, Fee, Kind, Moves, Step
from autorisen.billing.revenue.report import Sum
from autorisen.kit.database import Tx, json_rows

# What may change a customer's fee: an invoice, a period that is closed, an invoice that is void. On both sides of each
# such instant stands the newest invoice with a fee, unless its period is closed by then; equal sides are left out here,
# so that of many renewals nothing is read but that nothing changed.
STEPS = """
WITH event AS (
    SELECT customer_id, issued_at AS at FROM billing.invoices
    WHERE issued_at >= %(since)s::timestamptz AND issued_at < %(until)s::timestamptz
    UNION
    SELECT customer_id, closed_at FROM billing.closings WHERE closed_at >= %(since)s AND closed_at < %(until)s
    UNION
    SELECT customer_id, voided_at FROM billing.invoices
    WHERE issued_at IS NOT NULL AND voided_at >= %(since)s AND voided_at < %(until)s
), side AS (
    SELECT event.customer_id, event.at, edge.instant, fee.state
    FROM event
    CROSS JOIN LATERAL (VALUES (event.at), (event.at + interval '1 microsecond')) AS edge (instant)
    LEFT JOIN LATERAL (
        SELECT line.invoice_id, line.id, line.unit_label, invoice.currency, invoice.tax_rate
        FROM billing.invoices AS invoice
        JOIN billing.invoice_lines AS line ON line.invoice_id = invoice.id AND line.kind = 'flat_fee'
        WHERE invoice.customer_id = event.customer_id AND invoice.issued_at < edge.instant
            AND (invoice.voided_at IS NULL OR invoice.voided_at >= edge.instant)
        ORDER BY invoice.issued_at DESC, invoice.id DESC LIMIT 1
    ) AS newest ON NOT EXISTS (
        SELECT FROM billing.period_fees AS charged JOIN billing.closings ON closings.period_id = charged.period_id
        WHERE charged.line_id = newest.id AND closings.closed_at < edge.instant
    )
    LEFT JOIN LATERAL (
        SELECT jsonb_build_array(
            newest.currency, newest.unit_label,
            sum(line.amount_minor) FILTER (WHERE line.kind IN ('flat_fee', 'addon')),
            CASE WHEN count(*) FILTER (WHERE redemption.scope = 'all') > 0
                THEN sum(line.amount_minor) FILTER (WHERE line.kind <> 'discount' AND line.amount_minor > 0) ELSE 0 END,
            coalesce(-sum(line.amount_minor) FILTER (WHERE redemption.scope = 'fees'), 0),
            coalesce(-sum(line.amount_minor) FILTER (WHERE redemption.scope = 'all'), 0),
            newest.tax_rate::text
        ) AS state
        FROM billing.invoice_lines AS line
        LEFT JOIN billing.redemptions AS redemption ON redemption.id = line.redemption_id
        WHERE line.invoice_id = newest.invoice_id
        HAVING count(*) > 0
    ) AS fee ON true
), step AS (
    SELECT customer_id, at, instant > at AS is_after, state AS after,
        lag(state) OVER (PARTITION BY customer_id, at ORDER BY instant) AS before
    FROM side
)
SELECT step.customer_id, step.at, step.before, step.after, EXISTS (
    SELECT FROM billing.invoices AS invoice
    JOIN billing.invoice_lines AS line ON line.invoice_id = invoice.id
    LEFT JOIN billing.redemptions AS redemption ON redemption.id = line.redemption_id
    WHERE invoice.customer_id = step.customer_id AND invoice.issued_at < step.at
    GROUP BY invoice.id
    -- A fee that coupons paid whole is none.
    HAVING sum(line.amount_minor) FILTER (WHERE line.kind = 'flat_fee') > coalesce(
        -sum(line.amount_minor) FILTER (WHERE redemption.scope = 'fees'), 0) + coalesce(
        -sum(line.amount_minor) FILTER (WHERE redemption.scope = 'all')
            * sum(line.amount_minor) FILTER (WHERE line.kind = 'flat_fee')
            / sum(line.amount_minor) FILTER (WHERE line.kind <> 'discount' AND line.amount_minor > 0), 0)
) AS had_before
FROM step WHERE is_after AND before IS DISTINCT FROM after ORDER BY at, customer_id
"""
# The month of everything is that of the house's zone.
USAGE = """
SELECT date_trunc('month', at AT TIME ZONE %(zone)s)::date AS month, currency, 'usage' AS figure, meter,
    sum(net_minor)::bigint AS amount_minor
FROM (
    SELECT invoice.issued_at AS at, invoice.currency, line.meter, line.amount_minor - line.tax_minor AS net_minor
    FROM billing.invoices AS invoice JOIN billing.invoice_lines AS line ON line.invoice_id = invoice.id
    WHERE invoice.issued_at >= %(since)s::timestamptz AND invoice.issued_at < %(until)s::timestamptz
        AND line.kind IN ('usage', 'usage_adjustment') AND line.amount_minor <> 0
    UNION ALL
    SELECT invoice.voided_at, invoice.currency, line.meter, line.tax_minor - line.amount_minor
    FROM billing.invoices AS invoice JOIN billing.invoice_lines AS line ON line.invoice_id = invoice.id
    WHERE invoice.issued_at IS NOT NULL AND invoice.voided_at >= %(since)s AND invoice.voided_at < %(until)s
        AND line.kind IN ('usage', 'usage_adjustment') AND line.amount_minor <> 0
    UNION ALL
    SELECT note.issued_at, note.currency, line.meter, back.tax_minor - back.amount_minor
    FROM billing.credit_notes AS note
    JOIN billing.credit_note_lines AS back ON back.credit_note_id = note.id
    JOIN billing.invoice_lines AS line ON line.id = back.invoice_line_id
    WHERE note.issued_at >= %(since)s AND note.issued_at < %(until)s AND line.kind IN ('usage', 'usage_adjustment')
) AS part
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 4
"""
# An invoice of nothing, and one that only credits paid, is no first payment of a customer's.
FIRST_PAYMENTS = """
SELECT customer_id, date_trunc('month', min(paid_at) AT TIME ZONE %(zone)s)::date FROM billing.invoices
WHERE customer_id = ANY(%(customer_ids)s::uuid[]) AND paid_at IS NOT NULL AND total_minor > 0
GROUP BY customer_id
"""
FIRST_EVENT = """
SELECT least(
    (SELECT issued_at FROM billing.invoices WHERE issued_at IS NOT NULL ORDER BY issued_at, id LIMIT 1),
    (SELECT closed_at FROM billing.closings ORDER BY closed_at LIMIT 1)
)
"""

# No more than `limit` are looked at.
EVENTS_SINCE = """
SELECT count(*) FROM (
    (SELECT FROM billing.invoices WHERE issued_at >= %(since)s::timestamptz LIMIT %(limit)s)
    UNION ALL
    (SELECT FROM billing.closings WHERE closed_at >= %(since)s LIMIT %(limit)s)
) AS event
"""
# Who counts next waits, and goes on where this one ends.
COUNT_ALONE = "LOCK TABLE billing.revenue_counts IN SHARE ROW EXCLUSIVE MODE"
ALLOW_LONG = "SET LOCAL statement_timeout = '30min'"
COUNTED_UNTIL = "SELECT max(until) FROM billing.revenue_counts"
INSERT_COUNT = """
INSERT INTO billing.revenue_counts (until, since, counted_at)
VALUES (%(until)s, %(since)s, %(counted_at)s)
"""
INSERT_CHANGES = """
INSERT INTO billing.mrr_changes (customer_id, at, currency, kind, before_minor, after_minor, until)
SELECT customer_id, at, currency, kind, before_minor, after_minor, %(until)s::timestamptz
FROM json_to_recordset(%(rows)s::json) AS change (customer_id uuid, at timestamptz, currency text, kind text,
    before_minor bigint, after_minor bigint)
"""
INSERT_SUMS = """
INSERT INTO billing.revenue_sums (until, month, currency, figure, meter, amount_minor)
SELECT %(until)s::timestamptz, month, currency, figure, meter, amount_minor
FROM json_to_recordset(%(rows)s::json) AS part (month date, currency text, figure text, meter text, amount_minor bigint)
"""
KEPT_SUMS = """
SELECT month, currency, figure, meter, sum(amount_minor)::bigint AS amount_minor FROM billing.revenue_sums
GROUP BY month, currency, figure, meter
"""
KEPT_MOVES = """
SELECT date_trunc('month', change.at AT TIME ZONE %(zone)s)::date AS month, change.currency, change.kind,
    date_trunc('month', first.paid_at AT TIME ZONE %(zone)s)::date AS cohort,
    sum(change.after_minor - change.before_minor)::bigint AS delta_minor, count(*)::int AS count
FROM billing.mrr_changes AS change
LEFT JOIN (
    SELECT customer_id, min(paid_at) AS paid_at FROM billing.invoices
    WHERE paid_at IS NOT NULL AND total_minor > 0 GROUP BY customer_id
) AS first ON first.customer_id = change.customer_id
GROUP BY 1, 2, 3, 4
"""
# Newest first; `before` is the last row of the page before.
LIST_CHANGES = """
SELECT customer_id, at, currency, kind, before_minor, after_minor FROM billing.mrr_changes
WHERE currency = %(currency)s AND at >= %(since)s::timestamptz AND at < %(until)s::timestamptz
    AND (%(kind)s::text IS NULL OR kind = %(kind)s::text)
    AND (%(before_at)s::timestamptz IS NULL OR (at, customer_id) < (%(before_at)s::timestamptz, %(before_id)s::uuid))
ORDER BY at DESC, customer_id DESC LIMIT %(limit)s
"""


async def steps(tx: Tx, since: datetime, until: datetime) -> list[Step]:
    """Every change of a customer's fee in a stretch of time, in its order."""
    rows = await (await tx.execute(STEPS, {"since": since, "until": until})).fetchall()
    return [Step(id, at, _fee(before), _fee(after), had) for id, at, before, after, had in rows]


def _fee(state: list[Any] | None) -> Fee | None:
    if state is None:
        return None
    currency, interval, fee, charges, off_fees, off_all, rate = state
    return Fee(currency, interval, fee, charges, off_fees, off_all, Decimal(rate))


async def usage(tx: Tx, since: datetime, until: datetime, zone: str) -> list[Sum]:
    """What was invoiced for usage, and taken back, in a stretch of time: by month, currency and meter, without VAT."""
    async with tx.cursor(row_factory=class_row(Sum)) as cursor:
        return await (await cursor.execute(USAGE, {"since": since, "until": until, "zone": zone})).fetchall()


async def first_payments(tx: Tx, customer_ids: Iterable[UUID], zone: str) -> dict[UUID, date]:
    """The month in which each of these customers first paid an invoice; without one they are left out."""
    values = {"customer_ids": list(customer_ids), "zone": zone}
    return dict(await (await tx.execute(FIRST_PAYMENTS, values)).fetchall())


async def first_event(tx: Tx) -> datetime | None:
    """When the first invoice was issued or the first period closed; None before that."""
    row = await (await tx.execute(FIRST_EVENT)).fetchone()
    return None if row is None else row[0]


async def events_since(tx: Tx, since: datetime, limit: int) -> int:
    """How many invoices were issued and periods closed from an instant on; of each `limit` at most."""
    row = await (await tx.execute(EVENTS_SINCE, {"since": since, "limit": limit})).fetchone()
    assert row is not None, "count gives a row"
    return int(row[0])


async def count_alone(tx: Tx) -> None:
    """Let nobody else keep anything until this transaction ends, however long a statement of it takes."""
    await tx.execute(ALLOW_LONG)
    await tx.execute(COUNT_ALONE)


async def counted_until(tx: Tx) -> datetime | None:
    """Before which instant everything is kept; None when nothing is."""
    row = await (await tx.execute(COUNTED_UNTIL)).fetchone()
    return None if row is None else row[0]


async def keep(
    tx: Tx, *, since: datetime, until: datetime, counted_at: datetime, changes: Sequence[Change], sums: Sequence[Sum]
) -> None:
    """Keep what a stretch came to. One that does not begin where another ends breaks a key."""
    await tx.execute(INSERT_COUNT, {"since": since, "until": until, "counted_at": counted_at})
    await tx.execute(INSERT_CHANGES, {"until": until, "rows": json_rows(vars(each) for each in changes)})
    await tx.execute(INSERT_SUMS, {"until": until, "rows": json_rows(vars(each) for each in sums)})


async def kept_sums(tx: Tx) -> list[Sum]:
    async with tx.cursor(row_factory=class_row(Sum)) as cursor:
        return await (await cursor.execute(KEPT_SUMS)).fetchall()


async def kept_moves(tx: Tx, zone: str) -> list[Moves]:
    rows = await (await tx.execute(KEPT_MOVES, {"zone": zone})).fetchall()
    return [
        Moves(month, currency, Kind(kind), cohort, delta, count) for month, currency, kind, cohort, delta, count in rows
    ]


async def list_changes(
    tx: Tx,
    *,
    currency: str,
    since: datetime,
    until: datetime,
    kind: Kind | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Change]:
    """Kept changes of a stretch of time, newest first."""
    values = {
        "currency": currency,
        "since": since,
        "until": until,
        "kind": kind,
        "before_at": before[0] if before else None,
        "before_id": before[1] if before else None,
        "limit": limit,
    }
    rows = await (await tx.execute(LIST_CHANGES, values)).fetchall()
    return [change_of(row) for row in rows]


def change_of(row: TupleRow) -> Change:
    """A row of `billing.mrr_changes`."""
    customer_id, at, currency, kind, before, after = row
    return Change(customer_id, at, currency, Kind(kind), before, after)
