"""`/app/usage`: a chart per meter, and the same numbers as a table."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from autorisen import accounts, metering
from autorisen.kit.http import RuntimeDep
from autorisen.portal.dashboard import Member, cost_of
from autorisen.portal.usage_chart import RANGES, Chart, Stretch, UsageRow, charts_of, stretch_of
from autorisen.ui import render

router = APIRouter()


@dataclass(frozen=True)
class UsagePage:
    """Context of portal/usage.html."""

    charts: tuple[Chart, ...]
    rows: tuple[UsageRow, ...]
    stretch: Stretch
    ranges: dict[str, str]
    time_zone: str


@router.get("/app/usage")
async def usage_page(request: Request, runtime: RuntimeDep, principal: Member, range: str = "") -> HTMLResponse:
    assert principal.customer_id is not None, "a member has a customer"
    now = runtime.clock.now()
    async with runtime.database.read() as tx:
        customer = await accounts.customer(tx, principal.customer_id)
        cost = await cost_of(tx, customer.id, now)
        period = (cost.start_at, cost.end_at) if cost else None
        stretch = stretch_of(range, now=now, time_zone=customer.time_zone, period=period)
        charts, rows = await charts_of(
            tx,
            customer_id=customer.id,
            meters=await metering.meters(tx),
            stretch=stretch,
            time_zone=customer.time_zone,
        )
    page = UsagePage(charts, rows, stretch, dict(RANGES), customer.time_zone)
    return render(request, "portal/usage.html", page)
