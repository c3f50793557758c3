"""Every SQL constant of every store is prepared against the migrated schema: a renamed column fails here."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest

from tests.architecture.conftest import Plant
from tests.architecture.source_tree import SourceTree
from tests.architecture.test_sql_ownership import SPOOLS, is_store

_PLACEHOLDER = re.compile(r"%\((\w+)\)s|%%|%s")
# Statements that have no plan; they are run instead, and rolled back.
_UTILITY = re.compile(r"\s*(SET|LOCK|TRUNCATE)\b")
_COPY = re.compile(r"\s*COPY\s+(?P<table>\S+)\s*\((?P<columns>[^)]*)\)\s*FROM\s+STDIN", re.IGNORECASE)


def numbered(statement: str) -> str:
    """psycopg's placeholders as PostgreSQL's: %(name)s becomes $1 for the first name, and so on; %% becomes %."""
    names: dict[str, int] = {}
    nameless = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal nameless
        if match[0] == "%%":
            return "%"
        if match[1] is None:
            nameless += 1
            return f"${nameless}"
        return f"${names.setdefault(match[1], len(names) + 1)}"

    return _PLACEHOLDER.sub(replace, statement)


def prepared(statement: str) -> str:
    """SQL that makes PostgreSQL check `statement` without doing it (the caller rolls back)."""
    if copy := _COPY.match(statement):
        return f"PREPARE checked AS SELECT {copy['columns']} FROM {copy['table']}"
    if _UTILITY.match(statement):
        return statement
    return f"PREPARE checked AS {numbered(statement)}"


def refused(tree: SourceTree, connection: psycopg.Connection[tuple[object, ...]]) -> Iterator[str]:
    """Statements that the migrated database refuses, with its reason."""
    for module in filter(is_store, tree.modules):
        if module.path.as_posix() in SPOOLS:
            continue
        for name, (line, text) in module.statements().items():
            try:
                with connection.transaction(force_rollback=True):
                    connection.execute(prepared(text).encode())
                    if not _UTILITY.match(text):
                        connection.execute("DEALLOCATE checked")
            except psycopg.Error as error:
                yield f"{module.path.as_posix()}:{line} {name}: {error.diag.message_primary or error}"


def test_every_statement_is_prepared(source: SourceTree, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        assert list(refused(source, connection)) == []


def test_there_are_statements(source: SourceTree) -> None:
    assert sum(len(module.statements()) for module in filter(is_store, source.modules)) > 50


@pytest.mark.parametrize(
    "statement, says",
    [
        ("SELECT id, nmae FROM accounts.customers", 'column "nmae" does not exist'),
        ("SELECT id FROM accounts.custmers", 'relation "accounts.custmers" does not exist'),
        ("UPDATE accounts.customers SET created_at = %(n)s::integer", "is of type timestamp with time zone"),
        ("COPY accounts.customers (id, nmae) FROM STDIN", 'column "nmae" does not exist'),
        ("SELEC id FROM accounts.customers", None),
    ],
)
def test_a_wrong_statement_is_seen(plant: Plant, database_url: str, statement: str, says: str | None) -> None:
    tree = plant({"accounts/store.py": f"X = {statement!r}"})
    with psycopg.connect(database_url) as connection:
        found = list(refused(tree, connection))
    if says is None:
        assert found == [], "what does not look like SQL is another rule's business"
    else:
        assert len(found) == 1
        assert says in found[0]


def test_placeholders_are_numbered_by_name() -> None:
    assert numbered("SELECT %(a)s, %(b)s, %(a)s, 5 %% 3") == "SELECT $1, $2, $1, 5 % 3"
