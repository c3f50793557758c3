"""`autorisen close`: close what is due now, see how far it is, and have what failed tried again."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from autorisen import billing
from autorisen.billing import ClosingProgress
from autorisen.cli.find_customer import ACTOR
from autorisen.cli.progress import progress
from autorisen.cli.session import with_runtime
from autorisen.kit.clock import monotonic
from autorisen.kit.ids import parse_public_id
from autorisen.kit.unit import Runtime

COUNT_SECONDS = 1.0

app = typer.Typer(help="Close the periods that are over, and see how far it is.", no_args_is_help=True)


@app.callback()
def close_commands() -> None:
    """Close the periods that are over, and see how far it is."""


@app.command()
def run() -> None:
    """Close what is due, beside the worker or without one. Stopped at any time, it goes on where it was.

    Exits with 1 while any period waits because it could not be closed.
    """
    closed, failed = with_runtime(_run)
    typer.echo(f"{closed:,} periods closed." if closed else "No period was closed.")
    if failed:
        typer.echo(f"{failed:,} can't be closed so far; `autorisen close status` says why.", err=True)
        raise typer.Exit(1)


@app.command()
def status(*, as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False) -> None:
    """Print what is due, what was closed and invoiced this month, and what could not be closed and why."""
    found = with_runtime(_status)
    if as_json:
        sys.stdout.write(billing.progress_view(found).model_dump_json(indent=2) + "\n")
    else:
        _print(found)


@app.command()
def retry(
    period: Annotated[str | None, typer.Argument(help="The per_ id that `autorisen close status` shows.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All that failed.")] = False,
) -> None:
    """Have a period that could not be closed tried again now: by the worker, or by `autorisen close run`."""
    if (period is None) != everything:
        raise typer.BadParameter("name one period, or give --all")
    retried = with_runtime(lambda runtime: _retry(runtime, period))
    typer.echo(f"{retried:,} due again." if retried else "No closing has failed.")


async def _run(runtime: Runtime) -> tuple[int, int]:
    """How many periods this command closed, and how many are not closed although they were tried."""
    closed = tried = 0
    total, counted_at = 0, float("-inf")
    with progress("close", "periods") as show:
        while True:
            # Counted again and again: others close too, and whoever is months behind has several periods.
            if monotonic() - counted_at > COUNT_SECONDS:
                async with runtime.database.read() as tx:
                    due = await billing.count_due(tx, runtime.settings, runtime.clock.now())
                counted_at, total = monotonic(), tried + due
            show(tried, max(total, tried))
            done = await billing.close_due(runtime)
            if not done.tried:
                break
            closed, tried = closed + done.closed, tried + done.tried
        show(tried, tried)
    return closed, (await _status(runtime)).failed


async def _status(runtime: Runtime) -> ClosingProgress:
    async with runtime.database.read() as tx:
        return await billing.read_progress(tx, runtime.settings, runtime.clock.now())


async def _retry(runtime: Runtime, period: str | None) -> int:
    period_id = None if period is None else parse_public_id("per", period)
    async with runtime.unit() as unit:
        return await billing.retry_closings(unit, period_id, actor=ACTOR)


def _print(found: ClosingProgress) -> None:
    console = Console(width=None if sys.stdout.isatty() else 200)
    table = Table("currency")
    for heading in ("closed", "invoices", "invoiced"):
        table.add_column(heading, justify="right")
    for row in found.sums:
        table.add_row(row.currency, f"{row.closed:,}", f"{row.invoices:,}", str(row.total))
    if found.sums:
        console.print(table)
    said = [f"{found.closed:,} closed since {found.first_day}", f"{found.due:,} due", f"{found.failed:,} failed"]
    if found.next_at and not found.due:
        said.append(f"the next is due at {found.next_at:%Y-%m-%d %H:%M} UTC")
    console.print(", ".join(said) + ".", highlight=False)
    for each in found.failures:
        failure = each.failure
        place = f"{each.period.public_id} of {each.customer.key}, {failure.attempts} attempts"
        told = f"{place}, tried again at {failure.retry_at:%Y-%m-%d %H:%M} UTC"
        console.print(told, highlight=False, soft_wrap=True, markup=False)
        console.print(f"  {failure.reason}", highlight=False, soft_wrap=True, markup=False)
    if found.failed > len(found.failures):
        console.print(f"{found.failed - len(found.failures):,} more failed.", highlight=False)
    if found.is_late:
        console.print("Nothing closes them: is a worker running? `autorisen close run` closes them now.")
