"""The command line: `autorisen`. A composition root; each file holds the commands of one noun."""

from __future__ import annotations

import sys
from importlib import import_module

import typer

from autorisen.cli import processes
from autorisen.kit.embedded_postgres import EmbeddedPostgresError
from autorisen.kit.ports import PortTaken
from autorisen.kit.problems import Problem
from autorisen.kit.settings import InvalidSetting

# One file each in this folder, with an `app`.
NOUNS = (
    "db",
    "clock",
    "catalog",
    "ledger",
    "invoices",
    "demo",
    "events",
    "meters",
    "rejected",
    "conflicts",
    "wallet",
    "users",
    "keys",
    "work",
    "close",
    "reconcile",
    "audit",
)


def command_line(nouns: tuple[str, ...] = NOUNS) -> typer.Typer:
    """The root command with the commands of these nouns. Fewer of them start faster."""
    root = typer.Typer(
        name="autorisen",
        help="Sell AI agents and AI workloads, from sign-up to paid invoice. `autorisen up` starts everything.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    processes.register(root)
    for noun in nouns:
        root.add_typer(import_module(f"autorisen.cli.{noun}").app, name=noun)
    return root


def _wanted(arguments: list[str]) -> tuple[str, ...]:
    """The nouns that this call needs: web and worker start often and need none."""
    first = arguments[0] if arguments else ""
    if first in NOUNS:
        return (first,)
    return () if first in processes.NAMES else NOUNS


def main() -> None:
    """Run the command; an error that a person can mend is one sentence, not a stack trace."""
    try:
        command_line(_wanted(sys.argv[1:]))()
    except (InvalidSetting, EmbeddedPostgresError, PortTaken) as error:
        print(f"autorisen: {error}", file=sys.stderr)
        sys.exit(2)
    except Problem as problem:
        print(f"autorisen: {problem.title}. {problem.detail}".rstrip(), file=sys.stderr)
        for each in problem.errors:
            print(f"  {each.field}: {each.rule}", file=sys.stderr)
        sys.exit(1)
