"""The work queue: due, running, failed, and the schedule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from autorisen import accounts
from autorisen.console.access import Operator
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import parse_public_id, public_id
from autorisen.kit.problems import NotFound
from autorisen.kit.work import JobRow, QueueState
from autorisen.kit.work.store import FactRow, last_runs, list_jobs, queue_state, recent_facts, replay
from autorisen.ui import flash, render

router = APIRouter(prefix="/work")

_SHOWN = 50


class NoDeadJob(NotFound):
    """It may have been retried already."""

    title = "There is no such failed job"


@dataclass(frozen=True)
class WorkPage:
    """Context of console/work.html."""

    queue: QueueState
    dead: Sequence[JobRow]
    waiting: Sequence[JobRow]
    schedule: Mapping[str, datetime]
    facts: Sequence[FactRow]
    states: Mapping[UUID, str]
    job_ids: Mapping[UUID, str]


def state_of(job: JobRow, now: datetime, wall_now: datetime) -> str:
    """Where a waiting job stands, in one word. Leases are real time, due times are business time."""
    if job.lease_until is not None and job.lease_until > wall_now:
        return "running"
    if job.due_at > now:
        return "retrying" if job.attempts else "later"
    return "due"


@router.get("")
async def work_page(request: Request, runtime: RuntimeDep, _operator: Operator) -> Response:
    now, wall_now = runtime.clock.now(), runtime.wall.now()
    async with runtime.database.read() as tx:
        dead = await list_jobs(tx, state="dead", limit=_SHOWN)
        waiting = await list_jobs(tx, state="waiting", limit=_SHOWN)
        page = WorkPage(
            queue=await queue_state(tx, now),
            dead=dead,
            waiting=waiting,
            schedule=await last_runs(tx),
            facts=await recent_facts(tx, limit=20),
            states={job.id: state_of(job, now, wall_now) for job in waiting},
            job_ids={job.id: public_id("job", job.id) for job in dead},
        )
    return render(request, "console/work.html", page)


@router.post("/{job_id}/retry")
async def retry(runtime: RuntimeDep, person: Operator, job_id: str) -> Response:
    async with runtime.unit() as unit:
        if not await replay(unit.tx, parse_public_id("job", job_id), unit.now):
            raise NoDeadJob("load the page again to see the present state")
        await accounts.record_audit(unit, actor=person.actor, action="job.retried", target=job_id)
    response = RedirectResponse("/console/work", 303)
    flash(response, "The job runs again.")
    return response
