"""`autorisen catalog what-if`: who would have paid more or less in past months under a changed catalog file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from autorisen import billing, catalog
from autorisen.billing import Tally
from autorisen.cli.catalog_text import catalog_text
from autorisen.cli.find_customer import find_customer
from autorisen.cli.progress import Show, progress
from autorisen.cli.session import with_runtime
from autorisen.kit.unit import Runtime

CUSTOMERS_AT_ONCE = 500
_BAR = 40


def what_if(
    file: Annotated[Path, typer.Argument(help="A catalog file.", exists=True, dir_okay=False)],
    months: Annotated[
        int, typer.Option(min=1, max=billing.MONTHS_MAX, help="Periods that ended in so many months.")
    ] = 3,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="The end of those months, in UTC; now without."),
    ] = None,
    customer: Annotated[list[str] | None, typer.Option(help="Only these customers, by key or cus_ id.")] = None,
) -> None:
    """Show who would have paid more or less in past months under this file. Nothing is applied or written."""
    plans = catalog.load_catalog(catalog_text(file))
    with progress("Rated again", "customers") as show:
        end = None if until is None else until.replace(tzinfo=UTC)
        found = with_runtime(lambda runtime: _ask(runtime, plans, months, end, customer, show))
    if not found:
        typer.echo("No period ended in this time; take more months, or others with --until.")
    for each in found:
        _print(each)


async def _ask(
    runtime: Runtime,
    file: catalog.CatalogFile,
    months: int,
    until: datetime | None,
    names: list[str] | None,
    show: Show,
) -> tuple[Tally, ...]:
    now = runtime.clock.now()
    plans = billing.plans_of_file(file, now)
    since, end = billing.stretch_of(now, months, until)
    found: tuple[Tally, ...] = ()
    done, total, after = 0, 0, None
    async with runtime.database.read() as tx:
        only: list[UUID] | None = None if not names else [(await find_customer(tx, name)).id for name in names]
    while True:
        async with runtime.database.read() as tx:
            batch = await billing.what_if(
                tx,
                plans,
                since=since,
                until=end,
                only=only,
                after=after,
                limit=CUSTOMERS_AT_ONCE,
            )
        found = billing.tally(found, batch.outcomes)
        done, total, after = done + batch.customers, batch.total or total, batch.next
        show(done, max(done, total))
        if after is None:
            return found


def _print(found: Tally) -> None:
    typer.echo(
        f"{found.currency}: {found.before} as it was, {found.after} as it would be, difference {found.difference}."
    )
    typer.echo(f"{found.more:,} customers would pay more, {found.less:,} less, {found.same:,} the same.")
    if found.unsold:
        typer.echo(f"The file does not sell the plan of {found.unsold:,} of them; those periods are in neither sum.")
    widest = max(found.buckets)
    for name, count in zip(billing.BUCKETS, found.buckets, strict=True):
        typer.echo(f"  {name:>27} {count:>7,} {'#' * (count * _BAR // widest)}")
    if found.biggest:
        table = Table("Customer")
        for heading in ("As it was", "As it would be", "Difference"):
            table.add_column(heading, justify="right")
        for row in found.biggest:
            table.add_row(row.key, str(row.before), str(row.after), str(row.difference))
        Console(width=120).print(table)
