"""Subscriptions with two months of use, the second of which waits to be closed: filled by SQL, decided by the product.

Each is anchored at a second of its own within one day, so that no period begins or ends on the hour, and raw events of
both edges have to be read; the hours between have rollups. The first month is closed as it was used.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import LiteralString

import psycopg

from autorisen.metering.model import OPERATOR

BEGAN = datetime(2026, 1, 5, tzinfo=UTC)
DUE = datetime(2026, 3, 6, 2, tzinfo=UTC)
HOURS_USED = 12

CATALOG = """
[[meter]]
key = "runs"
name = "Agent runs"
unit = "runs"
event_type = "agent.run"
aggregation = "count"

[[meter]]
key = "tokens"
name = "Tokens"
unit = "tokens"
event_type = "llm.completion"
aggregation = "sum"
value_path = "tokens"

[[plan]]
key = "free"
name = "Free"
tagline = "To begin with"
rank = 0
default = true
features = []
limits = { agents = 1, executions = 1, projects = 1, storage_mb = 1, support_hours = 1 }
price = [
    { currency = "ZAR", interval = "month", amount = "0.00" },
    { currency = "USD", interval = "month", amount = "0.00" },
]

[[plan]]
key = "team"
name = "Team"
tagline = "Measured"
rank = 1
features = []
limits = { agents = 1, executions = 1, projects = 1, storage_mb = 1, support_hours = 1 }
price = [{ currency = "ZAR", interval = "month", amount = "529.00" }]

[[plan.usage]]
meter = "runs"
included = 100
overage = true
price = [{ currency = "ZAR", amount = "0.25" }]

[[plan.usage]]
meter = "tokens"
model = "graduated"
included = 0
overage = true

[[plan.usage.price]]
currency = "ZAR"
tiers = [{ up_to = 100_000, amount = "0.0001" }, { amount = "0.00005" }]
"""

# With ids as they are in life, in the order of time: a customer, a subscription, a closed and an open period.
_IDS: LiteralString = """
CREATE UNLOGGED TABLE public.bench_due AS
SELECT n, uuidv7(n * interval '7 seconds' - interval '1 year') AS customer_id,
    uuidv7(n * interval '7 seconds' - interval '1 year') AS subscription_id,
    uuidv7(n * interval '7 seconds' - interval '1 year') AS first_id,
    uuidv7(n * interval '7 seconds' - interval '1 year') AS second_id,
    %(began)s::timestamptz + (hashint8extended(n, 1) & 65535) * interval '1 second' AS start_at
FROM generate_series(1, %(count)s) AS series (n)
"""
_CUSTOMERS: LiteralString = """
INSERT INTO accounts.customers (id, key, name, email, country, currency, time_zone, billing_address, created_at)
SELECT customer_id, 'bench-' || n, 'Customer ' || n, 'billing-' || n || '@example.org', 'ZA', 'ZAR', 'Etc/UTC',
    n || ' Long Street, Cape Town', start_at
FROM public.bench_due ORDER BY n
"""
_SUBSCRIPTIONS: LiteralString = """
INSERT INTO subscriptions.subscriptions (id, customer_id, plan_version_id, plan_key, currency, billing_interval, status,
    started_at, anchor_at, time_zone)
SELECT subscription_id, customer_id, %(plan)s, 'team', 'ZAR', 'month', 'active', start_at, start_at, 'Etc/UTC'
FROM public.bench_due ORDER BY n
"""
_PERIODS: LiteralString = """
INSERT INTO subscriptions.periods (id, subscription_id, customer_id, plan_version_id, billing_interval, ordinal,
    start_at, end_at, planned_end_at, follows_at, status, fee_invoiced)
SELECT id, subscription_id, customer_id, %(plan)s, 'month', ordinal, start_at, end_at, end_at, follows_at, status, false
FROM (
    SELECT n, first_id AS id, subscription_id, customer_id, 1 AS ordinal, start_at,
        start_at + interval '1 month' AS end_at, NULL::timestamptz AS follows_at, 'closed' AS status
    FROM public.bench_due
    UNION ALL
    SELECT n, second_id, subscription_id, customer_id, 2, start_at + interval '1 month',
        start_at + interval '2 months', start_at + interval '1 month', 'open'
    FROM public.bench_due
) AS period
ORDER BY n, ordinal
"""
# Hours of use spread over both months, never at their edges.
_ROLLUPS: LiteralString = """
INSERT INTO metering.rollups (meter, customer_id, hour, dimensions, events, quantity)
SELECT meter.series, customer_id,
    date_trunc('hour', start_at + month * interval '1 month', 'UTC') + place * interval '53 hours' + interval '1 hour',
    '', 1 + (n + place) %% 20,
    CASE WHEN meter.is_count THEN 1 + (n + place) %% 20 ELSE 100 + (n * 37 + place * 101) %% 40000 END
