"""One customer's timeline for machines, for operators."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from autorisen import accounts
from autorisen.accounts import Principal, Scope, api_key_or_session
from autorisen.console.read_timeline import read_timeline
from autorisen.console.timeline import read_place
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import parse_public_id
from autorisen.kit.problems import NotAllowed

router = APIRouter(prefix="/api/customers", tags=["accounts"])

Administers = Annotated[Principal, Depends(api_key_or_session(Scope.ADMIN))]


class MomentView(BaseModel):
    """One thing that happened; `by` is empty where nobody in particular did it."""

    at: datetime
    kind: str
    what: str
    detail: str
    by: str


class TimelineView(BaseModel):
    """The newest first; `next` goes into `before` for the following ones, and is empty at the end."""

    moments: list[MomentView]
    next: str


@router.get("/{customer_id}/timeline")
async def read_customer_timeline(
    runtime: RuntimeDep,
    principal: Administers,
    customer_id: str,
    kind: Literal["account", "subscription", "invoice", "payment", "credit", "usage", "dunning", "mail", "action"]
    | None = None,
    before: Annotated[str, Query(description="The `next` of the page before")] = "",
) -> TimelineView:
    """Everything that happened to one customer, the newest first. For operators."""
    if not principal.is_operator:
        raise NotAllowed("the timeline is the operator's; a customer sees invoices, payments and credits")
    async with runtime.database.read(snapshot=True) as tx:
        customer = await accounts.customer(tx, parse_public_id("cus", customer_id))
        found = await read_timeline(tx, customer, read_place(before), kind=kind or "")
    return TimelineView(
        moments=[
            MomentView(at=each.at, kind=each.kind, what=each.words, detail=each.text, by=each.actor)
            for each in found.moments
        ],
        next=found.next,
    )
