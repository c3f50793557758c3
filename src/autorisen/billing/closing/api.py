"""The machine interface of closing, for operators: how far it is, what failed and why, and another try."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from autorisen.accounts import Principal, Scope, api_key_or_session
from autorisen.billing.access import Reads, Responses
from autorisen.billing.closing.progress import read_progress
from autorisen.billing.closing.retry_closings import retry_closings
from autorisen.billing.closing.views import ClosingProgressView, progress_view
from autorisen.kit.http import Body, RuntimeDep
from autorisen.kit.ids import parse_public_id
from autorisen.kit.problems import NotAllowed

_NONE_FAILED: Responses = {404: {"description": "No closing of this period has failed"}}

router = APIRouter(prefix="/api/closings", tags=["billing"])

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


@router.post("/retry", responses=_NONE_FAILED)
async def retry_failed(wanted: Retry, runtime: RuntimeDep, principal: Administers) -> Retried:
    """Have one failed period, or all, tried again at once rather than later. For operators."""
    _operators_only(principal)
    period_id = None if wanted.period is None else parse_public_id("per", wanted.period)
    async with runtime.unit() as unit:
        return Retried(retried=await retry_closings(unit, period_id, actor=principal.actor))


def _operators_only(principal: Principal) -> None:
    if not principal.is_operator:
        raise NotAllowed("operators close months; your invoices are at GET /api/invoices")