FROM public.bench_due
CROSS JOIN generate_series(0, 1) AS half (month)
CROSS JOIN (VALUES (%(runs)s, true), (%(tokens)s, false)) AS meter (series, is_count)
CROSS JOIN generate_series(0, %(hours)s - 1) AS use (place)
ORDER BY customer_id, meter.series, 3
"""
# One raw event in the first, ragged hour of each second month.
_EVENTS: LiteralString = """
INSERT INTO metering.events
    (tenant, source, event_id, type, subject, customer_id, occurred_at, timed, batch_id, data)
SELECT %(tenant)s, 'bench', n::text, 'llm.completion', 'bench-' || n, customer_id, start_at + interval '1 month', true,
    first_id, '{"tokens":77}'::json
FROM public.bench_due ORDER BY n
"""
_EDGES: LiteralString = """
INSERT INTO metering.rollups AS rollup (meter, customer_id, hour, dimensions, events, quantity)
SELECT %(tokens)s, customer_id, date_trunc('hour', start_at + interval '1 month', 'UTC'), '', 1, 77
FROM public.bench_due
ON CONFLICT (customer_id, meter, hour, dimensions) DO UPDATE
SET events = rollup.events + 1, quantity = rollup.quantity + 77
"""


# The first month is closed as it was used; its amounts are of no interest.
_RATED: LiteralString = """
INSERT INTO billing.rated_usage (id, period_id, customer_id, plan_version_id, meter, meter_name, revision, quantity,
    events, price_id, included, billable, unit_amount, unit_label, amount_minor, currency, period_start, period_end,
    rated_at)
SELECT gen_random_uuid(), first_id, due.customer_id, %(plan)s, price.meter, price.meter, 1, used.quantity, used.events,
    price.id, 0, used.quantity, 0, 'unit', 0, 'ZAR', start_at, start_at + interval '1 month',
    start_at + interval '1 month 1 hour'
FROM public.bench_due AS due
CROSS JOIN catalog.prices AS price
CROSS JOIN LATERAL (
    SELECT coalesce(sum(quantity), 0) AS quantity, coalesce(sum(events), 0) AS events FROM metering.rollups
    WHERE customer_id = due.customer_id
        AND meter = CASE price.meter WHEN 'runs' THEN %(runs)s ELSE %(tokens)s END
        AND hour >= due.start_at AND hour < date_trunc('hour', due.start_at + interval '1 month', 'UTC')
) AS used
WHERE price.kind = 'usage' AND price.plan_version_id = %(plan)s
ORDER BY n, price.position
"""
_CLOSINGS: LiteralString = """
INSERT INTO billing.closings (period_id, customer_id, subscription_id, period_start, period_end, interval, currency,
    plan_version_id, closed_at)
SELECT first_id, customer_id, subscription_id, start_at, start_at + interval '1 month', 'month', 'ZAR', %(plan)s,
    start_at + interval '1 month 1 hour'
FROM public.bench_due ORDER BY n
"""
_TABLES: LiteralString = """
VACUUM (ANALYZE) accounts.customers, subscriptions.subscriptions, subscriptions.periods, metering.rollups,
    metering.events, billing.rated_usage, billing.closings
"""


def fill(url: str, count: int) -> None:
    """So many subscriptions, each with a period that waits to be closed; known to the planner, and on the disk."""
    with psycopg.connect(url, autocommit=True) as connection:
        series = dict(connection.execute("SELECT key, coalesce(series, key) FROM metering.meters").fetchall())
        ((plan_id,),) = connection.execute("SELECT id FROM catalog.plan_versions WHERE plan_key = 'team'").fetchall()
        values = {"count": count, "began": BEGAN, "plan": plan_id, "tenant": OPERATOR, "hours": HOURS_USED}
        values |= {"runs": series["runs"], "tokens": series["tokens"]}
        connection.execute("SET maintenance_work_mem = '512MB'")
        cursor = psycopg.ClientCursor(connection)
        for statement in (
            _IDS, _CUSTOMERS, _SUBSCRIPTIONS, _PERIODS, _ROLLUPS, _EVENTS, _EDGES, _RATED, _CLOSINGS,
        ):  # fmt: skip
            cursor.execute(statement, values)
        connection.execute("DROP TABLE public.bench_due")
        connection.execute(_TABLES)
        connection.execute("CHECKPOINT")
