"""`autorisen catalog`: what is sold, as a file that is planned, compared and applied."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from autorisen import catalog, metering, subscriptions
from autorisen.catalog import CatalogFile, Change
from autorisen.cli.session import with_runtime
from autorisen.kit.unit import Runtime
from autorisen.ops import apply_catalog_text

app = typer.Typer(help="Plans and prices.", no_args_is_help=True)

File = Annotated[
    Path | None,
    typer.Argument(
        help="A catalog file; the one that comes with the platform when left out.", exists=True, dir_okay=False
    ),
]
SIGNS = {"add": "+", "change": "~", "retire": "-"}


@app.callback()
def catalog_commands() -> None:
    """Plans and prices."""


@app.command()
def plan(file: File = None) -> None:
    """Say which versions an apply would make, and who keeps the old ones. Changes nothing."""
    wanted = _read(file)
    changes, keepers = with_runtime(lambda runtime: _plan(runtime, wanted))
    for change in changes:
        kept = keepers[change.plan_key]
        told = f"; {kept:,} live subscriptions keep what they have" if kept else ""
        typer.echo(f"{SIGNS[change.kind]} {change.plan_key}: {change.kind} as version {change.version}{told}")
    typer.echo(_summary(changes, wanted))


@app.command()
def diff(file: File = None) -> None:
    """Show every term that differs between the file and what is sold. Exits with 1 when anything does."""
    wanted = _read(file)
    changes, _ = with_runtime(lambda runtime: _plan(runtime, wanted))
    for change in changes:
        typer.echo(f"{change.plan_key} (version {change.version})")
        for line in change.lines:
            typer.echo(f"  {line}")
    if changes:
        raise typer.Exit(1)
    typer.echo("The file is what is sold.")


@app.command()
def apply(file: File = None) -> None:
    """Make the file what is sold, from its effective date or now on. Applied twice, nothing changes twice."""
    wanted = _read(file)
    changes = with_runtime(lambda runtime: _apply(runtime, _text(file)))
    for change in changes:
        typer.echo(f"{SIGNS[change.kind]} {change.plan_key}: version {change.version}")
    typer.echo(_summary(changes, wanted, done=True))


def _text(file: Path | None) -> str:
    return catalog.shipped_catalog() if file is None else file.read_text(encoding="utf-8")


def _read(file: Path | None) -> CatalogFile:
    """The file, sound for both of its readers."""
    wanted = catalog.load_catalog(_text(file))
    metering.load_meters(wanted.meters)
    return wanted


async def _plan(runtime: Runtime, wanted: CatalogFile) -> tuple[list[Change], Counter[str]]:
    async with runtime.database.read() as tx:
        changes = catalog.plan_changes(await catalog.newest_plans(tx), wanted)
        counts = await subscriptions.status_counts(tx)
    keepers: Counter[str] = Counter()
    for (plan_key, status), count in counts.items():
        keepers[plan_key] += count if status in subscriptions.LIVE else 0
    return changes, keepers


async def _apply(runtime: Runtime, text: str) -> list[Change]:
    async with runtime.unit() as unit:
        return await apply_catalog_text(unit, text)


def _summary(changes: list[Change], wanted: CatalogFile, *, done: bool = False) -> str:
    if not changes:
        return "Nothing to change: the file is what is sold."
    since = f"from {wanted.effective_from.isoformat()}" if wanted.effective_from else "from now"
    return f"{len(changes)} plans changed, {since} on." if done else f"{len(changes)} plans would change, {since} on."
