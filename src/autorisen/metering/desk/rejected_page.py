"""Rejected events: which rules they break, and a form to mend each."""

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
from autorisen.metering.decode import exact_json
from autorisen.metering.desk.desk import Desk, DeskDep, at_both, back, event_address, said, typed
from autorisen.metering.eventlog.model import laid_out
from autorisen.metering.repairs.model import (
    BrokenRule,
    RejectedEvent,
    RejectionStatus,
)
from autorisen.metering.repairs.read_repairs import (
    broken_rules,
    list_rejected,
    rejected_event,
    rejections_of_event,
)
from autorisen.metering.repairs.repair_event import discard_event, replay_event
from autorisen.metering.repairs.replay_rule import replay_rule
from autorisen.ui import render

router = APIRouter()

Text = Annotated[str, Form()]
Choices = Sequence[tuple[str, str, bool]]

_RULES_SHOWN = 8


@dataclass(frozen=True)
class RejectedEventsPage:
    """Context of metering/rejected.html. `id` is the event id that is looked for."""

    desk: Desk
    events: tuple[RejectedEvent, ...]
    rules: tuple[BrokenRule, ...]
    statuses: Choices
    status: RejectionStatus
    id: str
    older: str | None


@dataclass(frozen=True)
class RejectionPage:
    """Context of metering/rejection.html. `body` and `reason` are what the form holds; `became` is its event's page."""

    desk: Desk
    rejected: RejectedEvent
    body: str
    reason: str
    refusal: str
    became: str | None


@at_both(router, "/rejected")
async def rejected_page(
    request: Request, runtime: RuntimeDep, desk: DeskDep, status: str = "", id: str = "", after: str = ""
) -> Response:
    """Events that were refused, and the rules that they break most."""
    wanted = RejectionStatus(status) if status in list(RejectionStatus) else RejectionStatus.OPEN
    id = typed(id)
    tenant = desk.customer_id
    async with runtime.database.read() as tx:
        if id:
            events, following = await rejections_of_event(tx, tenant=tenant, event_id=id), None
        else:
            page = await list_rejected(tx, tenant=tenant, status=wanted, after=after)
            events, following = page.events, page.next
        rules = () if id else await broken_rules(tx, tenant=tenant, limit=_RULES_SHOWN)
    base = f"{desk.base}/rejected"
    older = f"{base}?{urlencode({'status': wanted, 'after': following})}" if following else None
    statuses = [(f"{base}?status={each}", each.capitalize(), each is wanted and not id) for each in RejectionStatus]
    context = RejectedEventsPage(desk, events, rules, statuses, wanted, id, older)
    return render(request, "metering/rejected.html", context)


@at_both(router, "/rejected/replay", method="POST")
async def replay_all(
    runtime: RuntimeDep, desk: DeskDep, field: Text = "", rule: Text = "", reason: Text = ""
) -> Response:
    """Let in all that one rule refused."""
    done = await replay_rule(runtime, tenant=desk.customer_id, field=field, rule=rule, actor=desk.actor, reason=reason)
    text = f"{done.replayed:,} replayed, {done.refused:,} still refused." + (
        " There are more: replay the rule again." if done.next else ""
    )
    return back(f"{desk.base}/rejected", text, tone="warning" if done.refused else "success")


@at_both(router, "/rejected/{rejection_id}")
async def rejection_page(request: Request, runtime: RuntimeDep, desk: DeskDep, rejection_id: str) -> Response:
    """One refused event: what was sent, which rule it breaks, and a form to mend it."""
    return await _rejection(request, runtime, desk, parse_public_id("rej", rejection_id))


@at_both(router, "/rejected/{rejection_id}/replay", method="POST")
async def replay(
    request: Request, runtime: RuntimeDep, desk: DeskDep, rejection_id: str, body: Text = "", reason: Text = ""
) -> Response:
    """Send the corrected event through ingest."""
    id = parse_public_id("rej", rejection_id)
    try:
        async with runtime.unit() as unit:
            rejected = await rejected_event(unit.tx, tenant=desk.customer_id, id=id)
            # A browser sends line ends of its own; only another content is a correction.
            unchanged = "".join(body.split()) == "".join(laid_out(rejected.body).split())
            await replay_event(
                unit,
                id=id,
                tenant=desk.customer_id,
                actor=desk.actor,
                reason=reason,
                event=None if unchanged else exact_json(body.encode(errors="replace")),
            )
    except Problem as problem:
        return await _rejection(request, runtime, desk, id, problem, body=body, reason=reason)
    return back(f"{desk.base}/rejected/{rejection_id}", "Replayed: it is stored as an event now.")


@at_both(router, "/rejected/{rejection_id}/discard", method="POST")
async def discard(
    request: Request, runtime: RuntimeDep, desk: DeskDep, rejection_id: str, reason: Text = ""
) -> Response:
    """Say for good that it stays out."""
    id = parse_public_id("rej", rejection_id)
    try:
        async with runtime.unit() as unit:
            await discard_event(unit, id=id, tenant=desk.customer_id, actor=desk.actor, reason=reason)
    except Problem as problem:
        return await _rejection(request, runtime, desk, id, problem, reason=reason)
    return back(f"{desk.base}/rejected/{rejection_id}", "Discarded: it stays out.")


async def _rejection(
    request: Request,
    runtime: Runtime,
    desk: Desk,
    id: UUID,
    problem: Problem | None = None,
    *,
    body: str = "",
    reason: str = "",
) -> Response:
    async with runtime.database.read() as tx:
        rejected = await rejected_event(tx, tenant=desk.customer_id, id=id)
    end = rejected.resolution
    became = event_address(desk, rejected.tenant, end.source, end.event_id) if end and end.source else None
    context = RejectionPage(desk, rejected, body or laid_out(rejected.body), reason, said(problem), became)
    return render(request, "metering/rejection.html", context, status=problem.status if problem else 200)
