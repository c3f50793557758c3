"""`autorisen audit`: recompute everything from the facts, and name what they do not explain."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from autorisen import billing
from autorisen.billing import AuditReport
from autorisen.cli.find_customer import ACTOR
from autorisen.cli.progress import progress
from autorisen.cli.session import with_runtime
from autorisen.kit.unit import Runtime

app = typer.Typer(help="Recompute events, ratings, invoices, VAT, payments, ledger and balances from the facts.")

_SHOWN = 50


@app.callback(invoke_without_command=True)
def audit_command(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print the report as it is kept.")] = False
) -> None:
    """Recompute, keep the report and print it. Exits with 1 when there is anything that nothing explains."""
    report = with_runtime(_audit)
    if as_json:
        sys.stdout.write(report.document + "\n")
    else:
        _print(report)
    if report.findings:
        raise typer.Exit(1)


async def _audit(runtime: Runtime) -> AuditReport:
    with progress("audit") as show:
        return await billing.audit(runtime, actor=ACTOR, progress=show)


def _print(report: AuditReport) -> None:
    console = Console(width=None if sys.stdout.isatty() else 200)
    document = billing.audit_document(report)
    table = Table("check", "says")
    for heading in ("compared", "findings", "cents"):
        table.add_column(heading, justify="right")
    for check in document["checks"]:
        numbers = (check["compared"], check["findings"], check["cents"])
        table.add_row(check["check"], check["says"], *(f"{number:,}" for number in numbers))
    console.print(table)
    listed = [each for check in document["checks"] for each in check["listed"]]
    for each in listed[:_SHOWN]:
        console.print(f"{each['kind']}: {each['row']}", highlight=False, soft_wrap=True, markup=False)
        console.print(f"  expected {each['expected']}", highlight=False, soft_wrap=True, markup=False)
        console.print(f"  found    {each['found']}", highlight=False, soft_wrap=True, markup=False)
    if report.findings > min(len(listed), _SHOWN):
        console.print(f"... and {report.findings - _SHOWN:,} more; --json lists up to 1,000 a check.")
    said = f"{report.findings:,} findings" if report.findings else "Everything is explained"
    console.print(f"{said}; {report.cents:,} cents unexplained. Kept as {report.public_id}.", highlight=False)
