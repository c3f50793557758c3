"""Fill the tables of metering with months of use, by SQL: events in the order of time, rollups that agree with them.

The events are those that producers would have sent: the rollups are checked against the product's own counting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
from psycopg import Connection

from autorisen.metering import Aggregation, Dimension, MeterDefinition
from autorisen.metering.counting import value_digest
from autorisen.metering.filters import Test
from autorisen.metering.model import OPERATOR

START = datetime(2026, 1, 1, tzinfo=UTC)
SPAN = timedelta(days=120)
PEOPLE = 40
_COMPLETION, _SEATS = "llm.completion", "seats.changed"
_MODEL = (Dimension("model", ("model",)),)

METERS = [
    MeterDefinition("calls", "Calls", "calls", _COMPLETION, Aggregation.COUNT),
    MeterDefinition("input", "Input", "tokens", _COMPLETION, Aggregation.SUM, ("input",), group_by=_MODEL),
    MeterDefinition("output", "Output", "tokens", _COMPLETION, Aggregation.SUM, ("output",), group_by=_MODEL),
    MeterDefinition(
        "large_output",
        "Output of the large model",
        "tokens",
        _COMPLETION,
        Aggregation.SUM,
        ("output",),
        Test(("model",), "eq", "large"),
    ),
    MeterDefinition("longest", "Longest input", "tokens", _COMPLETION, Aggregation.MAX, ("input",)),
    MeterDefinition("last_input", "Last input", "tokens", _COMPLETION, Aggregation.LATEST, ("input",)),
    MeterDefinition("people", "Active people", "people", _COMPLETION, Aggregation.UNIQUE, ("person",)),
    MeterDefinition("seats", "Seats", "seats", _SEATS, Aggregation.TIME_WEIGHTED, ("seats",)),
]

_DRAW = """
CREATE UNLOGGED TABLE public.bench_use AS
SELECT n, (%(customers)s::uuid[])[1 + who] AS customer_id, at, date_trunc('hour', at, 'UTC') AS hour,
    n %% 50 = 7 AS is_seats,
    (ARRAY['large', 'medium', 'small', 'embed'])[1 + (draw >> 8) %% 4] AS model,
    (draw >> 10) %% 5000 AS input, (draw >> 12) %% 800 AS output, 1 + (draw >> 9) %% 50 AS seats,
    -- A dozen people an hour, others in the next one.
    (extract(epoch FROM at)::bigint / 3600 * 7 + (draw >> 16) %% 12) %% %(people)s AS person,
    'bench' || chr(31) || '0195' || lpad(to_hex(n), 28, '0') AS key
FROM (
    SELECT n, %(start)s::timestamptz + n * %(step)s::interval AS at, draw,
        CASE WHEN n %% 20 = 0 THEN 0 ELSE (draw >> 3) %% %(count)s END AS who
    FROM (
        SELECT n, hashint8extended(n, 1) & 2147483647 AS draw FROM generate_series(0, %(events)s - 1) AS series (n)
    ) AS drawn
) AS used
"""

_EVENTS = """
INSERT INTO metering.events
    (tenant, source, event_id, type, subject, customer_id, occurred_at, timed, batch_id, data)
SELECT %(tenant)s, 'bench', split_part(key, chr(31), 2),
    CASE WHEN is_seats THEN 'seats.changed' ELSE 'llm.completion' END,
    customer_id::text, customer_id, at, true, ('0195' || lpad(to_hex(n / 1000), 28, '0'))::uuid,
    CASE WHEN is_seats THEN '{"seats":' || seats || '}'
        ELSE '{"input":' || input || ',"model":"' || model || '","output":' || output
            || ',"person":"p' || person || '"}'
    END::json
FROM public.bench_use ORDER BY n
"""

_SUMMED = """
INSERT INTO metering.rollups (meter, customer_id, hour, dimensions, events, quantity)
SELECT (%(series)s::text[])[made.meter], customer_id, hour, made.dimensions, made.events, made.quantity
FROM (
    SELECT customer_id, hour, model, count(*) AS events, sum(input) AS input, sum(output) AS output,
        max(input) AS longest
    FROM public.bench_use WHERE NOT is_seats
    GROUP BY GROUPING SETS ((customer_id, hour, model), (customer_id, hour))
) AS used
CROSS JOIN LATERAL (
    VALUES (1, model IS NULL, '', used.events, used.events::numeric),
        (2, model IS NOT NULL, '{"model":"' || model || '"}', used.events, used.input),
        (3, model IS NOT NULL, '{"model":"' || model || '"}', used.events, used.output),
        (4, model = 'large', '', used.events, used.output),
        (5, model IS NULL, '', used.events, used.longest)
) AS made (meter, is_made, dimensions, events, quantity)
WHERE made.is_made
ORDER BY customer_id, meter, hour
"""

_LAST = """
INSERT INTO metering.rollups
    (meter, customer_id, hour, events, quantity, first_at, last_at, last_key, last_value)
