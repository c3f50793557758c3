"""Revenue: what recurs, what moved it, who stays, what usage brings, what customers owe; and who is behind a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from autorisen import accounts, metering
from autorisen.accounts import Customer
from autorisen.billing import revenue
from autorisen.console.access import Operator
from autorisen.console.paging import PAGE_SIZE
from autorisen.console.revenue_chart import Chart, moves_chart, mrr_chart
from autorisen.kit.http import RuntimeDep
from autorisen.kit.problems import FieldError, InvalidInput
from autorisen.ui import render

router = APIRouter(prefix="/revenue")

PATH = "/console/revenue"
# So many meters have a column; the rest of usage is in its total.
METERS_SHOWN = 6
Months = Annotated[int, Query(ge=1, le=60)]
Choices = Sequence[tuple[str, str, bool]]


@dataclass(frozen=True)
class RevenuePage:
    """Context of console/revenue.html. `shown` is empty until something was invoiced.

    Below 100 per cent `done`, everything is as of `as_of`, and the rest is being counted.
    """

    shown: revenue.CurrencyRevenue | None
    mrr: Chart | None
    moves: Chart | None
    meters: Sequence[str]
    meter_names: Mapping[str, str]
    followed: int
    as_of: datetime
    done: int
    behind: bool
    here: str
    months: int
    currencies: Choices
    spans: Choices


@dataclass(frozen=True)
class ChangesPage:
    """Context of console/revenue_changes.html."""

    month: date
    currency: str
    changes: Sequence[revenue.MrrChange]
    customers: Mapping[UUID, Customer]
    kinds: Choices
    older: str | None


@router.get("")
async def revenue_page(
    request: Request, runtime: RuntimeDep, _operator: Operator, currency: str = "", months: Months = 12
) -> Response:
    report = await revenue.look(runtime, months=months)
    async with runtime.database.read() as tx:
        names = {meter.key: meter.name for meter in await metering.meters(tx)}
    shown = next((each for each in report.currencies if each.currency == currency), None)
    if shown is None and report.currencies:
        shown = report.currencies[0]
    chosen = shown.currency if shown else ""
    page = RevenuePage(
        shown=shown,
        mrr=mrr_chart(shown.mrr) if shown else None,
        moves=moves_chart(shown.mrr) if shown else None,
        meters=shown.meters[:METERS_SHOWN] if shown else (),
        meter_names=names,
        followed=revenue.longest(shown.cohorts) if shown else 0,
        as_of=report.as_of,
        done=report.done,
        behind=report.behind,
        here=_address(currency=chosen, months=months),
        months=months,
        currencies=[
            (_address(currency=each.currency, months=months), each.currency, each.currency == chosen)
            for each in report.currencies
        ],
        spans=[(_address(currency=chosen, months=each), f"{each} months", each == months) for each in (6, 12, 24)],
    )
    return render(request, "console/revenue.html", page)


@router.get("/{table}.csv")
async def revenue_file(
    runtime: RuntimeDep,
    _operator: Operator,
    table: Literal["mrr", "receivables", "usage", "cohorts"],
    months: Months = 12,
) -> Response:
    text = revenue.revenue_table(await revenue.look_whole(runtime, months=months), table)
    headers = {"Content-Disposition": f'attachment; filename="revenue-{table}.csv"'}
    return Response(text, media_type="text/csv", headers=headers)


@router.get("/changes")
async def changes_page(
    request: Request,
    runtime: RuntimeDep,
    _operator: Operator,
    month: str = "",
    currency: str = "",
    kind: str = "",
    after: str = "",
) -> Response:
    """The customers behind a movement."""
    if kind not in ("", *revenue.Kind):
        raise InvalidInput(errors=[FieldError("/kind", f"must be one of {', '.join(revenue.Kind)}")])
    first = revenue.read_month(month)
    async with runtime.database.read(snapshot=True) as tx:
        found = await revenue.list_changes(
            tx,
            runtime.clock.now(),
            month=first,
            currency=currency,
            kind=revenue.Kind(kind) if kind else None,
            before=revenue.read_place(after),
            limit=PAGE_SIZE,
        )
        customers = await accounts.customers_by_id(tx, {each.customer_id for each in found})
    asked = {"month": month, "currency": currency}
    full = found[-1] if len(found) == PAGE_SIZE else None
    page = ChangesPage(
        month=first,
        currency=currency,
        changes=found,
        customers=customers,
        kinds=[(_changes(asked), "All", not kind)]
        + [(_changes(asked | {"kind": each}), each.capitalize(), each == kind) for each in revenue.Kind],
        older=_changes(asked | {"kind": kind, "after": revenue.place_of(full.at, full.customer_id)}) if full else None,
    )
    return render(request, "console/revenue_changes.html", page)


def _address(**query: object) -> str:
    return f"{PATH}?{urlencode(query)}"


def _changes(query: Mapping[str, str]) -> str:
    return f"{PATH}/changes?{urlencode({name: value for name, value in query.items() if value})}"
