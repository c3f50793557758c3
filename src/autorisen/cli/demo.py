"""`autorisen demo`: seed the demo."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from autorisen.cli.session import in_process, with_runtime
from autorisen.kit.clock import FrozenClock
from autorisen.kit.problems import NotAllowed
from autorisen.kit.unit import Runtime

app = typer.Typer(help="The demo: two customers with real LLM usage.", no_args_is_help=True)


@app.callback()
def demo() -> None:
    """The demo: two customers with real LLM usage."""


@app.command()
def seed(
    accounts: Annotated[bool, typer.Option(help="Customers, people, plans and the first payment.")] = True,
    usage: Annotated[bool, typer.Option(help="Import the example traces.")] = True,
) -> None:
    """Seed the demo; a second time changes nothing. In sandbox mode only."""

    async def run(runtime: Runtime) -> None:
        if not runtime.settings.is_sandbox:
            raise NotAllowed("the demo is for sandbox mode; it would invent customers")
        if accounts:
            await _seed_accounts(runtime)
        if usage:
            await _seed_usage(runtime)

    with_runtime(run)


async def _seed_accounts(runtime: Runtime) -> None:
    from autorisen.kit.work import Worker
    from autorisen.ops.seed_demo import AGE, seed_accounts
    from autorisen.worker import registry

    # Two weeks ago, in this process alone: the sandbox's own clock can't go back, and need not.
    then = replace(runtime, clock=FrozenClock(runtime.clock.now() - AGE))
    async with in_process(then) as (past, browser):
        await seed_accounts(past, Worker(past, registry()), browser, runtime.settings.home / "demo.json")


async def _seed_usage(runtime: Runtime) -> None:
    from autorisen.ops.seed_demo import seed_usage

    columns = (TextColumn("Importing usage of {task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn()) as bar:
        tasks: dict[str, TaskID] = {}

        def show(key: str, done: int, total: int) -> None:
            if key not in tasks:
                tasks[key] = bar.add_task(key, total=total)
            bar.update(tasks[key], completed=done)

        await seed_usage(runtime, runtime.settings.home / "demo.json", show)
