"""The commands of the installation itself, each on a database of the test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from autorisen.cli import NOUNS, command_line
from autorisen.kit.embedded_postgres import EmbeddedPostgres
from autorisen.kit.schema_revision import newest_revision


@pytest.fixture
def empty_database(postgres: EmbeddedPostgres) -> str:
    name = "commands_test"
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    return postgres.url(name)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"AUTORISEN_HOME": str(tmp_path / "home")}


def call(environment: Mapping[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(command_line(), list(arguments), env=dict(environment))


def test_every_noun_has_commands() -> None:
    shown = CliRunner().invoke(command_line(), ["--help"]).output
    assert all(noun in shown for noun in (*NOUNS, "up", "web", "worker", "reset", "version"))


def test_version_names_the_schema_it_needs(environment: dict[str, str]) -> None:
    assert newest_revision() in call(environment, "version").output


def test_a_foreign_database_is_migrated_with_permission_only(environment: dict[str, str], empty_database: str) -> None:
    environment |= {"DATABASE_URL": empty_database}
    refused = call(environment, "db", "migrate")
    assert refused.exit_code == 2
    assert "ALLOW_MIGRATIONS=1" in refused.output
    assert call(environment, "db", "status").exit_code == 1
    assert "CREATE SCHEMA accounts" in call(environment, "db", "migrate", "--sql").output
    assert call(environment, "db", "status").exit_code == 1
    done = call(environment | {"ALLOW_MIGRATIONS": "1"}, "db", "migrate")
    assert done.exit_code == 0, done.output
    assert newest_revision() in call(environment, "db", "status").output
    assert call(environment, "db", "status").exit_code == 0


def test_db_reset_empties_and_migrates_and_asks_first(environment: dict[str, str], database_url: str) -> None:
    environment |= {"DATABASE_URL": database_url, "ALLOW_MIGRATIONS": "1"}
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE public.leftover ()")
        assert call(environment, "db", "reset").exit_code == 1
        assert connection.execute("SELECT to_regclass('public.leftover') IS NOT NULL").fetchone() == (True,)
    assert call(environment, "db", "reset", "--yes").exit_code == 0
    with psycopg.connect(database_url, autocommit=True) as connection:
        assert connection.execute("SELECT to_regclass('public.leftover') IS NULL").fetchone() == (True,)
        assert connection.execute("SELECT count(*) FROM accounts.customers").fetchone() == (0,)


def test_commands_say_that_a_database_is_not_migrated(environment: dict[str, str], empty_database: str) -> None:
    refused = call(environment | {"DATABASE_URL": empty_database}, "clock", "show")
    assert type(refused.exception).__name__ == "NotMigrated"


def test_the_clock_is_shown_and_advanced(environment: dict[str, str], database_url: str) -> None:
    environment |= {"DATABASE_URL": database_url}
    assert "0 days ahead" in call(environment, "clock", "show").output
    done = call(environment, "clock", "advance", "--days", "2")
    assert done.exit_code == 0, done.output
    assert "2 days ahead" in call(environment, "clock", "show").output
    assert call(environment, "clock", "advance").exit_code == 2


def test_the_clock_of_production_does_not_move(environment: dict[str, str], database_url: str) -> None:
    production = {"AUTORISEN_ENV": "production", "SECRET_KEY": "x" * 40, "SMTP_URL": "smtp://localhost"}
    production["SUPPLIER_VAT_NUMBER"] = "none"
    refused = call(environment | production | {"DATABASE_URL": database_url}, "clock", "advance", "--days", "1")
    assert type(refused.exception).__name__ == "NotInSandbox"


def test_reset_of_nothing_says_so(environment: dict[str, str]) -> None:
    assert "Nothing to forget" in call(environment, "reset").output


def test_reset_asks_before_it_deletes(environment: dict[str, str]) -> None:
    home = Path(environment["AUTORISEN_HOME"])
    home.mkdir()
    (home / "secret_key").write_text("key")
    refused = call(environment, "reset")
    assert refused.exit_code == 2
    assert "--yes" in refused.output
    assert (home / "secret_key").exists()
    assert call(environment, "reset", "--yes").exit_code == 0
    assert not home.exists()
