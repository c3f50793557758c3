"""Where the pages about events stand: with a customer, who sees its own, or with the operator, who sees everybody's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from autorisen import accounts
from autorisen.accounts import Principal
from autorisen.kit.problems import MalformedBody, Problem
from autorisen.metering.eventlog.model import producer_text
from autorisen.ui import flash

APP, CONSOLE = "/app/events", "/console/events"

Page = Callable[..., Awaitable[Response]]


@dataclass(frozen=True)
class Desk:
    """Who looks at events, from which address. `customer_id` None sees all of them."""

    base: str
    customer_id: UUID | None
    actor: str
    time_zone: str

    @property
    def is_console(self) -> bool:
        return self.base == CONSOLE

    def tabs(self, current: str, id: str = "") -> Sequence[tuple[str, str, bool]]:
        """The lists of events by status; the id that is looked for goes along."""
        query = f"?{urlencode({'id': id})}" if id else ""
        places = (("", "Accepted"), ("/rejected", "Rejected"), ("/conflicts", "Conflicts"))
        return [(f"{self.base}{place}{query}", name, place == current) for place, name in places]


async def _desk(request: Request, principal: Annotated[Principal, Depends(accounts.signed_in)]) -> Desk:
    if request.url.path.startswith(CONSOLE):
        await accounts.operator(principal)
        return Desk(CONSOLE, None, principal.actor, principal.time_zone)
    await accounts.member(principal)
    return Desk(APP, principal.customer_id, principal.actor, principal.time_zone)


DeskDep = Annotated[Desk, Depends(_desk)]


def at_both(router: APIRouter, path: str, *, method: str = "GET") -> Callable[[Page], Page]:
    """Serve a page under the customer's and the operator's address; `DeskDep` says under which it is asked."""

    def register(page: Page) -> Page:
        for base in (APP, CONSOLE):
            router.add_api_route(f"{base}{path}", page, methods=[method])
        return page

    return register


def typed(text: str) -> str:
    """What a person typed into a search, as it can be looked for."""
    return text.replace("\0", "").strip()[:256]


def event_address(desk: Desk, tenant: UUID, source: str | None, id: str | None) -> str:
    """The page of one event."""
    return f"{desk.base}/event?{urlencode({'source': source or '', 'id': id or '', 'by': producer_text(tenant)})}"


def said(problem: Problem | None) -> str:
    """Why the form was refused, in one sentence."""
    if problem is None:
        return ""
    if isinstance(problem, MalformedBody):
        return f"The event is not JSON: {problem.detail}."
    rules = "; ".join(f"{error.field} {error.rule}".strip() for error in problem.errors) or problem.detail
    return f"{problem.title}: {rules}."


def back(address: str, text: str, *, tone: str = "success") -> Response:
    """Off to a page that says what was done."""
    response = RedirectResponse(address, 303)
    flash(response, text, tone=tone)
    return response
