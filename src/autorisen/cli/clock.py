"""`autorisen clock`: show and advance the sandbox clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from autorisen.cli.session import in_process, with_runtime
from autorisen.kit.unit import Runtime

app = typer.Typer(help="The sandbox clock: months pass in seconds.", no_args_is_help=True)


@app.command()
def show() -> None:
    """Show the business time and how far it is ahead of the real time."""

    async def read(runtime: Runtime) -> tuple[datetime, timedelta]:
        now = runtime.clock.now()
        return now, now - runtime.wall.now()

    now, ahead = with_runtime(read)
    days = round(ahead / timedelta(days=1), 2)
    typer.echo(f"{now:%Y-%m-%d %H:%M:%S} UTC, {days:g} days ahead of the real time")


@app.command()
def advance(
    days: Annotated[float | None, typer.Option(min=0, help="How many days to move forward.")] = None,
    to: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Until when, in UTC.")
    ] = None,
) -> None:
    """Move the sandbox clock forward and run everything that falls due on the way, in order."""
    from autorisen.kit.work import Worker
    from autorisen.ops import Advance, advance_clock
    from autorisen.worker import registry

    if (days is None) == (to is None):
        raise typer.BadParameter("give either --days or --to")

    async def run(runtime: Runtime) -> Advance:
        now = runtime.clock.now()
        target = now + timedelta(days=days) if days is not None else to.replace(tzinfo=UTC) if to else now
        total = max((target - now).total_seconds(), 1)
        with _progress_bar() as bar:
            task = bar.add_task("", total=total, at=_date(now), work=0)

            def show_progress(reached: datetime, performed: int) -> None:
                done = (reached - now).total_seconds()
                bar.update(task, completed=min(done, total), at=_date(reached), work=performed)

            async with in_process(runtime) as (here, _):
                return await advance_clock(here, Worker(here, registry()), to=target, progress=show_progress)

    done = with_runtime(run)
    typer.echo(f"It is now {done.ended_at:%Y-%m-%d %H:%M} UTC: {done.stops} stops, {done.performed} jobs performed.")


def _progress_bar() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.fields[at]}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %  {task.fields[work]} jobs"),
        TimeElapsedColumn(),
    )


def _date(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
