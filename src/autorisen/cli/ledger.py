"""`autorisen ledger`: the books."""

from __future__ import annotations

import sys
from itertools import groupby
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from autorisen import billing, ledger
from autorisen.cli.find_customer import find_customer
from autorisen.cli.session import with_runtime
from autorisen.kit.money import Money
from autorisen.kit.unit import Runtime
from autorisen.ledger import CurrencyStatement, Days, TrialBalance

app = typer.Typer(help="The books.", no_args_is_help=True)


@app.callback()
def ledger_commands() -> None:
    """The books."""


@app.command("trial-balance")
def trial_balance() -> None:
    """Print every account with its debits and credits. Exits with 1 should they ever differ."""
    found = with_runtime(_read)
    table = Table("Account", "Currency")
    for heading in ("Debit", "Credit", "Balance"):
        table.add_column(heading, justify="right")
    for row in found.accounts:
        amounts = (_major(minor, row.currency) for minor in (row.debit_minor, row.credit_minor, row.balance.minor))
        table.add_row(row.account, row.currency, *amounts)
    for total in found.totals:
        debit, credit = (_major(minor, total.currency) for minor in (total.debit_minor, total.credit_minor))
        difference = _major(total.debit_minor - total.credit_minor, total.currency)
        table.add_row("[bold]total", total.currency, debit, credit, difference)
    Console().print(table)
    if not found.is_balanced:
        raise typer.Exit(1)


@app.command()
def statement(
    account: Annotated[str, typer.Argument(help="An account like clearing:sandbox, or a customer's key or cus_ id.")],
    *,
    first: Annotated[str, typer.Option("--from", help="First day, like 2026-03-01; a year back when left out.")] = "",
    last: Annotated[str, typer.Option("--to", help="Last day, included; today when left out.")] = "",
    as_csv: Annotated[bool, typer.Option("--csv", help="Print it as CSV.")] = False,
) -> None:
    """Print what happened on an account, or between us and a customer, with the running balance."""
    days, found = with_runtime(lambda runtime: _statement(runtime, account, first, last))
    if as_csv:
        sys.stdout.write(ledger.statement_table(days, found))
        return
    for each in found:
        table = Table("Date", "What", title=f"{each.currency}, {days.first} to {days.last}")
        for heading in ("Amount", "Balance"):
            table.add_column(heading, justify="right")
        table.add_row("", "Balance before", "", _major(each.opening.minor, each.currency))
        for line in each.lines:
            amounts = (_major(minor, each.currency) for minor in (line.amount.minor, line.balance.minor))
            table.add_row(f"{line.occurred_at:%Y-%m-%d}", line.description, *amounts)
        Console().print(table)
    if not found:
        typer.echo("Nothing happened yet.")


@app.command("deferred-revenue")
def deferred_revenue(as_csv: Annotated[bool, typer.Option("--csv", help="Print it as CSV.")] = False) -> None:
    """Print the recognition report: what each month began with, added, recognised and left of invoiced fees."""
    report = with_runtime(_deferred)
    if as_csv:
        sys.stdout.write(billing.deferred_table(report))
        return
    for currency, months in groupby(report.months, lambda month: month.opening.currency):
        table = Table("Month", title=f"{currency}, to the end of {report.last_day}")
        for heading in ("Opening", "Added", "Recognised", "Closing"):
            table.add_column(heading, justify="right")
        for each in months:
            amounts = (each.opening, each.added, each.recognised, each.closing)
            table.add_row(f"{each.first:%Y-%m}", *(_major(amount.minor, currency) for amount in amounts))
        Console().print(table)
    if not report.months:
        typer.echo("Nothing is deferred yet.")


async def _deferred(runtime: Runtime) -> billing.DeferredReport:
    async with runtime.database.read(snapshot=True) as tx:
        return await billing.read_deferred(tx)


async def _statement(
    runtime: Runtime, account: str, first: str, last: str
) -> tuple[Days, tuple[CurrencyStatement, ...]]:
    now = runtime.clock.now()
    async with runtime.database.read(snapshot=True) as tx:
        if ":" in account:
            days = ledger.days_of(first, last, now=now, time_zone="UTC")
            return days, await ledger.account_statement(tx, account, days)
        customer = await find_customer(tx, account)
        days = ledger.days_of(first, last, now=now, time_zone=customer.time_zone)
        return days, await ledger.customer_statement(tx, customer.id, days)


async def _read(runtime: Runtime) -> TrialBalance:
    async with runtime.database.read() as tx:
        return await ledger.trial_balance(tx)


def _major(minor: int, currency: str) -> str:
    return f"{Money(minor, currency).major:,.2f}"
