"""Twenty million stored events, made by SQL in the product's own tables, and the rate beside an empty one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psycopg

from autorisen.metering.model import OPERATOR
from bench.house import CUSTOMERS, House
from bench.load import IdKind, Load, store

# Events of half a year, in the order of time, with random ids: what the index likes least.
_FILL = """
INSERT INTO metering.events
    (tenant, source, event_id, type, subject, customer_id, occurred_at, timed, batch_id, data, extensions)
SELECT %(tenant)s::uuid, 'random', gen_random_uuid()::text, 'llm.completion', 'customer-' || number %% %(customers)s,
    ids[1 + number %% %(customers)s], now() - (%(rows)s - number) * (interval '180 days' / %(rows)s), true, batch,
    '{"input_tokens":1234,"model":"a","output_tokens":56}', NULL
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS number,
    (SELECT array_agg(id ORDER BY key) AS ids, uuidv7() AS batch FROM accounts.customers)
"""
_COUNT = """
INSERT INTO metering.rollups (customer_id, meter, hour, events, quantity)
SELECT customer_id, series, hour, events, events * tokens
FROM (SELECT customer_id, date_trunc('hour', occurred_at, 'UTC') AS hour, count(*) AS events
    FROM metering.events GROUP BY 1, 2),
    (SELECT series, CASE value_path[1] WHEN 'input_tokens' THEN 1234 ELSE 56 END AS tokens FROM metering.meters)
"""
_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE schemaname = 'metering' AND tablename = 'events' AND indexname <> ALL (%s::text[])
"""
# The key of the events, and what refers to it.
_KEYS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = 'metering.events'::regclass AND contype = 'p' OR confrelid = 'metering.events'::regclass
ORDER BY contype DESC
"""
_STRETCH = 500_000


@dataclass(frozen=True)
class Flatness:
    """The rate with so many events stored and the rate with none, over all turns, and their ratio."""

    ids: IdKind
    stored: int
    full: int
    empty: int
    ratio: float


def fill(home: House, rows: int) -> None:
    """Store so many events in place of what is there: the indexes after the rows; then vacuum, analyze, checkpoint."""
    home.forget_events()
    url = home.database_url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '1GB'")
        keys = connection.execute(_KEYS).fetchall()
        indexes = connection.execute(_INDEXES, [[name for _, name, _ in keys]]).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX metering.{name}".encode())
        for table, name, _ in reversed(keys):
            connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}".encode())
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda first: _stretch(url, first, rows), range(0, rows, _STRETCH)))
        connection.execute(_COUNT)
        for table, name, definition in keys:
            connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}".encode())
        for _, made in indexes:
            connection.execute(made.encode())
        connection.execute("VACUUM (ANALYZE) metering.events, metering.rollups")
        connection.execute("CHECKPOINT")


def _stretch(url: str, first: int, rows: int) -> None:
    values = {
        "tenant": OPERATOR,
        "customers": CUSTOMERS,
        "rows": rows,
        "first": first,
        "last": min(first + _STRETCH, rows) - 1,
    }
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute(_FILL, values)


def flatness(full: House, empty: House, stored: int, load: Load, rounds: int) -> Flatness:
    """The same load on both in turns after one checkpoint; the empty one is emptied for each of its turns.

    One checkpoint and the sum of all turns: what a checkpoint costs belongs to the rate, as often as it comes.
    """
    seconds = {"full": 0.0, "empty": 0.0}
    for home in (full, empty):
        home.checkpoint()
    for number in range(rounds):
        turns = [("full", full), ("empty", empty)]
        for name, home in turns if number % 2 else reversed(turns):
            if home is empty:
                home.forget_events()
            seconds[name] += load.size * load.requests / store(home, load).a_second
    events = load.size * load.requests * rounds
    ratio = round(seconds["empty"] / seconds["full"], 2)
    return Flatness(load.ids, stored, round(events / seconds["full"]), round(events / seconds["empty"]), ratio)
