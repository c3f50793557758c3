"""`autorisen events`: import a file of usage."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from autorisen.cli.session import with_runtime
from autorisen.kit.unit import Runtime
from autorisen.metering import ImportOptions, ImportReport, import_file

app = typer.Typer(help="Usage events.", no_args_is_help=True)


@app.callback()
def events() -> None:
    """Usage events."""


@app.command("import")
def import_command(  # noqa: PLR0917 -- Typer passes them by name
    file: Annotated[Path, typer.Argument(help="CSV or JSONL (.jsonl, .ndjson), also with .gz.")],
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", help="ATTRIBUTE=COLUMN of a CSV, like time=AT or data.input_tokens=Prompt."),
    ] = None,
    type: Annotated[str | None, typer.Option(help="Type of events that have none, like llm.completion.")] = None,
    source: Annotated[str, typer.Option(help="Source of events that have none.")] = "import",
    subject: Annotated[str | None, typer.Option(help="Customer key or cus_ id of events that have none.")] = None,
    time_zone: Annotated[str, typer.Option(help="Zone of times without an offset.")] = "UTC",
    shift_to: Annotated[
        str | None, typer.Option(help="Move the first event to this instant, and all others with it.")
    ] = None,
    stretch: Annotated[str, typer.Option(help="Multiply the distance of each event from the first one.")] = "1",
) -> None:
    """Import usage from a file. Imported twice, nothing counts twice; interrupted, the same command goes on."""
    options = ImportOptions(
        columns=dict(_pair(each) for each in columns or []),
        type=type,
        source=source,
        subject=subject,
        time_zone=time_zone,
        shift_to=_instant(shift_to) if shift_to else None,
        stretch=_factor(stretch),
    )
    report = with_runtime(lambda runtime: _import(runtime, file, options))
    _print(file, report)
    if report.rejected or report.conflicts:
        raise typer.Exit(1)


async def _import(runtime: Runtime, file: Path, options: ImportOptions) -> ImportReport:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[told]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as bar:
        task = bar.add_task(file.name, total=None, told="")

        def show(rows: int, total: int) -> None:
            total = max(rows, total)
            bar.update(task, completed=rows, total=total)
            rate = f"{speed:,.0f} rows/s" if (speed := bar.tasks[task].speed) else ""
            bar.update(task, told=f"{rows:,} of {total:,}  {rate}")

        return await import_file(runtime, file, options, on_progress=show)


def _print(file: Path, report: ImportReport) -> None:
    went_on = f", from row {report.resumed_at + 1:,} on" if report.resumed_at else ""
    typer.echo(
        f"{file.name}: {report.rows:,} rows{went_on}: {report.accepted:,} accepted, {report.duplicates:,} duplicate, "
        f"{report.conflicts:,} in conflict, {report.rejected:,} rejected."
    )
    for reason in report.first_reasons:
        typer.echo(f"  {reason}", err=True)


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
