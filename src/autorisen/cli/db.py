"""`autorisen db`: migrate, status, reset."""

from __future__ import annotations

from typing import Annotated

import psycopg
import typer
from psycopg import sql

from autorisen.kit.migrate import current_revision, head_revision, migrate, migration_sql
from autorisen.kit.open_runtime import database_server
from autorisen.kit.settings import Settings, load_settings

app = typer.Typer(help="The database: bring it up to date, look at it, empty it.", no_args_is_help=True)

REFUSED = (
    "This database is neither embedded nor a test one. Read `autorisen db migrate --sql`, "
    "then set ALLOW_MIGRATIONS=1 for this one command."
)


def _require_permission(settings: Settings) -> None:
    if not settings.is_embedded and not settings.allow_migrations:
        typer.echo(f"autorisen: {REFUSED}", err=True)
        raise typer.Exit(2)


@app.command("migrate")
def migrate_command(
    print_sql: Annotated[
        bool, typer.Option("--sql", help="Print the SQL that is still to run; change nothing.")
    ] = False,
) -> None:
    """Bring the database up to the newest revision."""
    settings = load_settings()
    if not print_sql:
        _require_permission(settings)
    with database_server(settings) as url:
        at = current_revision(url)
        if print_sql:
            typer.echo(migration_sql(f"{at}:head" if at else "head"))
            return
        migrate(url)
        typer.echo(f"The database is at {current_revision(url)} (was: {at or 'empty'}).")


@app.command()
def status() -> None:
    """Show the revision of the database and the one that this release needs. Exit code 1 when they differ."""
    with database_server(load_settings()) as url:
        at, needed = current_revision(url), head_revision()
    typer.echo(f"database: {at or 'empty'}\nrelease:  {needed}")
    if at != needed:
        raise typer.Exit(1)


@app.command()
def reset(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Drop every table and migrate anew. All data of the database is lost. Only with the sandbox's settings."""
    settings = load_settings()
    _require_permission(settings)
    if not settings.is_sandbox:
        typer.echo("autorisen: `db reset` works in sandbox mode only.", err=True)
        raise typer.Exit(2)
    if not yes:
        typer.confirm("All data of this database will be lost. Go on?", abort=True)
    with database_server(settings) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            drop_all_schemas(connection)
        migrate(url)
    typer.echo("The database is empty and at the newest revision.")


def drop_all_schemas(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Drop every schema that is not PostgreSQL's own, and make `public` anew."""
    rows = connection.execute(
        "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
    ).fetchall()
    for (name,) in rows:
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(str(name))))
    connection.execute("CREATE SCHEMA public")
