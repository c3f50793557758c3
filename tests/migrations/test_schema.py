"""The migrations, run for real: up, down and up again, equal to db/schema.sql, and by the rules for columns."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest

from autorisen.kit.embedded_postgres import EmbeddedPostgres
from autorisen.kit.migrate import (
    current_revision,
    head_revision,
    migrate,
    migrate_down,
    migration_sql,
)
from autorisen.kit.schema_revision import migrations_folder, newest_revision
from scripts.write_schema import SCHEMA, dump, normalised

# Alembic's own table, and the two that PostgreSQL brings.
_FOREIGN = "('pg_catalog', 'information_schema', 'public')"


@pytest.fixture
def empty(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A database without any migration."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE migrations_test TEMPLATE template0")
        yield postgres.url("migrations_test")
        connection.execute("DROP DATABASE migrations_test WITH (FORCE)")


def revisions() -> list[str]:
    return sorted(path.stem for path in (migrations_folder() / "versions").glob("*.py"))


def rows(url: str, query: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [str(row[0]) for row in connection.execute(query.encode())]


def test_schema_sql_equals_the_migrations(database_url: str) -> None:
    assert dump(database_url) == SCHEMA.read_text(encoding="utf-8"), "run `make schema` and read the difference"


def test_a_changed_schema_is_seen(database_url: str) -> None:
    before = dump(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE kit.facts ADD COLUMN planted integer")
    assert dump(database_url) != before


def test_the_dump_is_free_of_noise() -> None:
    noise = "-- PostgreSQL database dump\n\\restrict abc\nSET x = 1;\n\n"
    text = noise + "CREATE TABLE a.b (\n    id uuid\n);\nCREATE TABLE c.d ();\n"
    made = normalised(text)
    assert "abc" not in made
    assert made.endswith("\nCREATE TABLE a.b (\n    id uuid\n);\n\nCREATE TABLE c.d ();\n")


def test_every_step_goes_up_down_and_up_again(empty: str) -> None:
    for revision in revisions():
        migrate(empty, revision)
        after = dump(empty)
        migrate_down(empty, "-1")
        migrate(empty, revision)
        assert dump(empty) == after, f"{revision} does not come back as it was"
    assert current_revision(empty) == head_revision()
    migrate_down(empty, "base")
    assert current_revision(empty) is None
    assert rows(empty, f"SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN {_FOREIGN}") == []


def test_revisions_are_one_line_of_numbers() -> None:
    numbers = [int(name.split("_")[0]) for name in revisions()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert head_revision() == revisions()[-1]


def test_migrations_set_their_timeouts_and_print_their_sql() -> None:
    text = migration_sql()
    assert "lock_timeout" in text
    assert "statement_timeout" in text
    assert "CREATE TABLE accounts.customers" in text


FAULTY_COLUMNS = f"""
SELECT table_schema || '.' || table_name || '.' || column_name || ' is ' || data_type FROM information_schema.columns
WHERE table_schema NOT IN {_FOREIGN}
  AND data_type IN
    ('timestamp without time zone', 'time without time zone', 'real', 'double precision', 'money')
"""
TABLES_WITHOUT_KEY = f"""
SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN {_FOREIGN} AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'p')
"""


def test_times_have_zones_and_numbers_are_exact(database_url: str) -> None:
    assert rows(database_url, FAULTY_COLUMNS) == []


def test_every_table_has_a_primary_key(database_url: str) -> None:
    assert rows(database_url, TABLES_WITHOUT_KEY) == []


def test_faulty_columns_and_tables_are_seen(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kit.planted (at timestamp, amount real)")
    assert len(rows(database_url, FAULTY_COLUMNS)) == 2
    assert rows(database_url, TABLES_WITHOUT_KEY) == ["kit.planted"]


# One schema may point to another's rows only downwards: the order of the layers, lowest first.
LAYERS = [
    {"kit"},
    {"accounts"},
    {"catalog", "metering", "ledger"},
    {"subscriptions", "payments", "sandbox"},
    {"billing"},
]
FOREIGN_KEYS = """
SELECT f.nspname || ' -> ' || t.nspname FROM pg_constraint k
JOIN pg_class fc ON fc.oid = k.conrelid JOIN pg_namespace f ON f.oid = fc.relnamespace
JOIN pg_class tc ON tc.oid = k.confrelid JOIN pg_namespace t ON t.oid = tc.relnamespace
WHERE k.contype = 'f' AND f.nspname <> t.nspname
"""


def upward(keys: list[str]) -> list[str]:
    """Foreign keys that point up, or across, the layers."""
    level = {schema: number for number, schemas in enumerate(LAYERS) for schema in schemas}
    pairs = [re.split(" -> ", key) for key in keys]
    return [f"{source} -> {target}" for source, target in pairs if level[target] >= level[source]]


def test_foreign_keys_point_down_the_layers(database_url: str) -> None:
    assert upward(rows(database_url, FOREIGN_KEYS)) == []


def test_an_upward_key_is_seen() -> None:
    assert upward(["billing -> accounts", "payments -> billing", "catalog -> ledger"]) == [
        "payments -> billing",
        "catalog -> ledger",
    ]


def test_the_quick_answer_to_which_revision_is_newest_is_right() -> None:
    """The supervisor asks the file names instead of Alembic, because it starts faster so."""
    assert newest_revision() == head_revision()