SELECT CASE WHEN is_seats THEN %(seats)s ELSE %(last)s END, customer_id, hour, count(*),
    CASE WHEN is_seats THEN sum(value * extract(epoch FROM until - at)) ELSE max(value) FILTER (WHERE is_last) END,
    CASE WHEN is_seats THEN min(at) END, max(at), max(key) FILTER (WHERE is_last), max(value) FILTER (WHERE is_last)
FROM (
    SELECT customer_id, hour, is_seats, at, key, CASE WHEN is_seats THEN seats ELSE input END AS value,
        coalesce(lead(at) OVER one_hour, hour + interval '1 hour') AS until, lead(at) OVER one_hour IS NULL AS is_last
    FROM public.bench_use
    WINDOW one_hour AS (PARTITION BY customer_id, is_seats, hour ORDER BY at)
) AS sample
GROUP BY customer_id, is_seats, hour
"""

_PEOPLE = """
WITH seen AS MATERIALIZED (
    SELECT customer_id, hour, person, count(*) AS events FROM public.bench_use WHERE NOT is_seats GROUP BY 1, 2, 3
), listed AS (
    INSERT INTO metering.unique_values (meter, customer_id, hour, dimensions, digest)
    SELECT %(series)s, customer_id, hour, '', (%(digests)s::bytea[])[1 + person] FROM seen ORDER BY customer_id, hour
)
INSERT INTO metering.rollups (meter, customer_id, hour, events, quantity)
SELECT %(series)s, customer_id, hour, sum(events), count(*) FROM seen GROUP BY customer_id, hour
ORDER BY customer_id, hour
"""

# As a bulk load does it: the constraints stay, the other indexes are made once the rows are there.
_INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
WHERE indrelid = ANY (ARRAY['metering.events', 'metering.rollups', 'metering.unique_values']::regclass[])
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""


@dataclass(frozen=True)
class Filled:
    """The customers from the largest on, which has about a twentieth of all events, and the series of each meter."""

    customers: tuple[UUID, ...]
    series: dict[str, str]


def fill(url: str, events: int, customers: Sequence[str]) -> Filled:
    """Store that many events of these customers, and what they count for."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '1GB'")
        connection.execute("SET work_mem = '256MB'")
        found: dict[str, UUID] = dict(connection.execute("SELECT key, id FROM accounts.customers").fetchall())
        ids = [found[key] for key in customers]
        series: dict[str, str] = dict(
            connection.execute("SELECT key, coalesce(series, key) FROM metering.meters").fetchall()
        )
        connection.execute(
            psycopg.ClientCursor(connection).mogrify(
                _DRAW,
                {
                    "customers": ids,
                    "count": len(ids),
                    "people": PEOPLE,
                    "start": START,
                    "step": SPAN / events,
                    "events": events,
                },
            )
        )
        connection.execute("ANALYZE public.bench_use")
        indexes = connection.execute(_INDEXES).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        connection.execute(_EVENTS, {"tenant": OPERATOR})
        _roll_up(connection, series)
        for _, definition in indexes:
            connection.execute(definition)
        connection.execute("DROP TABLE public.bench_use")
        connection.execute("VACUUM (ANALYZE) metering.events, metering.rollups, metering.unique_values")
        connection.execute("CHECKPOINT")
    return Filled(tuple(ids), series)


def _roll_up(connection: Connection[tuple[object, ...]], series: dict[str, str]) -> None:
    connection.execute(_SUMMED, {"series": [series[meter.key] for meter in METERS[:5]]})
    connection.execute(_LAST, {"seats": series["seats"], "last": series["last_input"]})
    digests = [value_digest(f'"p{number}') for number in range(PEOPLE)]
    connection.execute(_PEOPLE, {"series": series["people"], "digests": digests})
