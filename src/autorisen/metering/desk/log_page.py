"""The event log: search the events that count or wait, and see one with its receipt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from autorisen import accounts
from autorisen.accounts import Customer
from autorisen.kit.http import RuntimeDep
from autorisen.kit.problems import NotFound, Problem
from autorisen.kit.unit import Runtime
from autorisen.metering import usage
from autorisen.metering.corrections.correct_events import correct_events
from autorisen.metering.corrections.model import Correction, Revision
from autorisen.metering.corrections.read_corrections import corrections_of_event
from autorisen.metering.desk.desk import Desk, DeskDep, at_both, back, event_address, said, typed
from autorisen.metering.eventlog.find_events import LOOKED_AT, find_event, find_events
from autorisen.metering.eventlog.model import (
    Contribution,
    FullEvent,
    LogPage,
    Search,
    contributions,
    counted,
    producer_of,
)
from autorisen.metering.repairs.model import ConflictingEvent
from autorisen.metering.repairs.read_repairs import conflicts_of_event
from autorisen.metering.repairs.repair_event import checked_reason
from autorisen.ui import render

router = APIRouter()

Text = Annotated[str, Form()]

_PAGE_SIZE = 50


class EventNotFound(NotFound):
    """Also for another customer's."""

    title = "There is no such event"


@dataclass(frozen=True)
class EventsPage:
    """Context of metering/events.html. `typed` is what the search form holds, by field."""

    desk: Desk
    log: LogPage
    customers: Mapping[UUID, Customer]
    typed: Mapping[str, str]
    errors: Mapping[str, str]
    older: str | None
    is_searching: bool
    looked_at: int


@dataclass(frozen=True)
class EventPage:
    """Context of metering/event.html. `corrections` are the newest first; the newest one says what counts."""

    desk: Desk
    event: FullEvent
    customer: Customer | None
    corrections: tuple[Revision, ...]
    is_voided: bool
    reason: str
    refusal: str
    added: tuple[Contribution, ...]
    conflicts: tuple[ConflictingEvent, ...]


@at_both(router, "")
async def events_page(  # noqa: PLR0917 -- FastAPI passes them by name
    request: Request,
    runtime: RuntimeDep,
    desk: DeskDep,
    id: str = "",
    source: str = "",
    type: str = "",
    subject: str = "",
    since: Annotated[str, Query(alias="from")] = "",
    to: str = "",
    after: str = "",
) -> Response:
    """Stored events, newest event time first, and a search for them."""
    words = {"id": id, "source": source, "type": type, "subject": subject, "from": since, "to": to}
    words = {name: typed(text) for name, text in words.items()}
    errors: dict[str, str] = {}
    search = Search(
        id=words["id"],
        source=words["source"],
        type=words["type"],
        subject=words["subject"],
        start=_instant("from", words["from"], desk, errors),
        end=_instant("to", words["to"], desk, errors),
    )
    async with runtime.database.read() as tx:
        log = LogPage(())
        if not errors:
            log = await find_events(tx, search, customer_id=desk.customer_id, after=after, limit=_PAGE_SIZE)
        owners = {each.customer_id for each in log.events if each.customer_id}
        customers = await accounts.customers_by_id(tx, owners) if desk.is_console else {}
    kept = {name: text for name, text in words.items() if text}
    older = f"{desk.base}?{urlencode(kept | {'after': log.next})}" if log.next else None
    page = EventsPage(desk, log, customers, words, errors, older, not search.is_empty, LOOKED_AT)
    return render(request, "metering/events.html", page, status=422 if errors else 200)


def _instant(name: str, text: str, desk: Desk, errors: dict[str, str]) -> datetime | None:
    """A time of the form, by the clock of the person who looks; what can't be read is noted in `errors`."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(desk.time_zone))).astimezone(UTC)
    except (ValueError, OverflowError):
        errors[name] = "Give a time such as 2026-03-01T08:00."
        return None


@at_both(router, "/event")
async def event_page(
    request: Request, runtime: RuntimeDep, desk: DeskDep, source: str = "", id: str = "", by: str = ""
) -> Response:
    """One event: what was sent, when it arrived, what it adds."""
    return await _event(request, runtime, desk, (source, id, by))


@router.post("/console/events/event/void")
async def void_event(  # noqa: PLR0917 -- FastAPI passes them by name
    request: Request, runtime: RuntimeDep, desk: DeskDep, source: Text = "", id: Text = "", by: Text = "",
    reason: Text = "",
) -> Response:  # fmt: skip
    """Let an event count no more. For operators."""
    tenant = producer_of(by)
    if tenant is None or "\0" in source + id:
        raise EventNotFound("it may have another source")
    try:
        async with runtime.unit() as unit:
            correction = Correction(tenant, source, id, "void", checked_reason(reason))
            await correct_events(unit, actor=desk.actor, corrections=[correction])
    except Problem as problem:
        return await _event(request, runtime, desk, (source, id, by), problem, reason=reason)
    return back(event_address(desk, tenant, source, id), "Voided: it counts no more.")


async def _event(
    request: Request,
    runtime: Runtime,
    desk: Desk,
    identity: tuple[str, str, str],
    problem: Problem | None = None,
    *,
    reason: str = "",
) -> Response:
    source, id, by = identity
    tenant = producer_of(by)
    async with runtime.database.read() as tx:
        found = None
        if tenant is not None and "\0" not in source + id:
            found = await find_event(tx, customer_id=desk.customer_id, tenant=tenant, source=source, id=id)
        if found is None or tenant is None:
            raise EventNotFound("it may have another source, or belong to somebody else")
        revisions = await corrections_of_event(tx, tenant=tenant, source=source, id=id)
        counts = counted(found, revisions)
        owner = counts.logged.customer_id if counts else None
        # A conflict is its producer's business: what an operator's key sent stays the operator's to decide.
        own = None if desk.is_console else desk.customer_id
        page = EventPage(
            desk=desk,
            event=found,
            customer=(await accounts.customers_by_id(tx, [owner])).get(owner) if owner else None,
            corrections=tuple(reversed(revisions)),
            is_voided=counts is None,
            reason=reason,
            refusal=said(problem),
            added=contributions(await usage.meters(tx), counts) if counts else (),
            conflicts=tuple(
                each
                for each in await conflicts_of_event(tx, tenant=own, event_id=id, source=source)
                if each.tenant == found.logged.tenant
            ),
        )
    return render(request, "metering/event.html", page, status=problem.status if problem else 200)
