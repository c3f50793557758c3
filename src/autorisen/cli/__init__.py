"""The command line: `autorisen`. A composition root; each file holds the commands of one noun."""

from __future__ import annotations

import sys

import typer

from autorisen.cli import catalog, clock, db, demo, events, ledger, processes
from autorisen.kit.embedded_postgres import EmbeddedPostgresError
from autorisen.kit.ports import PortTaken
from autorisen.kit.problems import Problem
from autorisen.kit.settings import InvalidSetting

app = typer.Typer(
    name="autorisen",
    help="Sell AI agents and AI workloads, from sign-up to paid invoice. `autorisen up` starts everything.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
processes.register(app)
app.add_typer(db.app, name="db")
app.add_typer(clock.app, name="clock")
app.add_typer(catalog.app, name="catalog")
app.add_typer(ledger.app, name="ledger")
app.add_typer(demo.app, name="demo")
app.add_typer(events.app, name="events")


def main() -> None:
    """Run the command; an error that a person can mend is one sentence, not a stack trace."""
    try:
        app()
    except (InvalidSetting, EmbeddedPostgresError, PortTaken) as error:
        print(f"autorisen: {error}", file=sys.stderr)
        sys.exit(2)
    except Problem as problem:
        print(f"autorisen: {problem.title}. {problem.detail}".rstrip(), file=sys.stderr)
        for each in problem.errors:
            print(f"  {each.field}: {each.rule}", file=sys.stderr)
        sys.exit(1)
