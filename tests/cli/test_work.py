"""`autorisen work`: what failed for good is shown with its reason, and runs again when asked."""

from __future__ import annotations

from autorisen.accounts import audit_log
from autorisen.cli.work import NoDeadJob
from autorisen.kit.ids import MalformedId
from autorisen.kit.unit import Runtime, Unit
from autorisen.kit.work import Job, Registry, Retry, Worker, enqueue
from tests.cli.conftest import Command


async def fail(unit: Unit, payload: dict[str, object]) -> None:
    raise ValueError(f"no luck with {payload['what']}")


async def make_dead_jobs(runtime: Runtime, *names: str) -> Worker:
    worker = Worker(runtime, Registry((Job("tests.fail", fail, retry=Retry(attempts=1)),), {}, ()))
    async with runtime.unit() as unit:
        for name in names:
            await enqueue(unit, "tests.fail", {"what": name})
    await worker.drain()
    return worker


async def test_a_dead_job_is_listed_retried_and_noted(command: Command, runtime: Runtime) -> None:
    assert (await command("work", "list")).output == "No job failed for good.\n"
    await make_dead_jobs(runtime, "this")
    listed = (await command("work", "list")).output
    assert "tests.fail" in listed
    assert "ValueError: no luck with this" in listed
    job = listed.split()[0]
    assert job.startswith("job_")
    retried = await command("work", "retry", job)
    assert (retried.exit_code, retried.output) == (0, f"{job} waits for a worker.\n")
    assert (await command("work", "list")).output == "No job failed for good.\n"
    async with runtime.database.read() as tx:
        (entry,) = await audit_log(tx, target=job)
    assert (entry.actor, entry.action) == ("command line", "job.retried")
    assert isinstance((await command("work", "retry", job)).exception, NoDeadJob)


async def test_a_longer_list_says_so(command: Command, runtime: Runtime) -> None:
    await make_dead_jobs(runtime, "one", "two", "three")
    shown = (await command("work", "list", "--limit", "1")).output
    assert shown.count("job_") == 1
    assert shown.endswith("2 more; see --limit.\n")


async def test_an_id_of_something_else_is_refused(command: Command) -> None:
    assert isinstance((await command("work", "retry", "inv_0")).exception, MalformedId)
