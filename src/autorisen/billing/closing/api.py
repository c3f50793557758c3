"""The machine interface of closing, for operators: how far it is, what failed and why, and another try."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from autorisen.accounts import Principal, Scope, api_key_or_session
from autorisen.billing.closing.progress import read_progress
from autorisen.billing.closing.retry_closings import retry_closings
from autorisen.billing.closing.views import ClosingProgressView, progress_view
from autorisen.kit.http import Body, RuntimeDep
from autorisen.kit.ids import parse_public_id
from autorisen.kit.problems import NotAllowed


def _problem(description: str) -> dict[str, Any]:
    schema = {"type": "object", "required": ["type", "title", "status", "code"]}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}


_REFUSALS: dict[int | str, dict[str, Any]] = {
    401: _problem("No session and no key, or ones that do not hold"),
    403: _problem("The key lacks the scope, or this is for operators"),
    404: _problem("No closing of this period has failed"),
    422: _problem("A field breaks a rule; `errors` names both"),
}
_BODIES: dict[int | str, dict[str, Any]] = {
    400: _problem("The body can't be read"),
    413: _problem("The body is too large"),
    415: _problem("The body is not JSON"),
}

router = APIRouter(prefix="/api/closings", tags=["billing"], responses=_REFUSALS)

Reads = Annotated[Principal, Depends(api_key_or_session(Scope.BILLING_READ))]
Administers = Annotated[Principal, Depends(api_key_or_session(Scope.ADMIN))]


class Retry(Body):
    """The period to try again; all that failed when it is left out."""

    period: str | None = None


class Retried(BaseModel):
    """How many periods are due again."""

    retried: int


@router.get("")
async def read_closings(runtime: RuntimeDep, principal: Reads) -> ClosingProgressView:
    """What is due now, what was closed and invoiced this month, and what could not be closed. For operators."""
    _operators_only(principal)
    async with runtime.database.read() as tx:
        return progress_view(await read_progress(tx, runtime.settings, runtime.clock.now()))


@router.post("/retry", responses=_BODIES)
async def retry_failed(wanted: Retry, runtime: RuntimeDep, principal: Administers) -> Retried:
    """Have one failed period, or all, tried again at once rather than later. For operators."""
    _operators_only(principal)
    period_id = None if wanted.period is None else parse_public_id("per", wanted.period)
    async with runtime.unit() as unit:
        return Retried(retried=await retry_closings(unit, period_id, actor=principal.actor))


def _operators_only(principal: Principal) -> None:
    if not principal.is_operator:
        raise NotAllowed("operators close months; your invoices are at GET /api/invoices")
