"""The spool file: its statements, its bound, its threads, and what cannot be written."""

from __future__ import annotations

import ast
import sqlite3
import threading
from pathlib import Path

import pytest

from autorisen.client import Client, ClientClosed, SpoolFull, SpoolUnavailable, store, store_totals
from autorisen.client.model import Settled, Waiting
from autorisen.client.spool import open_file
from tests.client.conftest import Connect

NOWHERE = "http://127.0.0.1:9"
TOKENS = {"input_tokens": 7, "output_tokens": 1}
STATEMENTS = [
    name
    for name, value in (vars(store) | vars(store_totals)).items()
    if name.isupper() and isinstance(value, str) and not value.startswith(("PRAGMA", "BEGIN", "COMMIT", "ROLLBACK"))
]


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_statement_is_prepared(tmp_path: Path, name: str) -> None:
    statement = (vars(store) | vars(store_totals))[name]
    connection = open_file(tmp_path / "spool.db", power=False)
    if name in ("ADD_DIGEST", "ADD_DIGESTED", "ADD_CONFIRMED"):
        connection.execute(f"ALTER TABLE totals DROP COLUMN {name.removeprefix('ADD_').lower()}")
    try:
        connection.execute(f"EXPLAIN {statement}", [None] * statement.count("?"))
    finally:
        connection.close()


def test_the_statements_are_found() -> None:
    files = [Path(str(module.__file__)) for module in (store, store_totals)]
    tree = ast.parse("".join(path.read_text(encoding="utf-8").partition("annotations\n")[2] for path in files))
    assert len(STATEMENTS) > 20
    assert {
        node.targets[0].id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    } >= set(STATEMENTS)


def test_a_number_is_never_used_again(tmp_path: Path) -> None:
    """Goal: a settlement that comes late must not hit a newer event: the newest number stays known."""
    connection = open_file(tmp_path / "spool.db", power=False)
    seen: list[int] = []
    for size in (1, 3, 1, 2):
        ids = range(len(seen), len(seen) + size)
        store.insert_events(connection, [Waiting("tests", 1, 1, b'{"id": "%d"}' % id) for id in ids])
        batch = store.next_batch(connection, 10, 10_000)
        seen += [each.number for each in batch.events]
        store.settle(connection, Settled(batch), 0)
        store.settle(connection, Settled(batch), 0)
        assert store.counts(connection)[:3] == (0, 0, len(seen))
    assert seen == sorted(set(seen))
    assert connection.execute("SELECT count(*) FROM events").fetchone() == (1,)
    assert store.control_totals(connection) == [("tests", 1, 7, 0, 0, 0, None)]
    connection.close()


def test_the_spool_is_bounded(connect: Connect) -> None:
    client = connect(NOWHERE, sending=False, max_events=100)
    for _ in range(100):
        client.record("note", "acme", TOKENS)
    with pytest.raises(SpoolFull, match="100 events wait"):
        client.record("note", "acme", TOKENS)
    assert client.status().pending == 100
    with connect(NOWHERE, sending=False, max_events=101) as roomier:
        roomier.record("note", "acme", TOKENS)
        with pytest.raises(SpoolFull):
            roomier.record("note", "acme", TOKENS)


