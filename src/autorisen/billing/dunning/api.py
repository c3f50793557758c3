"""The machine interface of dunning, for operators."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from autorisen.accounts import Principal, Scope, api_key_or_session
from autorisen.billing.access import cursor
from autorisen.billing.dunning import store
from autorisen.billing.dunning.errors import DunningNotFound
from autorisen.billing.dunning.model import Dunning
from autorisen.billing.dunning.operate import pause_dunning, resume_dunning, retry_now
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import parse_public_id, public_id
from autorisen.kit.problems import NotAllowed
from autorisen.kit.unit import Runtime

router = APIRouter(prefix="/api/dunning", tags=["billing"])

Administers = Annotated[Principal, Depends(api_key_or_session(Scope.ADMIN))]
Page = Annotated[str | None, Query(max_length=40, description="`next` of the page before")]


class StepView(BaseModel):
    """A step of the schedule that is still to come."""

    kind: Literal["retry", "suspend", "cancel"]
    at: datetime


class DunningView(BaseModel):
    """Where one unpaid invoice stands. `next_at` is null while it is paused and once it is over."""

    invoice: str
    customer: str
    stage: Literal["collecting", "grace", "suspended", "ended"]
    began_at: datetime
    next_at: datetime | None
    paused: bool
    outcome: Literal["paid", "written_off", "void"] | None
    steps: list[StepView]


class DunningList(BaseModel):
    """A page of them; `next` asks for the page after it."""

    dunnings: list[DunningView]
    next: str | None


class EventView(BaseModel):
    """One thing that was done. `step` is its place in the schedule, null for what a person or a payment did."""

    at: datetime
    kind: str
    detail: str
    step: int | None
    payment: str | None
    by: str


class DunningDetail(DunningView):
    """With everything that was done."""

    events: list[EventView]


@router.get("")
async def read_dunnings(
    *,
    runtime: RuntimeDep,
    principal: Administers,
    over: Annotated[bool, Query(description="Those that are over, instead of those that are not")] = False,
    after: Page = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> DunningList:
    """Unpaid invoices that are chased, the newest first. For operators."""
    _require_operator(principal)
    last = cursor("inv", after)
    async with runtime.database.read() as tx:
        found = await store.list_dunnings(tx, is_over=over, after=last, limit=limit + 1)
    page = found[:limit]
    more = page[-1].public_id if len(found) > limit else None
    return DunningList(dunnings=[_view(each) for each in page], next=more)


@router.get("/{invoice_id}")
async def read_dunning(invoice_id: str, runtime: RuntimeDep, principal: Administers) -> DunningDetail:
    """One unpaid invoice: where it stands, what was done, what comes next. For operators."""
    return await _detail(runtime, principal, invoice_id)


@router.post("/{invoice_id}/pause")
async def pause(invoice_id: str, runtime: RuntimeDep, principal: Administers) -> DunningDetail:
    """Let nothing happen until it is resumed. For operators."""
    return await _operated(runtime, principal, invoice_id, pause_dunning)


@router.post("/{invoice_id}/resume")
async def resume(invoice_id: str, runtime: RuntimeDep, principal: Administers) -> DunningDetail:
    """Go on where it was paused. For operators."""
    return await _operated(runtime, principal, invoice_id, resume_dunning)


@router.post("/{invoice_id}/retry")
async def retry(invoice_id: str, runtime: RuntimeDep, principal: Administers) -> DunningDetail:
    """Charge the saved method now; the schedule stays as it is. For operators."""
    return await _operated(runtime, principal, invoice_id, retry_now)


async def _operated(
    runtime: Runtime, principal: Principal, invoice_id: str, verb: Callable[..., Awaitable[object]]
) -> DunningDetail:
    """What it says after an operator did something with it."""
    _require_operator(principal)
    async with runtime.unit() as unit:
        await verb(unit, parse_public_id("inv", invoice_id), actor=principal.actor)
    return await _detail(runtime, principal, invoice_id)


async def _detail(runtime: RuntimeDep, principal: Principal, invoice_id: str) -> DunningDetail:
    _require_operator(principal)
    id = parse_public_id("inv", invoice_id)
    async with runtime.database.read() as tx:
        found = await store.find_dunning(tx, id)
        if found is None:
            raise DunningNotFound(f"{invoice_id} was never overdue")
        events = await store.events_of(tx, id)
    shown = [
        EventView(
            at=each.at,
            kind=each.kind,
            detail=each.detail,
            step=each.step,
            payment=each.payment_public_id,
            by=each.actor,
        )
        for each in events
    ]
    return DunningDetail(**_view(found).model_dump(), events=shown)


def _view(dunning: Dunning) -> DunningView:
    return DunningView(
        invoice=dunning.public_id,
        customer=public_id("cus", dunning.customer_id),
        stage=dunning.stage.value,
        began_at=dunning.began_at,
        next_at=dunning.next_at,
        paused=dunning.paused_at is not None,
        outcome=None if dunning.outcome is None else dunning.outcome.value,
        steps=[StepView(kind=step.kind.value, at=step.at) for step in dunning.waiting],
    )


def _require_operator(principal: Principal) -> None:
    if not principal.is_operator:
        raise NotAllowed("unpaid invoices of all customers are the operator's; a customer sees their own invoices")
