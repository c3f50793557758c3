"""Month end: how far the closing of periods is, what it could not close and why, and another try."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from autorisen import billing
from autorisen.billing import ClosingProgress
from autorisen.console.access import Operator
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import parse_public_id
from autorisen.kit.sandbox_clock import refresh
from autorisen.ui import flash, render

router = APIRouter(prefix="/month-end")


@dataclass(frozen=True)
class MonthEndPage:
    """Context of console/month_end.html and of its moving part."""

    progress: ClosingProgress


@router.get("")
async def month_end(request: Request, runtime: RuntimeDep, _operator: Operator) -> Response:
    await refresh(runtime)
    async with runtime.database.read() as tx:
        page = MonthEndPage(await billing.read_progress(tx, runtime.settings, runtime.clock.now()))
    return render(request, "console/month_end.html", page)


@router.post("/retry")
async def retry(runtime: RuntimeDep, person: Operator, period: Annotated[str, Form()] = "") -> Response:
    """One failed closing again, or all when none is named."""
    period_id = parse_public_id("per", period) if period else None
    async with runtime.unit() as unit:
        retried = await billing.retry_closings(unit, period_id, actor=person.actor)
    response = RedirectResponse("/console/month-end", 303)
    said = f"{retried:,} {'period is' if retried == 1 else 'periods are'} due again." if retried else "Nothing failed."
    flash(response, said)
    return response
