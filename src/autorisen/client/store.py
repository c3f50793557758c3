"""All SQL of the spool file: SQLite in WAL mode, shared by every process that opens it.

Numbers only grow: the newest row of `events` always stays, emptied when it is settled, so that SQLite's next number is
never one that a batch on the wire may still refer to. (AUTOINCREMENT would do the same for a fifth more per record.)
It follows that the highest number is how many were ever recorded, and that minus `settled` how many wait.

Ids that the server took are kept until its control total was told a second time, a day after its hour: so the server
can be asked which events it lost, were it restored from a backup.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from autorisen.client.model import Batch, Settled, Spooled, Waiting

SCHEMA_VERSION = 2

JOURNAL = "PRAGMA journal_mode = WAL"
SYNC_PROCESS = "PRAGMA synchronous = NORMAL"
SYNC_POWER = "PRAGMA synchronous = FULL"
FULL_SYNC = "PRAGMA fullfsync = 1"
CHECKPOINT = "PRAGMA wal_autocheckpoint = 4000"
READ_VERSION = "PRAGMA user_version"
WRITE_VERSION = "PRAGMA user_version = 2"
BEGIN = "BEGIN IMMEDIATE"
BEGIN_TURN = "BEGIN EXCLUSIVE"
COMMIT = "COMMIT"
ROLLBACK = "ROLLBACK"

CREATE_EVENTS = """
    CREATE TABLE IF NOT EXISTS events
    (number INTEGER PRIMARY KEY, source TEXT, hour INTEGER, recorded_ms INTEGER, body BLOB)"""
CREATE_DEAD = """
    CREATE TABLE IF NOT EXISTS dead
    (number INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, hour INTEGER NOT NULL, fate TEXT NOT NULL,
     reason TEXT NOT NULL, died_ms INTEGER NOT NULL, body BLOB NOT NULL)"""
CREATE_TOTALS = """
    CREATE TABLE IF NOT EXISTS totals
    (source TEXT, hour INTEGER, acked INTEGER NOT NULL DEFAULT 0, repeated INTEGER NOT NULL DEFAULT 0,
     reported INTEGER, PRIMARY KEY (source, hour)) WITHOUT ROWID"""
CREATE_SENDING = """
    CREATE TABLE IF NOT EXISTS sending
    (one INTEGER PRIMARY KEY CHECK (one = 1), tried_through INTEGER NOT NULL, settled INTEGER NOT NULL,
     sent INTEGER NOT NULL, last_error TEXT)"""
# Since version 2: the ids of acked events, and the digest of as many as were acked since then.
CREATE_ACKED = """
    CREATE TABLE IF NOT EXISTS acked
    (source TEXT, hour INTEGER, id TEXT, PRIMARY KEY (source, hour, id)) WITHOUT ROWID"""
CREATE_MISSING = """
    CREATE TABLE IF NOT EXISTS missing
    (source TEXT, hour INTEGER, id TEXT, reason TEXT NOT NULL, PRIMARY KEY (source, hour, id)) WITHOUT ROWID"""
CREATE_IDENTITY = """
    CREATE TABLE IF NOT EXISTS identity (one INTEGER PRIMARY KEY CHECK (one = 1), producer TEXT NOT NULL)"""
ADD_DIGEST = "ALTER TABLE totals ADD COLUMN digest INTEGER NOT NULL DEFAULT 0"
ADD_DIGESTED = "ALTER TABLE totals ADD COLUMN digested INTEGER NOT NULL DEFAULT 0"
ADD_CONFIRMED = "ALTER TABLE totals ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 0"
NAME_PRODUCER = "INSERT INTO identity VALUES (1, lower(hex(randomblob(16)))) ON CONFLICT DO NOTHING"
START_SENDING = "INSERT INTO sending VALUES (1, 0, 0, 0, NULL) ON CONFLICT DO NOTHING"

INSERT_EVENT = "INSERT INTO events (source, hour, recorded_ms, body) VALUES (?, ?, ?, ?)"
COUNT_KEPT = """
    SELECT coalesce((SELECT max(number) FROM events), 0) - settled, (SELECT count(*) FROM dead), sent, last_error
    FROM sending"""
OLDEST_PENDING = "SELECT number, recorded_ms FROM events WHERE body IS NOT NULL ORDER BY number LIMIT 1"
NEWEST = "SELECT coalesce(max(number), 0) FROM events"
NEXT_EVENTS = "SELECT number, source, hour, body FROM events WHERE body IS NOT NULL ORDER BY number LIMIT ?"
TRIED_THROUGH = "SELECT tried_through FROM sending"
MARK_TRIED = "UPDATE sending SET tried_through = ? WHERE tried_through < ?"
STILL_PENDING = "SELECT number FROM events WHERE number BETWEEN ? AND ? AND body IS NOT NULL"
EMPTY_NEWEST = """
    UPDATE events SET body = NULL WHERE number = ? AND number = (SELECT max(number) FROM events)"""
DELETE_RANGE = """
    DELETE FROM events WHERE number <= ? AND (number >= ? OR body IS NULL) AND number < (SELECT max(number) FROM events)
