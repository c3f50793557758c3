"""The machine interface of deferred revenue, for operators."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from autorisen.accounts import Principal, Scope, api_key_or_session
from autorisen.billing.deferred.model import DeferredReport, deferred_table
from autorisen.billing.deferred.read_deferred import read_deferred
from autorisen.kit.http import RuntimeDep
from autorisen.kit.problems import NotAllowed

router = APIRouter(prefix="/api", tags=["ledger"])

Administers = Annotated[Principal, Depends(api_key_or_session(Scope.ADMIN))]
Form = Annotated[Literal["json", "csv"] | None, Query(description="How it is answered; by `Accept` when left out")]
CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {}, "text/csv": {}}}}


class MonthView(BaseModel):
    """`closing_minor` is `opening_minor` and what was added, less what was recognised. Without VAT."""

    month: str
    currency: str
    opening_minor: int
    added_minor: int
    recognised_minor: int
    closing_minor: int


class UpcomingView(BaseModel):
    """What is going to be recognised in a month; `month` is null for all months after the last one listed."""

    month: str | None
    currency: str
    amount_minor: int


class DeferredView(BaseModel):
    """The recognition report. `last_day` is the last day that is in it, null when nothing was ever deferred."""

    last_day: date | None
    months: list[MonthView]
    upcoming: list[UpcomingView]


@router.get("/deferred-revenue", response_model=DeferredView, responses=CSV)
async def read_deferred_revenue(
    request: Request, runtime: RuntimeDep, principal: Administers, format: Form = None
) -> Response:
    """Invoiced fees that are not yet earned: what each month began with, added, recognised, left. For operators."""
    if not principal.is_operator:
        raise NotAllowed("the books are the operator's; a customer sees invoices and a statement of account")
    async with runtime.database.read(snapshot=True) as tx:
        report = await read_deferred(tx)
    accepted = request.headers.get("accept", "").lower()
    if format == "csv" or (format is None and "text/csv" in accepted and "application/json" not in accepted):
        headers = {"Content-Disposition": 'attachment; filename="deferred-revenue.csv"'}
        return Response(deferred_table(report), media_type="text/csv", headers=headers)
    return Response(_view(report).model_dump_json(), media_type="application/json")


def _view(report: DeferredReport) -> DeferredView:
    return DeferredView(
        last_day=report.last_day,
        months=[
            MonthView(
                month=f"{each.first:%Y-%m}",
                currency=each.opening.currency,
                opening_minor=each.opening.minor,
                added_minor=each.added.minor,
                recognised_minor=each.recognised.minor,
                closing_minor=each.closing.minor,
            )
            for each in report.months
        ],
        upcoming=[
            UpcomingView(
                month=None if each.first is None else f"{each.first:%Y-%m}",
                currency=each.amount.currency,
                amount_minor=each.amount.minor,
            )
            for each in report.upcoming
        ],
    )
