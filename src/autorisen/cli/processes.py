"""`autorisen up`, `web`, `worker`, `reset`, `version`: the long-running processes and the installation itself."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from autorisen.kit.embedded_postgres import EmbeddedPostgresError
from autorisen.kit.settings import load_settings

# Commands import what they need when they run: `autorisen version` must not load a web server.


NAMES = ("up", "web", "worker", "reset", "version")


def register(app: typer.Typer) -> None:
    """Add the commands to the root."""
    for command in (up, web, worker, reset, version):
        app.command()(command)


def up(
    demo: Annotated[
        bool | None, typer.Option(help="Seed the demo; by default only into the embedded database.")
    ] = None,
) -> None:
    """Start everything: database, web and worker under one supervisor. Ctrl-C stops it; the data is kept."""
    from autorisen.supervisor import Supervisor

    raise typer.Exit(Supervisor(load_settings(), demo=demo).run())


def web(
    fd: Annotated[int | None, typer.Option(help="Serve on this inherited socket.", hidden=True)] = None,
    parent: Annotated[int | None, typer.Option(help="Stop when this process ends.", hidden=True)] = None,
    wait_for: Annotated[int | None, typer.Option(help="Go on when this pipe says so.", hidden=True)] = None,
) -> None:
    """Start the web process alone."""
    from autorisen.serve import serve_web

    raise typer.Exit(serve_web(load_settings(), fd=fd, parent=parent, wait_for=wait_for))


def worker(
    parent: Annotated[int | None, typer.Option(help="Stop when this process ends.", hidden=True)] = None,
    wait_for: Annotated[int | None, typer.Option(help="Go on when this pipe says so.", hidden=True)] = None,
) -> None:
    """Start the worker process alone."""
    from autorisen.serve import serve_worker

    raise typer.Exit(serve_worker(load_settings(), parent=parent, wait_for=wait_for))


def reset(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Forget everything under AUTORISEN_HOME: embedded database, demo, logs, generated key."""
    from autorisen.supervisor import forget_home

    settings = load_settings()
    if not settings.home.exists():
        typer.echo(f"Nothing to forget: {settings.home} does not exist.")
        return
    if not yes:
        if not sys.stdin.isatty():
            typer.echo("autorisen: this deletes all data; add --yes when nobody can be asked.", err=True)
            raise typer.Exit(2)
        typer.confirm(f"Delete the database, the demo and the logs in {settings.home}?", abort=True)
    try:
        forget_home(settings)
    except BlockingIOError:
        raise EmbeddedPostgresError("autorisen is running on this data; stop it first (Ctrl-C).") from None
    typer.echo(f"Forgotten. The next `autorisen up` starts anew in {settings.home}.")


def version() -> None:
    """Show the version, and the revision that the database needs."""
    from autorisen.kit.migrate import head_revision
    from autorisen.ops import release

    built = release(load_settings())
    typer.echo(f"autorisen {built.version} (commit {built.git_sha or 'unknown'}, schema {head_revision()})")
