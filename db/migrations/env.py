"""Alembic's entry: runs the SQL of the versions over psycopg, with lock and statement timeouts set."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, pool

TIMEOUTS = "SET lock_timeout = '5s'; SET statement_timeout = '60s'; SET TIME ZONE 'UTC';"


def _url() -> str:
    url = context.config.get_main_option("sqlalchemy.url") or ""
    return url.replace("postgresql://", "postgresql+psycopg://", 1).replace("postgres://", "postgresql+psycopg://", 1)


def run_offline() -> None:
    """Print the SQL instead of running it (`autorisen db migrate --sql`)."""
    context.configure(url="postgresql+psycopg://", literal_binds=True, transaction_per_migration=True)
    with context.begin_transaction():
        context.execute(TIMEOUTS)
        context.run_migrations()


def run_online() -> None:
    engine = create_engine(_url(), poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(TIMEOUTS)
        connection.commit()
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
