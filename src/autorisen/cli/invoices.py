"""`autorisen invoices`: what accountants take over."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from autorisen import billing
from autorisen.cli.find_customer import find_customer
from autorisen.cli.session import with_runtime
from autorisen.kit.unit import Runtime

app = typer.Typer(help="Invoices for accountants.", no_args_is_help=True)


@app.callback()
def invoice_commands() -> None:
    """Invoices for accountants."""


@app.command()
def export(
    *,
    first: Annotated[str, typer.Option("--from", help="First day, like 2026-03-01; a year back when left out.")] = "",
    last: Annotated[str, typer.Option("--to", help="Last day, included; today when left out.")] = "",
    customer: Annotated[str, typer.Option(help="Only of this customer: key or cus_ id.")] = "",
    lines: Annotated[bool, typer.Option("--lines", help="One row a line instead of one a document.")] = False,
) -> None:
    """Print invoices, voids and credit notes as CSV, by South African days; `> file.csv` keeps it."""
    with_runtime(lambda runtime: _export(runtime, first, last, customer, lines=lines))


async def _export(runtime: Runtime, first: str, last: str, customer: str, *, lines: bool) -> None:
    days = billing.export_days(runtime, first, last)
    who = None
    if customer:
        async with runtime.database.read() as tx:
            who = (await find_customer(tx, customer)).id
    async for row in billing.export_invoices(runtime.database, days, customer_id=who, lines=lines):
        sys.stdout.write(row)
