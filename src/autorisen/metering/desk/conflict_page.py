"""Conflicts: each beside the event that counts, and a form to decide it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import parse_public_id
from autorisen.kit.problems import Problem
from autorisen.kit.unit import Runtime
from autorisen.metering.desk.desk import Desk, DeskDep, at_both, back, event_address, said, typed
from autorisen.metering.eventlog.model import laid_out
from autorisen.metering.repairs.model import ConflictingEvent, ConflictStatus
from autorisen.metering.repairs.read_repairs import conflicting_event, conflicts_of_event, list_conflicts
from autorisen.metering.repairs.settle_conflict import dismiss_conflict, take_conflict
from autorisen.ui import render

router = APIRouter()

Text = Annotated[str, Form()]
Choices = Sequence[tuple[str, str, bool]]


@dataclass(frozen=True)
class ConflictsPage:
    """Context of metering/conflicts.html."""

    desk: Desk
    events: tuple[ConflictingEvent, ...]
    statuses: Choices
    status: ConflictStatus
    id: str
    older: str | None


@dataclass(frozen=True)
class DecisionPage:
    """Context of metering/conflict.html. `counts` is the page of the event that counts."""

    desk: Desk
    conflict: ConflictingEvent
    kept: str
    sent: str
    counts: str
    reason: str
    refusal: str


@at_both(router, "/conflicts")
async def conflicts_page(
    request: Request, runtime: RuntimeDep, desk: DeskDep, status: str = "", id: str = "", after: str = ""
) -> Response:
    """Events whose source and id belong to another content."""
    wanted = ConflictStatus(status) if status in list(ConflictStatus) else ConflictStatus.OPEN
    id = typed(id)
    async with runtime.database.read() as tx:
        if id:
            events, following = await conflicts_of_event(tx, tenant=desk.customer_id, event_id=id), None
        else:
            page = await list_conflicts(tx, tenant=desk.customer_id, status=wanted, after=after)
            events, following = page.events, page.next
    base = f"{desk.base}/conflicts"
    older = f"{base}?{urlencode({'status': wanted, 'after': following})}" if following else None
    statuses = [(f"{base}?status={each}", each.capitalize(), each is wanted and not id) for each in ConflictStatus]
    return render(request, "metering/conflicts.html", ConflictsPage(desk, events, statuses, wanted, id, older))


@at_both(router, "/conflicts/{conflict_id}")
async def conflict_page(request: Request, runtime: RuntimeDep, desk: DeskDep, conflict_id: str) -> Response:
    """One conflict beside the event that counts."""
    return await _conflict(request, runtime, desk, parse_public_id("cnf", conflict_id))


@at_both(router, "/conflicts/{conflict_id}/dismiss", method="POST")
async def dismiss(
    request: Request, runtime: RuntimeDep, desk: DeskDep, conflict_id: str, reason: Text = ""
) -> Response:
    """Say for good that the event that counts is right."""
    id = parse_public_id("cnf", conflict_id)
    try:
        async with runtime.unit() as unit:
            await dismiss_conflict(unit, id=id, tenant=desk.customer_id, actor=desk.actor, reason=reason)
    except Problem as problem:
        return await _conflict(request, runtime, desk, id, problem, reason=reason)
    return back(f"{desk.base}/conflicts/{conflict_id}", "Dismissed: the first one goes on counting.")


@router.post("/console/events/conflicts/{conflict_id}/take")
async def take(request: Request, runtime: RuntimeDep, desk: DeskDep, conflict_id: str, reason: Text = "") -> Response:
    """Let what was sent later count instead. For operators."""
    id = parse_public_id("cnf", conflict_id)
    try:
        async with runtime.unit() as unit:
            await take_conflict(unit, id=id, actor=desk.actor, reason=reason)
    except Problem as problem:
        return await _conflict(request, runtime, desk, id, problem, reason=reason)
    return back(f"{desk.base}/conflicts/{conflict_id}", "Taken: what was sent later counts from now on.")


async def _conflict(
    request: Request, runtime: Runtime, desk: Desk, id: UUID, problem: Problem | None = None, *, reason: str = ""
) -> Response:
    async with runtime.database.read() as tx:
        conflict = await conflicting_event(tx, tenant=desk.customer_id, id=id)
    context = DecisionPage(
        desk=desk,
        conflict=conflict,
        kept=laid_out(conflict.kept.data_json),
        sent=laid_out(conflict.sent.data_json),
        counts=event_address(desk, conflict.tenant, conflict.source, conflict.event_id),
        reason=reason,
        refusal=said(problem),
    )
    return render(request, "metering/conflict.html", context, status=problem.status if problem else 200)
