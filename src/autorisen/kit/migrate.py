"""Migrations: run, print, go back. The app never migrates by itself; `autorisen db migrate` and tests do."""

from __future__ import annotations

import io

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, pool

from autorisen.kit.schema_revision import migrations_folder


def _config(url: str, output: io.StringIO | None = None) -> Config:
    config = Config(output_buffer=output) if output is not None else Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def migrate(url: str, revision: str = "head") -> None:
    """Bring the database up to `revision`. Each migration is one transaction with lock and statement timeouts."""
    command.upgrade(_config(url), revision)


def migrate_down(url: str, revision: str) -> None:
    command.downgrade(_config(url), revision)


def migration_sql(revisions: str = "head") -> str:
    """The SQL that would run, for review; `a:b` limits it to the steps between two revisions."""
    output = io.StringIO()
    command.upgrade(_config("", output), revisions, sql=True)
    return output.getvalue()


def head_revision() -> str:
    head = ScriptDirectory.from_config(_config("")).get_current_head()
    assert head is not None, "there is always a first migration"
    return head


def current_revision(url: str) -> str | None:
    """The revision that the database is at; None for an empty one."""
    driver_url = url.replace("postgresql://", "postgresql+psycopg://", 1).replace(
        "postgres://", "postgresql+psycopg://", 1
    )
    engine = create_engine(driver_url, poolclass=pool.NullPool)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