@pytest.mark.parametrize("durability", ["process", "power"])
def test_threads_share_transactions(connect: Connect, durability: str) -> None:
    client = connect(NOWHERE, sending=False, durability="power" if durability == "power" else "process")
    ids: list[str] = []

    def record() -> None:
        ids.extend([client.record("note", "acme", TOKENS) for _ in range(50)])

    threads = [threading.Thread(target=record) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == client.status().pending == 400


def _record(client: Client, count: int) -> None:
    for _ in range(count):
        client.record("note", "acme", TOKENS)


def test_what_was_not_written_is_said(tmp_path: Path, connect: Connect) -> None:
    client = connect(NOWHERE, sending=False)
    client.record("note", "acme", TOKENS)
    # A full disk, as SQLite sees it: no page more.
    client._spool.run(lambda connection: connection.execute("PRAGMA max_page_count = 1"))
    with pytest.raises(SpoolUnavailable, match="full"):
        _record(client, 200)
    pending = client.status().pending
    client._spool.run(lambda connection: connection.execute("PRAGMA max_page_count = 1000000"))
    client.record("note", "acme", TOKENS)
    assert client.status().pending == pending + 1
    client.close()
    with pytest.raises(ClientClosed):
        client.record("note", "acme", TOKENS)
    with pytest.raises(SpoolUnavailable, match="unable to open"):
        Client(NOWHERE, "k", source="tests", spool=tmp_path / "no" / "folder" / "spool.db")


def test_a_spool_of_a_newer_client_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "spool.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SpoolUnavailable, match="newer client"):
        Client(NOWHERE, "k", source="tests", spool=tmp_path / "spool.db")


@pytest.mark.parametrize(
    "url, key", [("ftp://x", "k"), ("127.0.0.1", "k"), (NOWHERE, ""), (NOWHERE, "a b"), (NOWHERE, "ü")]
)
def test_an_address_or_key_that_cannot_be_one_is_refused(tmp_path: Path, url: str, key: str) -> None:
    with pytest.raises(ValueError):
        Client(url, key, source="tests", spool=tmp_path / "spool.db")
    assert list(tmp_path.iterdir()) == []


def test_an_id_counts_once_however_often_it_was_sent(tmp_path: Path) -> None:
    """Goal: after a lost answer nobody can tell the second recording of an id from a repeated sending, but the ids."""
    connection = open_file(tmp_path / "spool.db", power=False)
    store.insert_events(connection, [Waiting("tests", 1, 1, b'{"id": "a"}')] * 2)
    store.next_batch(connection, 10, 10_000)
    store.settle(connection, Settled(store.next_batch(connection, 10, 10_000)), 0)
    assert store.control_totals(connection) == [("tests", 1, 1, 0, 0, 1, None)]
    connection.close()


def test_a_spool_of_an_older_client_goes_on(tmp_path: Path) -> None:
    """Goal: what it counted before has no ids any more: its hours are told without a digest, later ones with one."""
    connection = sqlite3.connect(tmp_path / "spool.db", isolation_level=None)
    for name in ("CREATE_EVENTS", "CREATE_DEAD", "CREATE_TOTALS", "CREATE_SENDING", "START_SENDING"):
        connection.execute(getattr(store, name))
    connection.execute("INSERT INTO totals VALUES ('tests', 1, 5, 0, 5)")
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    connection = open_file(tmp_path / "spool.db", power=False)
    store.insert_events(connection, [Waiting("tests", hour, 1, b'{"id": "%d"}' % hour) for hour in (1, 2)])
    store.settle(connection, Settled(store.next_batch(connection, 10, 10_000)), 0)
    old, new = store_totals.unreported_totals(connection, 3)
    assert (old.events, old.digest, old.is_listed) == (6, None, False)
    assert (new.events, new.digest, new.is_listed) == (1, store.ids_digest(["2"]), True)
    name = store_totals.producer(connection)
    connection.close()
    connection = open_file(tmp_path / "spool.db", power=False)
    assert len(name) == 32
    assert store_totals.producer(connection) == name
    connection.close()


def test_a_total_is_told_once_more_after_a_day(tmp_path: Path) -> None:
    connection = open_file(tmp_path / "spool.db", power=False)
    store.insert_events(connection, [Waiting("tests", 1, 1, b'{"id": "a"}')])
    store.settle(connection, Settled(store.next_batch(connection, 10, 10_000)), 0)
    for this_hour, is_told in ((1, False), (2, True), (3, False), (25, False), (26, True), (99, False)):
        told = store_totals.unreported_totals(connection, this_hour)
        assert bool(told) is is_told, this_hour
        for each in told:
            assert store_totals.ids_after(connection, each, "", 10) == ["a"]
            store_totals.settle_told(connection, each, [], this_hour)
    assert connection.execute("SELECT count(*) FROM acked").fetchone() == (0,)
    connection.close()
