"""`autorisen catalog`: what is sold, as a file that is planned, compared and applied."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from autorisen import billing, catalog, metering, subscriptions
from autorisen.catalog import CatalogFile
from autorisen.cli import what_if
from autorisen.cli.catalog_text import catalog_text
from autorisen.cli.find_customer import ACTOR, find_customer
from autorisen.cli.progress import Show, progress
from autorisen.cli.session import with_runtime
from autorisen.kit.unit import Runtime
from autorisen.ops import CatalogChanges, apply_catalog_text, plan_catalog

app = typer.Typer(help="Plans and prices.", no_args_is_help=True)

File = Annotated[
    Path | None,
    typer.Argument(
        help="A catalog file; the one that comes with the platform when left out.", exists=True, dir_okay=False
    ),
]
SIGNS = {"add": "+", "change": "~", "retire": "-", "relabel": "~", "recount": "~", "remove": "-", "refuse": "!"}


@app.callback()
def catalog_commands() -> None:
    """Plans and prices."""


@app.command()
def plan(file: File = None) -> None:
    """Say what an apply would do, and who keeps the old terms. Exits with 1 when it would refuse. Changes nothing."""
    wanted = _read(file)
    changes, keepers = with_runtime(lambda runtime: _plan(runtime, wanted))
    for meter in changes.meters:
        refused = f"; {meter.lines[-1]}" if meter.kind == "refuse" else ""
        typer.echo(f"{SIGNS[meter.kind]} meter {meter.key}: {meter.kind}{refused}")
    for change in changes.plans:
        kept = keepers[change.plan_key]
        told = f"; {kept:,} live subscriptions keep what they have" if kept else ""
        typer.echo(f"{SIGNS[change.kind]} {change.plan_key}: {change.kind} as version {change.version}{told}")
    for change in changes.coupons:
        typer.echo(f"{SIGNS[change.kind]} coupon {change.plan_key}: {change.kind} as version {change.version}")
    if changes.refusal:
        typer.echo(f"! {changes.refusal}")
    if changes.refusal or any(meter.kind == "refuse" for meter in changes.meters):
        typer.echo("An apply would refuse this file and change nothing.")
        raise typer.Exit(1)
    _summarise(changes, wanted)


@app.command()
def diff(file: File = None) -> None:
    """Show every term that differs between the file and what is sold. Exits with 1 when anything does."""
    wanted = _read(file)
    changes, _ = with_runtime(lambda runtime: _plan(runtime, wanted))
    titled = [(f"meter {meter.key} ({meter.kind})", meter.lines) for meter in changes.meters]
    titled += [(f"{change.plan_key} (version {change.version})", change.lines) for change in changes.plans]
    titled += [(f"coupon {change.plan_key} (version {change.version})", change.lines) for change in changes.coupons]
    for title, lines in titled:
        typer.echo(title)
        for line in lines:
            typer.echo(f"  {line}")
    if changes:
        raise typer.Exit(1)
    typer.echo("The file is what is sold.")


@app.command()
def apply(file: File = None) -> None:
    """Make the file what is sold, from its effective date or now on. Applied twice, nothing changes twice."""
    wanted = _read(file)
    changes = with_runtime(lambda runtime: _apply(runtime, catalog_text(file)))
    for meter in changes.meters:
        typer.echo(f"{SIGNS[meter.kind]} meter {meter.key}: {meter.kind}")
    for change in changes.plans:
        typer.echo(f"{SIGNS[change.kind]} {change.plan_key}: version {change.version}")
    for change in changes.coupons:
        typer.echo(f"{SIGNS[change.kind]} coupon {change.plan_key}: version {change.version}")
    _summarise(changes, wanted, done=True)


app.command("what-if")(what_if.what_if)


@app.command()
def migrate(
    plan: Annotated[str, typer.Option(help="Key of the plan")],
    to_version: Annotated[int, typer.Option(min=1, help="The version whose terms are to hold")],
    customers: Annotated[str, typer.Option(help="Keys or cus_ ids, with commas; all when left out")] = "",
    preview: Annotated[bool, typer.Option("--preview/--apply", help="Only show, or announce and move")] = True,
    at: Annotated[str, typer.Option(help="When: period-end is the one way")] = "period-end",
    notice_days: Annotated[int, typer.Option(min=0, max=365, help="Days between the mail and the new terms")] = 30,
) -> None:
    """Move subscribers to another version of their plan. Nobody moves without it, whatever is applied."""
    if at != "period-end":
        raise typer.BadParameter("must be period-end: the terms of a period never change while it runs")
    names = [name.strip() for name in customers.split(",") if name.strip()]
    notice = timedelta(days=notice_days)
    with progress("Rated", "subscriptions") as show:
        found, new = with_runtime(lambda runtime: _migrate(runtime, plan, to_version, names, notice, preview, show))
    _show_moves(found)
    if preview:
        typer.echo("Nothing is changed. With --apply each is told by mail and moved on the day shown.")
    else:
        typer.echo(f"{new:,} customers are told by mail now.")


def _show_moves(found: billing.Migration) -> None:
    """A table of the moves and the sums, the dearest first."""
    for move in sorted(found.moves, key=lambda move: (bool(move.refusal), -move.difference.minor)):
        what = f"not moved: {move.refusal}" if move.refusal else f"{move.before} -> {move.after} ({_signed(move)})"
        typer.echo(f"{move.customer.key}: version {move.from_version}, {move.moves_at:%Y-%m-%d}, {what}")
    for each in found.sums:
        typer.echo(
            f"{each.moves:,} in {each.currency}: {each.before} -> {each.after} a period; "
            f"{each.dearer:,} pay more, {each.cheaper:,} less"
        )
    if not found.moves:
        typer.echo(f"Everybody on {found.plan.plan_key} has version {found.plan.version}.")


def _signed(move: billing.Move) -> str:
    return f"+{move.difference}" if move.difference.minor > 0 else str(move.difference)


async def _migrate(  # noqa: PLR0917 -- what the command was told, in its order
    runtime: Runtime,
    plan: str,
    to_version: int,
    names: list[str],
    notice: timedelta,
    preview: bool,
    show: Show,
) -> tuple[billing.Migration, int]:
    async with runtime.unit() as unit:
        only = {(await find_customer(unit.tx, name)).id for name in names}
        found = await billing.preview_moves(
            unit.tx, plan_key=plan, to_version=to_version, now=unit.now, notice=notice, only=only, tell=show
        )
        new = 0 if preview else await billing.announce_moves(unit, found.plan, found.moves, actor=ACTOR)
    return found, new


def _read(file: Path | None) -> CatalogFile:
    """The file, sound for both of its readers."""
    wanted = catalog.load_catalog(catalog_text(file))
    metering.load_meters(wanted.meters)
    return wanted


async def _plan(runtime: Runtime, wanted: CatalogFile) -> tuple[CatalogChanges, Counter[str]]:
    async with runtime.database.read() as tx:
        changes = await plan_catalog(tx, wanted, runtime.clock.now())
        counts = await subscriptions.status_counts(tx)
    keepers: Counter[str] = Counter()
    for (plan_key, status), count in counts.items():
        keepers[plan_key] += count if status in subscriptions.LIVE else 0
    return changes, keepers


async def _apply(runtime: Runtime, text: str) -> CatalogChanges:
    async with runtime.unit() as unit:
        return await apply_catalog_text(unit, text)


def _summarise(changes: CatalogChanges, wanted: CatalogFile, *, done: bool = False) -> None:
    changed = "changed" if done else "would change"
    if not changes:
        typer.echo("Nothing to change: the file is what is sold.")
    if changes.meters:
        typer.echo(f"{len(changes.meters)} meters {changed}, at once.")
    if changes.coupons:
        typer.echo(f"{len(changes.coupons)} coupons {changed}, at once; who redeemed one keeps its terms.")
    if changes.plans:
        since = f"from {wanted.effective_from.isoformat()}" if wanted.effective_from else "from now"
        typer.echo(f"{len(changes.plans)} plans {changed}, {since} on.")