"""
COUNT_SETTLED = "UPDATE sending SET settled = settled + ?, sent = sent + ?, last_error = NULL"
ADD_TOTAL = """
    INSERT INTO totals (source, hour, acked, repeated, digest, digested) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET acked = acked + excluded.acked, repeated = repeated + excluded.repeated,
        digest = excluded.digest, digested = digested + excluded.digested"""
DIGEST = "SELECT digest FROM totals WHERE source = ? AND hour = ?"
INSERT_ACKED = "INSERT OR IGNORE INTO acked VALUES (?, ?, ?)"
INSERT_DEAD = "INSERT INTO dead (source, hour, fate, reason, died_ms, body) VALUES (?, ?, ?, ?, ?, ?)"
DEAD_AFTER = "SELECT number, fate, reason, died_ms, body FROM dead WHERE number > ? ORDER BY number LIMIT ?"
REVIVE = """
    INSERT INTO events (source, hour, recorded_ms, body) SELECT source, hour, ?, body FROM dead WHERE number = ?"""
DELETE_DEAD = "DELETE FROM dead WHERE number = ?"
DEAD_NUMBERS = "SELECT number FROM dead ORDER BY number"
SET_ERROR = "UPDATE sending SET last_error = ? WHERE last_error IS NOT ?"
CONTROL_TOTALS = """
    SELECT source, hour, sum(acked), sum(pending), sum(dead), sum(repeated), max(reported) FROM (
        SELECT source, hour, acked, 0 AS pending, 0 AS dead, repeated, reported FROM totals
        UNION ALL SELECT source, hour, 0, 1, 0, 0, NULL FROM events WHERE body IS NOT NULL
        UNION ALL SELECT source, hour, 0, 0, 1, 0, NULL FROM dead)
    GROUP BY source, hour ORDER BY hour, source"""

Connection = sqlite3.Connection


def prepare(connection: Connection, *, power: bool) -> None:
    """Settings of this connection, and the tables where there are none. Raises `sqlite3.Error`."""
    connection.execute(JOURNAL)
    connection.execute(SYNC_POWER if power else SYNC_PROCESS)
    connection.execute(CHECKPOINT)
    if power:
        connection.execute(FULL_SYNC)
    version = connection.execute(READ_VERSION).fetchone()[0]
    if version > SCHEMA_VERSION:
        raise sqlite3.DatabaseError(f"the spool was made by a newer client (version {version})")
    if version < SCHEMA_VERSION:
        with Transaction(connection):
            connection.execute(CREATE_EVENTS)
            connection.execute(CREATE_DEAD)
            connection.execute(CREATE_TOTALS)
            connection.execute(CREATE_SENDING)
            connection.execute(CREATE_ACKED)
            connection.execute(CREATE_MISSING)
            connection.execute(CREATE_IDENTITY)
            # Another process may have been faster; only one of two comes here at a time.
            if connection.execute(READ_VERSION).fetchone()[0] < SCHEMA_VERSION:
                connection.execute(ADD_DIGEST)
                connection.execute(ADD_DIGESTED)
                connection.execute(ADD_CONFIRMED)
            connection.execute(NAME_PRODUCER)
            connection.execute(START_SENDING)
            connection.execute(WRITE_VERSION)


class Transaction:
    """Writes that are kept together or not at all."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute(BEGIN)

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._connection.execute(COMMIT)
        finally:
            # After an error, or a COMMIT that the disk refused.
            if self._connection.in_transaction:
                self._connection.execute(ROLLBACK)


def take_turn(connection: Connection) -> None:
    """Hold this file alone until the connection closes or its process ends, in whatever way."""
    connection.execute(BEGIN_TURN)


def insert_event(connection: Connection, event: Waiting) -> None:
    """Durable on return: a statement alone is its own transaction."""
    connection.execute(INSERT_EVENT, (event.source, event.hour, event.recorded_ms, event.body))


def insert_events(connection: Connection, events: Sequence[Waiting]) -> None:
    """All of them durable on return."""
    with Transaction(connection):
        for event in events:
            insert_event(connection, event)


