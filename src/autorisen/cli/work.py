"""`autorisen work`: jobs that failed for good, and another try for them."""

from __future__ import annotations

from typing import Annotated

import typer

from autorisen import accounts
from autorisen.cli.find_customer import ACTOR
from autorisen.cli.session import with_runtime
from autorisen.kit.ids import parse_public_id, public_id
from autorisen.kit.problems import NotFound
from autorisen.kit.unit import Runtime
from autorisen.kit.work import JobRow
from autorisen.kit.work.store import list_jobs, queue_state, replay

app = typer.Typer(help="Background work that failed for good.", no_args_is_help=True)


class NoDeadJob(NotFound):
    """It may have been retried already, or another job with its key waits."""

    title = "There is no such failed job to retry"


@app.callback()
def work() -> None:
    """Background work that failed for good."""


@app.command("list")
def list_command(
    limit: Annotated[int, typer.Option(min=1, help="How many at most, those due first first.")] = 100,
) -> None:
    """List the jobs that failed for good, with the reason of each."""
    jobs, dead = with_runtime(lambda runtime: _list(runtime, limit))
    for job in jobs:
        typer.echo(f"{public_id('job', job.id)}  {job.kind}  due {job.due_at:%Y-%m-%d %H:%M}  {job.attempts} attempts")
        typer.echo(f"  {job.last_error}")
    if not dead:
        typer.echo("No job failed for good.")
    elif dead > len(jobs):
        typer.echo(f"{dead - len(jobs):,} more; see --limit.")


@app.command()
def retry(job: Annotated[str, typer.Argument(help="The job_ id that `autorisen work list` shows.")]) -> None:
    """Let a failed job run again, at once, with all its attempts."""
    with_runtime(lambda runtime: _retry(runtime, job))
    typer.echo(f"{job} waits for a worker.")


async def _list(runtime: Runtime, limit: int) -> tuple[list[JobRow], int]:
    async with runtime.database.read() as tx:
        state = await queue_state(tx, runtime.clock.now())
        return await list_jobs(tx, state="dead", limit=limit), state.dead


async def _retry(runtime: Runtime, job: str) -> None:
    async with runtime.unit() as unit:
        if not await replay(unit.tx, parse_public_id("job", job), unit.now):
            raise NoDeadJob("`autorisen work list` shows those that there are")
        await accounts.record_audit(unit, actor=ACTOR, action="job.retried", target=job)
