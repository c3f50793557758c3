"""The spool file: its statements, its bound, its threads, and what cannot be written."""

from __future__ import annotations

import ast
import sqlite3
import threading
from pathlib import Path

import pytest

from autorisen.client import Client, ClientClosed, SpoolFull, SpoolUnavailable, store
from autorisen.client.model import Settled, Waiting
from autorisen.client.spool import open_file
from tests.client.conftest import Connect

NOWHERE = "http://127.0.0.1:9"
TOKENS = {"input_tokens": 7, "output_tokens": 1}
STATEMENTS = [
    name
    for name, value in vars(store).items()
    if name.isupper() and isinstance(value, str) and not value.startswith(("PRAGMA", "BEGIN", "COMMIT", "ROLLBACK"))
]


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_statement_is_prepared(tmp_path: Path, name: str) -> None:
    statement = getattr(store, name)
    connection = open_file(tmp_path / "spool.db", power=False)
    try:
        connection.execute(f"EXPLAIN {statement}", [None] * statement.count("?"))
    finally:
        connection.close()


def test_the_statements_are_found() -> None:
    tree = ast.parse(Path(str(store.__file__)).read_text(encoding="utf-8"))
    assert len(STATEMENTS) > 20
    assert {
        node.targets[0].id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    } >= set(STATEMENTS)


def test_a_number_is_never_used_again(tmp_path: Path) -> None:
    """Goal: a settlement that comes late must not hit a newer event: the newest number stays known."""
    connection = open_file(tmp_path / "spool.db", power=False)
    event = Waiting("tests", 1, 1, b"{}")
    seen: list[int] = []
    for size in (1, 3, 1, 2):
        store.insert_events(connection, [event] * size)
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
