"""`autorisen rejected`: events that were refused, and what becomes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from autorisen import metering
from autorisen.cli.find_customer import ACTOR
from autorisen.cli.session import with_runtime
from autorisen.kit.ids import parse_public_id
from autorisen.kit.unit import Runtime

app = typer.Typer(help="Events that were refused: list them, mend them, let them in.", no_args_is_help=True)

Reason = Annotated[str, typer.Option(help="Why, in a line; it is kept for ever.")]
Named = Annotated[str, typer.Argument(help="The rej_ id that `autorisen rejected list` shows.")]


@app.callback()
def rejected() -> None:
    """Events that were refused."""


@app.command("list")
def list_command(
    status: Annotated[metering.RejectionStatus, typer.Option(help="What became of them.")] = (
        metering.RejectionStatus.OPEN
    ),
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most, the newest first.")] = 50,
) -> None:
    """List refused events, with the rule that each breaks."""
    page = with_runtime(lambda runtime: _list(runtime, status, limit))
    for each in page.events:
        typer.echo(f"{each.public_id}  {each.last_received_at:%Y-%m-%d %H:%M}  {each.times} x  {each.event_id or '-'}")
        typer.echo(f"  {each.field} {each.rule}")
        if each.resolution:
            typer.echo(f"  {each.status} by {each.resolution.actor}: {each.resolution.reason}")
    if not page.events:
        typer.echo(f"No rejected event is {status}.")
    elif page.next:
        typer.echo("There are more; see --limit.")


@app.command()
def replay(
    rejection: Named,
    reason: Reason,
    patch: Annotated[str, typer.Option(help="Changes as JSON (RFC 7396), like '{\"time\": null}'.")] = "",
    event: Annotated[Path | None, typer.Option(help="A file with the whole event, corrected.")] = None,
) -> None:
    """Let one refused event in: as it was kept, or corrected."""
    body = event.read_bytes() if event else b""
    ended = with_runtime(lambda runtime: _replay(runtime, rejection, reason, patch.encode(), body))
    assert ended.resolution is not None, "a replayed event has its resolution"
    typer.echo(f"{rejection} became the event {ended.resolution.event_id} of {ended.resolution.source}.")


@app.command("replay-rule")
def replay_rule(
    field: Annotated[str, typer.Argument(help="The field of the rule, like /data/pages.")],
    rule: Annotated[str, typer.Argument(help="The rule, as `list` shows it after the field.")],
    reason: Reason,
) -> None:
    """Let in all events that were refused by one rule, after its cause was mended."""
    replayed, refused = with_runtime(lambda runtime: _replay_rule(runtime, field, rule, reason))
    typer.echo(f"{replayed:,} replayed, {refused:,} still refused.")
    if refused:
        raise typer.Exit(1)


@app.command()
def discard(rejection: Named, reason: Reason) -> None:
    """Say for good that a refused event stays out."""
    with_runtime(lambda runtime: _discard(runtime, rejection, reason))
    typer.echo(f"{rejection} is discarded.")


async def _list(runtime: Runtime, status: metering.RejectionStatus, limit: int) -> metering.RejectedPage:
    async with runtime.database.read() as tx:
        return await metering.list_rejected(tx, tenant=None, status=status, limit=limit)


async def _replay(runtime: Runtime, rejection: str, reason: str, patch: bytes, event: bytes) -> metering.RejectedEvent:
    async with runtime.unit() as unit:
        return await metering.replay_event(
            unit,
            id=parse_public_id("rej", rejection),
            tenant=None,
            actor=ACTOR,
            reason=reason,
            patch=metering.exact_json(patch) if patch else None,
            event=metering.exact_json(event) if event else None,
        )


async def _replay_rule(runtime: Runtime, field: str, rule: str, reason: str) -> tuple[int, int]:
    replayed = refused = 0
    place: UUID | None = None
    while True:
        done = await metering.replay_rule(
            runtime, tenant=None, field=field, rule=rule, actor=ACTOR, reason=reason, after=place
        )
        replayed, refused, place = replayed + done.replayed, refused + done.refused, done.next
        if place is None:
            return replayed, refused


async def _discard(runtime: Runtime, rejection: str, reason: str) -> None:
    async with runtime.unit() as unit:
        await metering.discard_event(
            unit, id=parse_public_id("rej", rejection), tenant=None, actor=ACTOR, reason=reason
        )
