"""`autorisen reconcile`: compare every number from the producer's count to the invoice line."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from autorisen import metering
from autorisen.cli.find_customer import ACTOR
from autorisen.cli.progress import progress
from autorisen.cli.session import with_runtime
from autorisen.kit.unit import Runtime
from autorisen.metering import Reconciliation, Scope

app = typer.Typer(help="Compare control totals, receipts, events, rollups, ratings and invoice lines.")

_SHOWN = 20


@app.callback(invoke_without_command=True)
def reconcile_command(
    *,
    full: Annotated[bool, typer.Option("--full", help="Look at everything, not only at what is recent.")] = False,
    since: Annotated[str | None, typer.Option(help="Look at hours from here on, like 2026-03-01.")] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Count rollups that differ again from the events.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as it is kept.")] = False,
) -> None:
    """Compare, keep the report and print it. Exits with 1 when something differs that was not repaired."""
    if full and since:
        raise typer.BadParameter("--full looks at everything; leave one of them out", param_hint="--since")
    start = _instant(since) if since else None
    report = with_runtime(lambda runtime: _reconcile(runtime, start, full=full, repair=repair))
    if as_json:
        sys.stdout.write(report.document + "\n")
    else:
        _print(report)
    if report.outstanding:
        raise typer.Exit(1)


async def _reconcile(runtime: Runtime, start: datetime | None, *, full: bool, repair: bool) -> Reconciliation:
    from autorisen import ops

    scope = Scope(start, runtime.clock.now()) if full or start else await ops.recent_scope(runtime)
    with progress("reconcile", "steps") as show:
        return await ops.reconcile(runtime, scope=scope, actor=ACTOR, repair=repair, progress=show)


def _print(report: Reconciliation) -> None:
    console = Console(width=None if sys.stdout.isatty() else 200)
    document = metering.reconciliation_document(report)
    table = Table("check")
    for heading in ("compared", "differ", "repaired", "billed later"):
        table.add_column(heading, justify="right")
    for check in document["checks"]:
        numbers = (check["compared"], check["differences"], check["repaired"], check["explained"])
        table.add_row(check["check"].replace("_", " "), *(f"{number:,}" for number in numbers))
    console.print(table)
    listed = [each for check in document["checks"] for each in check["listed"]]
    for each in listed[:_SHOWN]:
        place = ", ".join(f"{name} {value}" for name, value in each["place"].items())
        console.print(f"{each['kind']}: {place}", highlight=False, soft_wrap=True, markup=False)
        repaired = " (repaired)" if each["is_repaired"] else ""
        console.print(f"  expected {each['expected']}, found {each['found']}{repaired}", highlight=False, markup=False)
        if each["events"]:
            named = ", ".join(each["events"][:3])
            console.print(f"  events: {named}{', ...' if each['events_total'] > 3 else ''}", markup=False)
    if report.differences > len(listed[:_SHOWN]):
        console.print(f"and {report.differences - len(listed[:_SHOWN]):,} more; --json has them", highlight=False)
    span = "everything" if report.scope.since is None else f"hours since {report.scope.since:%Y-%m-%d %H:%M} UTC"
    said = f"{report.differences:,} differences" if report.differences else "Nothing differs"
    console.print(f"{said}; looked at {span}. Kept as {report.public_id}.", highlight=False)


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no time like 2026-03-01T00:00:00Z", param_hint="--since") from None
    return at.replace(minute=0, second=0, microsecond=0)
