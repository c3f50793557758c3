"""`autorisen events`: backfill a file of usage, see and revert the backfills."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from autorisen.cli.find_customer import ACTOR
from autorisen.cli.progress import progress
from autorisen.cli.session import with_runtime
from autorisen.kit.unit import Runtime, Unit
from autorisen.metering import (
    Backfill,
    BackfillOptions,
    BackfillReport,
    BackfillState,
    FileFormat,
    Rehearsal,
    UsageFile,
    backfill_file,
    list_backfills,
    open_file,
    rehearse_backfill,
    rehearse_revert,
    revert_backfill,
)

app = typer.Typer(help="Usage events.", no_args_is_help=True)


@app.callback()
def events() -> None:
    """Usage events."""


@app.command("import", hidden=True)
@app.command("backfill")
def backfill_command(  # noqa: PLR0917 -- Typer passes them by name
    file: Annotated[Path, typer.Argument(help="CSV or JSONL, also with .gz or .zst, or Parquet.")],
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", help="ATTRIBUTE=COLUMN, like time=AT or data.input_tokens=usage.prompt."),
    ] = None,
    type: Annotated[str | None, typer.Option(help="Type of events that have none, like llm.completion.")] = None,
    source: Annotated[str, typer.Option(help="Source of events that have none.")] = "import",
    subject: Annotated[str | None, typer.Option(help="Customer key or cus_ id of events that have none.")] = None,
    time_zone: Annotated[str, typer.Option(help="Zone of times without an offset.")] = "UTC",
    shift_to: Annotated[
        str | None, typer.Option(help="Move the first event to this instant, and all others with it.")
    ] = None,
    stretch: Annotated[str, typer.Option(help="Multiply the distance of each event from the first one.")] = "1",
    format: Annotated[FileFormat | None, typer.Option(help="Where the name of the file does not tell.")] = None,
    tag: Annotated[str | None, typer.Option(help="Name of this backfill; else the file's name and the date.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and store nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Neither show first what would change, nor ask.")] = False,
    rejected: Annotated[Path | None, typer.Option(help="CSV file for the rows that do not count.")] = None,
) -> None:
    """Take in a file of usage. Twice, nothing counts twice; interrupted, the same command goes on."""
    options = BackfillOptions(
        columns=dict(_pair(each) for each in columns or []),
        type=type,
        source=source,
        subject=subject,
        time_zone=time_zone,
        shift_to=_instant(shift_to) if shift_to else None,
        stretch=_factor(stretch),
    )
    work = _Work(open_file(file, format), options, tag, rejected)
    ask = not yes and sys.stdin.isatty() and sys.stdout.isatty()
    report = with_runtime(lambda runtime: work.perform(runtime, dry_run=dry_run, ask=ask))
    _print(report, "would be " if dry_run else "")
    if report.counts.rejected or report.counts.conflicts:
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Work:
    """One call of the command."""

    file: UsageFile
    options: BackfillOptions
    tag: str | None
    rejected: Path | None

    async def perform(self, runtime: Runtime, *, dry_run: bool, ask: bool) -> BackfillReport:
        if dry_run or ask:
            rehearsed = await self._rehearse(runtime)
            if dry_run or rehearsed.done_before is not None:
                return rehearsed
            if not typer.confirm("Backfill it?"):
                typer.echo("Nothing was stored.")
                raise typer.Exit(1)
        with progress(self.file.name) as show:
            return await backfill_file(
                runtime, self.file, self.options, actor=ACTOR, tag=self.tag, rejected=self.rejected, on_progress=show
            )

    async def _rehearse(self, runtime: Runtime) -> BackfillReport:
        with progress(f"{self.file.name}, rehearsal") as show:

            async def change(unit: Unit) -> Rehearsal:
                return await rehearse_backfill(
                    unit, self.file, self.options, actor=ACTOR, tag=self.tag, rejected=self.rejected, on_progress=show
                )

            return await rehearse_and_show(runtime, change)


async def rehearse_and_show(runtime: Runtime, change: Callable[[Unit], Awaitable[Rehearsal]]) -> BackfillReport:
    """Show what `change` would do to customers and invoices, and how long it takes; nothing is stored."""
    from autorisen.cli.show_difference import show_difference
    from autorisen.ops import rehearse

    difference = await rehearse(runtime, change)
    report = difference.rehearsal.report
    assert report is not None, "a rehearsal that ended has its report"
    if report.done_before is None:
        console = Console()
        show_difference(console, difference)
        rows = report.rows - report.resumed_at
        rate = f" ({rows / difference.seconds:,.0f} rows/s)" if difference.seconds else ""
        console.print(f"To do it takes about {difference.seconds:,.0f} s{rate}.", highlight=False)
    return report


def _print(report: BackfillReport, mood: str) -> None:
    counts = report.counts
    if report.done_before is not None:
        typer.echo(f"{report.tag}: done already, on {report.done_before:%Y-%m-%d %H:%M} UTC; nothing is left to do.")
    went_on = f", from row {report.resumed_at + 1:,} on" if report.resumed_at else ""
    restored = f"{counts.restored:,} restored, " if counts.restored else ""
    typer.echo(
        f"{report.tag}: {report.rows:,} rows{went_on}: {mood}{counts.accepted:,} accepted, {restored}"
        f"{counts.duplicates:,} duplicate, {counts.conflicts:,} in conflict, {counts.rejected:,} rejected."
    )
    for each in report.first_refusals:
        typer.echo(f"  row {each.row:,}: {each.reason}", err=True)
    untold = counts.rejected + counts.conflicts - len(report.first_refusals)
    if report.first_refusals and untold > 0:
        typer.echo(f"  and {untold:,} more; --rejected FILE writes all of them", err=True)


@app.command("revert")
def revert_command(
    tag: Annotated[str, typer.Argument(help="The tag that `autorisen events backfills` shows.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Neither show first what would change, nor ask.")] = False,
) -> None:
    """Take a backfill back as a whole. Interrupted, the same command goes on."""
    ask = not yes and sys.stdin.isatty() and sys.stdout.isatty()

    async def perform(runtime: Runtime) -> Backfill | None:
        if dry_run or ask:
            with progress(f"{tag}, rehearsal") as show:
                change = partial(rehearse_revert, tag=tag, actor=ACTOR, on_progress=show)
                show_difference(Console(), await rehearse(runtime, change))
            if dry_run:
                return None
            if not typer.confirm("Take it back?"):
                typer.echo("Nothing was changed.")
                raise typer.Exit(1)
        with progress(tag) as show:
            return await revert_backfill(runtime, tag, actor=ACTOR, on_progress=show)

    from autorisen.cli.show_difference import show_difference
    from autorisen.ops import rehearse

    reverted = with_runtime(perform)
    if reverted is not None:
        typer.echo(f"{tag}: {reverted.reverted_events:,} events were taken back.")


@app.command("backfills")
def backfills_command() -> None:
    """List the backfills, newest first."""

    async def read(runtime: Runtime) -> list[Backfill]:
        async with runtime.database.read() as tx:
            return await list_backfills(tx)

    found = with_runtime(read)
    if not found:
        typer.echo("No backfill yet. `autorisen events backfill FILE --dry-run` shows what a file would change.")
        return
    table = Table(
        "tag", "state", "rows", "accepted", "restored", "duplicate", "conflict", "rejected", "began", "by", "file"
    )
    for each in found:
        counts = each.counts
        numbers = (counts.accepted, counts.restored, counts.duplicates, counts.conflicts, counts.rejected)
        table.add_row(
            each.tag,
            _state(each),
            f"{each.next_row:,} of {each.rows:,}" if each.state is BackfillState.RUNNING else f"{each.next_row:,}",
            *(f"{number:,}" for number in numbers),
            f"{each.started_at:%Y-%m-%d %H:%M}",
            each.actor,
            f"{each.file_name} {each.file_digest.hex()[:8]}",
        )
    # Without a terminal nothing is cut off.
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _state(backfill: Backfill) -> str:
    if backfill.state is BackfillState.REVERTED:
        return f"reverted {backfill.reverted_at:%Y-%m-%d %H:%M} by {backfill.reverted_by}"
    if backfill.state is BackfillState.REVERTING:
        return f"reverting, {backfill.reverted_events:,} of {backfill.events:,}"
    return backfill.state.value


def _pair(text: str) -> tuple[str, str]:
    attribute, found, column = text.partition("=")
    if not found or not column:
        raise typer.BadParameter(f"{text!r} is not ATTRIBUTE=COLUMN", param_hint="--map")
    return attribute, column


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no time like 2026-03-01T00:00:00Z", param_hint="--shift-to") from None


def _factor(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} is not a number", param_hint="--stretch") from None
