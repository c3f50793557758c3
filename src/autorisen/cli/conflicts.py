"""`autorisen conflicts`: events whose identity was taken by another content, and what is decided of them."""

from __future__ import annotations

from typing import Annotated

import typer

from autorisen import metering
from autorisen.cli.find_customer import ACTOR
from autorisen.cli.session import with_runtime
from autorisen.kit.ids import parse_public_id
from autorisen.kit.unit import Runtime

app = typer.Typer(help="Events whose source and id belong to another content.", no_args_is_help=True)


@app.callback()
def conflicts() -> None:
    """Events whose source and id belong to another content."""


@app.command("list")
def list_command(
    status: Annotated[metering.ConflictStatus, typer.Option(help="What was decided.")] = metering.ConflictStatus.OPEN,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most, the newest first.")] = 50,
) -> None:
    """List conflicts, with what differs: what counts, and what was sent later."""
    page = with_runtime(lambda runtime: _list(runtime, status, limit))
    for each in page.events:
        typer.echo(f"{each.public_id}  {each.received_at:%Y-%m-%d %H:%M}  {each.source}  {each.event_id}")
        for difference in each.differences:
            typer.echo(f"  {difference.place}: {difference.kept or 'none'} -> {difference.sent or 'none'}")
    if not page.events:
        typer.echo(f"No conflict is {status}.")
    elif page.next:
        typer.echo("There are more; see --limit.")


@app.command()
def dismiss(
    conflict: Annotated[str, typer.Argument(help="The cnf_ id that `autorisen conflicts list` shows.")],
    reason: Annotated[str, typer.Option(help="Why, in a line; it is kept for ever.")],
) -> None:
    """Say for good that the event that counts is right."""
    with_runtime(lambda runtime: _dismiss(runtime, conflict, reason))
    typer.echo(f"{conflict} is dismissed.")


@app.command()
def take(
    conflict: Annotated[str, typer.Argument(help="The cnf_ id that `autorisen conflicts list` shows.")],
    reason: Annotated[str, typer.Option(help="Why, in a line; it is kept for ever.")],
) -> None:
    """Let what was sent later count instead: a correction of the event."""
    with_runtime(lambda runtime: _take(runtime, conflict, reason))
    typer.echo(f"{conflict} is taken: what was sent later counts.")


async def _list(runtime: Runtime, status: metering.ConflictStatus, limit: int) -> metering.ConflictPage:
    async with runtime.database.read() as tx:
        return await metering.list_conflicts(tx, tenant=None, status=status, limit=limit)


async def _dismiss(runtime: Runtime, conflict: str, reason: str) -> None:
    async with runtime.unit() as unit:
        await metering.dismiss_conflict(
            unit, id=parse_public_id("cnf", conflict), tenant=None, actor=ACTOR, reason=reason
        )


async def _take(runtime: Runtime, conflict: str, reason: str) -> None:
    async with runtime.unit() as unit:
        await metering.take_conflict(unit, id=parse_public_id("cnf", conflict), actor=ACTOR, reason=reason)
