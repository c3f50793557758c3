"""`autorisen ledger`: the books."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table

from autorisen import ledger
from autorisen.cli.session import with_runtime
from autorisen.kit.money import Money
from autorisen.kit.unit import Runtime
from autorisen.ledger import TrialBalance

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


async def _read(runtime: Runtime) -> TrialBalance:
    async with runtime.database.read() as tx:
        return await ledger.trial_balance(tx)


def _major(minor: int, currency: str) -> str:
    return f"{Money(minor, currency).major:,.2f}"
