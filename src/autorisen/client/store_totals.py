"""The SQL of the spool file about control totals: what the server is told of hours that are over."""

from __future__ import annotations

from collections.abc import Sequence

from autorisen.client.model import MissingEvent, Told, hour_start
from autorisen.client.store import Connection, Transaction, id_of, ids_digest

CONFIRM_HOURS = 24

ACKED_AFTER = "SELECT id FROM acked WHERE source = ? AND hour = ? AND id > ? ORDER BY id LIMIT ?"
FORGET_ACKED = "DELETE FROM acked WHERE source = ? AND hour = ?"
DEAD_OF_HOUR = "SELECT body FROM dead WHERE source = ? AND hour = ?"
INSERT_MISSING = "INSERT OR REPLACE INTO missing VALUES (?, ?, ?, ?)"
FORGET_MISSING = "DELETE FROM missing WHERE source = ? AND hour = ?"
MISSING_EVENTS = "SELECT source, hour, id, reason FROM missing ORDER BY hour, source, id LIMIT ?"
PRODUCER = "SELECT producer FROM identity"
UNREPORTED = """
    SELECT source, hour, sum(acked) + sum(dead), CASE WHEN sum(acked) = sum(digested) THEN sum(digest) END,
        (SELECT count(*) FROM acked AS known WHERE known.source = counted.source AND known.hour = counted.hour)
            = sum(acked)
    FROM (
        SELECT source, hour, acked, 0 AS pending, 0 AS dead, reported, digest, digested, confirmed FROM totals
        UNION ALL SELECT source, hour, 0, 1, 0, NULL, 0, 0, NULL FROM events WHERE body IS NOT NULL
        UNION ALL SELECT source, hour, 0, 0, 1, NULL, 0, 0, NULL FROM dead) AS counted
    WHERE hour < ? GROUP BY source, hour
    HAVING sum(pending) = 0
        AND (max(reported) IS NOT sum(acked) + sum(dead) OR (hour < ? AND max(confirmed) IS NOT 1))
    ORDER BY hour, source LIMIT 100"""
MARK_REPORTED = "UPDATE totals SET reported = ?, confirmed = ? WHERE source = ? AND hour = ?"


def unreported_totals(connection: Connection, this_hour: int) -> list[Told]:
    """Hours that are over and wait for nothing, where the server knows another number or is to be asked once more."""
    found = []
    values = (this_hour, this_hour - CONFIRM_HOURS)
    for source, hour, events, acked, is_listed in connection.execute(UNREPORTED, values).fetchall():
        digest = None if acked is None else acked ^ ids_digest(dead_ids(connection, source, hour))
        found.append(Told(source, hour, events, digest, bool(is_listed)))
    return found


def dead_ids(connection: Connection, source: str, hour: int) -> list[str]:
    return [id_of(row[0]) for row in connection.execute(DEAD_OF_HOUR, (source, hour))]


def ids_after(connection: Connection, told: Told, after: str, limit: int) -> list[str]:
    """The ids of an hour's events, acked and dead, in the order of their bytes, after that one."""
    acked = [row[0] for row in connection.execute(ACKED_AFTER, (told.source, told.hour, after, limit))]
    dead = [id for id in dead_ids(connection, told.source, told.hour) if id.encode() > after.encode()]
    return sorted({*acked, *dead}, key=str.encode)[:limit]


def settle_told(connection: Connection, told: Told, missing: Sequence[MissingEvent], this_hour: int) -> None:
    """Note that the server knows this total, and which events of the hour it has not. After a day the ids may go."""
    is_final = told.hour < this_hour - CONFIRM_HOURS
    with Transaction(connection):
        connection.execute(MARK_REPORTED, (told.events, int(is_final), told.source, told.hour))
        connection.execute(FORGET_MISSING, (told.source, told.hour))
        for each in missing:
            connection.execute(INSERT_MISSING, (told.source, told.hour, each.id, each.reason))
        if is_final:
            connection.execute(FORGET_ACKED, (told.source, told.hour))


def missing_events(connection: Connection, limit: int) -> list[MissingEvent]:
    rows = connection.execute(MISSING_EVENTS, (limit,)).fetchall()
    return [MissingEvent(source, hour_start(hour), id, reason) for source, hour, id, reason in rows]


def producer(connection: Connection) -> str:
    """The name of this spool, by which the server tells it from others of the same source."""
    name: str = connection.execute(PRODUCER).fetchone()[0]
    return name
