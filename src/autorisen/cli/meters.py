"""`autorisen meters`: what is counted, and how far the counting of new meters is."""

from __future__ import annotations

import typer

from autorisen import metering
from autorisen.cli.session import with_runtime
from autorisen.kit.unit import Runtime

app = typer.Typer(help="What is counted. Meters are defined in the catalog file.", no_args_is_help=True)


@app.callback()
def meters() -> None:
    """What is counted. Meters are defined in the catalog file."""


@app.command("list")
def list_command() -> None:
    """List the meters, and those that are being counted from all stored events."""
    found, building = with_runtime(_list)
    for meter in found:
        typer.echo(f"{meter.key}  {meter.aggregation} of {meter.event_type}, in {meter.unit}")
    for rebuild in building:
        key, total = rebuild.meter.definition.key, max(rebuild.events_total, rebuild.events_done, 1)
        share = 100 * rebuild.events_done // total
        typer.echo(f"{key}  is being counted: {rebuild.events_done:,} of about {total:,} events, {share} %")
    if not found and not building:
        typer.echo("There are no meters: see `autorisen catalog apply`.")


async def _list(runtime: Runtime) -> tuple[list[metering.MeterDefinition], list[metering.Rebuild]]:
    async with runtime.database.read() as tx:
        return await metering.meters(tx), await metering.rebuilds(tx)