def counts(connection: Connection) -> tuple[int, int, int, str | None]:
    """How many wait, are dead and were sent, and the last error."""
    pending, dead, sent, error = connection.execute(COUNT_KEPT).fetchone()
    return pending, dead, sent, error


def oldest_pending(connection: Connection) -> tuple[int, int] | None:
    """Number and time of record of the event that waits longest."""
    row: tuple[int, int] | None = connection.execute(OLDEST_PENDING).fetchone()
    return row


def newest(connection: Connection) -> int:
    number: int = connection.execute(NEWEST).fetchone()[0]
    return number


def next_batch(connection: Connection, limit: int, byte_limit: int) -> Batch:
    """The events that wait longest, marked as tried. At least one where there is any, however large it is."""
    events: list[Spooled] = []
    size = 0
    cursor = connection.execute(NEXT_EVENTS, (limit,))
    for number, source, hour, body in cursor:
        size += len(body) + 1
        if events and size > byte_limit:
            break
        events.append(Spooled(number, source, hour, body))
    cursor.close()
    tried: int = connection.execute(TRIED_THROUGH).fetchone()[0]
    if events:
        last = events[-1].number
        connection.execute(MARK_TRIED, (last, last))
    return Batch(events, tried)


def settle(connection: Connection, settled: Settled, died_ms: int) -> None:
    """Take a batch out of the spool, keep its dead, and count. Whoever settles second changes nothing."""
    first, last = settled.batch.events[0].number, settled.batch.events[-1].number
    dead = {lost.number: lost for lost in settled.dead}
    totals: dict[tuple[str, int], _Tally] = {}
    with Transaction(connection):
        pending = {row[0] for row in connection.execute(STILL_PENDING, (first, last))}
        for event in settled.batch.events:
            if event.number not in pending:
                continue
            tally = totals.setdefault((event.source, event.hour), _Tally())
            if lost := dead.get(event.number):
                row = (event.source, event.hour, lost.fate, lost.reason, died_ms, event.body)
                connection.execute(INSERT_DEAD, row)
            elif event.number in settled.repeated:
                tally.repeated += 1
            else:
                id = id_of(event.body)
                if connection.execute(INSERT_ACKED, (event.source, event.hour, id)).rowcount:
                    tally.acked += 1
                    tally.digest ^= ids_digest([id])
                else:
                    tally.repeated += 1
        connection.execute(EMPTY_NEWEST, (last,))
        connection.execute(DELETE_RANGE, (last, first))
        for (source, hour), tally in totals.items():
            known = connection.execute(DIGEST, (source, hour)).fetchone()
            digest = (known[0] if known else 0) ^ tally.digest
            connection.execute(ADD_TOTAL, (source, hour, tally.acked, tally.repeated, digest, tally.acked))
        connection.execute(COUNT_SETTLED, (len(pending), sum(tally.acked for tally in totals.values())))


@dataclass
class _Tally:
    """What a batch adds to one source and hour."""

    acked: int = 0
    repeated: int = 0
    digest: int = 0


def set_error(connection: Connection, error: str) -> None:
    connection.execute(SET_ERROR, (error, error))


def dead_after(connection: Connection, after: int, limit: int) -> list[tuple[int, str, str, int, bytes]]:
    return connection.execute(DEAD_AFTER, (after, limit)).fetchall()


def dead_numbers(connection: Connection) -> list[int]:
    return [row[0] for row in connection.execute(DEAD_NUMBERS)]


def take_dead(connection: Connection, numbers: Iterable[int], revived_ms: int | None) -> int:
    """Forget dead events, or put them back among those that wait (`revived_ms`). Gives how many there were."""
    found = 0
    with Transaction(connection):
        for number in numbers:
            if revived_ms is not None:
                connection.execute(REVIVE, (revived_ms, number))
            found += connection.execute(DELETE_DEAD, (number,)).rowcount
    return found


def control_totals(connection: Connection) -> list[tuple[str, int, int, int, int, int, int | None]]:
    """Source, hour, acked, pending, dead, repeated, reported."""
    return connection.execute(CONTROL_TOTALS).fetchall()


class _Identified(msgspec.Struct):
    id: str


_read_id = msgspec.json.Decoder(_Identified).decode


def id_of(body: bytes) -> str:
    return _read_id(body).id


def ids_digest(ids: Iterable[str]) -> int:
    """As the server has it (docs/howto/reconcile.md), as the signed number that SQLite keeps."""
    digest = 0
    for id in ids:
        digest ^= int.from_bytes(sha256(id.encode()).digest()[:8], "big", signed=True)
    return digest
