"""The database itself refuses what would break the books, whatever code runs. Each test tries, in plain SQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest
from psycopg import errors

from autorisen.kit.embedded_postgres import EmbeddedPostgres

FIRST = "00000000-0000-7000-8000-000000000001"
SECOND = "00000000-0000-7000-8000-000000000002"

ACCOUNTS: LiteralString = "INSERT INTO ledger.accounts VALUES ('a:b', now()), ('a:c', now())"
TRANSACTION: LiteralString = """
    INSERT INTO ledger.transactions (id, reference, description, occurred_at, recorded_at)
    VALUES (%s, %s, 'tried by hand', now(), now())
"""
ENTRY: LiteralString = """
    INSERT INTO ledger.entries (transaction_id, position, account, amount_minor, currency)
    VALUES (%s, %s, %s, %s, %s)
"""


@pytest.fixture(scope="module")
def shared_url(postgres: EmbeddedPostgres, template: str) -> Iterator[str]:
    """One database for all tests here: each rolls back what it tried, and says so if it could not."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE tried_books TEMPLATE {template}")
        url = postgres.url("tried_books")
        with psycopg.connect(url) as books:
            books.execute(ACCOUNTS)
            books.execute(TRANSACTION, (FIRST, "first"))
            books.execute(ENTRY, (FIRST, 1, "a:b", 100, "ZAR"))
            books.execute(ENTRY, (FIRST, 2, "a:c", -100, "ZAR"))
        yield url
        connection.execute("DROP DATABASE tried_books WITH (FORCE)")


@pytest.fixture
def books(shared_url: str) -> Iterator[psycopg.Connection]:
    """A connection to books with one balanced transaction."""
    with psycopg.connect(shared_url) as connection:
        yield connection
        connection.rollback()
        total = connection.execute("SELECT count(*), sum(amount_minor) FROM ledger.entries").fetchone()
        assert total == (2, 0), "whatever was tried left nothing"


def second(books: psycopg.Connection, *entries: tuple[str, int, str]) -> None:
    books.execute(TRANSACTION, (SECOND, "second"))
    for position, (account, minor, currency) in enumerate(entries):
        books.execute(ENTRY, (SECOND, position, account, minor, currency))


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [("a:b", 5, "ZAR")],
        [("a:b", 5, "ZAR"), ("a:c", -4, "ZAR")],
        [("a:b", 5, "ZAR"), ("a:c", -5, "USD")],
        [("a:b", 5, "ZAR"), ("a:c", -5, "ZAR"), ("a:b", 1, "USD")],
    ],
    ids=["none", "one", "unequal", "two currencies", "a stray third"],
)
def test_a_transaction_that_does_not_balance_can_not_commit(
    books: psycopg.Connection, entries: list[tuple[str, int, str]]
) -> None:
    second(books, *entries)
    with pytest.raises(errors.CheckViolation):
        books.commit()


def test_the_check_can_not_be_passed_early_and_then_broken(books: psycopg.Connection) -> None:
    second(books, ("a:b", 5, "ZAR"), ("a:c", -5, "ZAR"))
    books.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(errors.CheckViolation):
        books.execute(ENTRY, (SECOND, 9, "a:b", 1, "ZAR"))


def test_a_committed_transaction_takes_no_more_entries(books: psycopg.Connection) -> None:
    with pytest.raises(errors.RestrictViolation, match="posted with its transaction"):
        books.execute(ENTRY, (FIRST, 3, "a:b", 7, "ZAR"))


def test_a_reference_is_unique(books: psycopg.Connection) -> None:
    with pytest.raises(errors.UniqueViolation):
        books.execute(TRANSACTION, (SECOND, "first"))


@pytest.mark.parametrize(
    "entry, refusal",
    [
        (("a:b", 0, "ZAR"), errors.CheckViolation),
        (("a:nobody", 5, "ZAR"), errors.ForeignKeyViolation),
        (("a:b", 5, "rand"), errors.CheckViolation),
        (("a:b", 2**63, "ZAR"), errors.NumericValueOutOfRange),
    ],
)
def test_a_senseless_entry_is_refused(
    books: psycopg.Connection, entry: tuple[str, int, str], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        second(books, entry)


def test_a_senseless_account_is_refused(books: psycopg.Connection) -> None:
    with pytest.raises(errors.CheckViolation):
        books.execute("INSERT INTO ledger.accounts VALUES ('Anything goes', now())")


CHANGES: list[LiteralString] = [
    "UPDATE ledger.entries SET amount_minor = 2 * amount_minor",
    "DELETE FROM ledger.entries",
    "TRUNCATE ledger.entries CASCADE",
    "UPDATE ledger.transactions SET description = 'other'",
    "DELETE FROM ledger.transactions",
    "TRUNCATE ledger.transactions CASCADE",
    "UPDATE ledger.accounts SET name = 'a:d' WHERE name = 'a:b'",
    "DELETE FROM ledger.accounts",
    "TRUNCATE ledger.accounts CASCADE",
]


@pytest.mark.parametrize("change", CHANGES)
def test_history_is_append_only(books: psycopg.Connection, change: LiteralString) -> None:
    with pytest.raises(errors.RestrictViolation, match="append-only"):
        books.execute(change)
