"""Deferred revenue: what each month began with, added, recognised and left, and when the rest will be earned."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from autorisen import billing
from autorisen.billing import DeferredReport
from autorisen.console.access import Operator
from autorisen.kit.http import RuntimeDep
from autorisen.ui import render

router = APIRouter()


@dataclass(frozen=True)
class DeferredPage:
    """Context of console/deferred.html."""

    report: DeferredReport


@router.get("/deferred-revenue")
async def deferred_page(request: Request, runtime: RuntimeDep, _operator: Operator) -> Response:
    async with runtime.database.read(snapshot=True) as tx:
        report = await billing.read_deferred(tx)
    return render(request, "console/deferred.html", DeferredPage(report))


@router.get("/deferred-revenue.csv")
async def deferred_file(runtime: RuntimeDep, _operator: Operator) -> Response:
    async with runtime.database.read(snapshot=True) as tx:
        table = billing.deferred_table(await billing.read_deferred(tx))
    headers = {"Content-Disposition": 'attachment; filename="deferred-revenue.csv"'}
    return Response(table, media_type="text/csv", headers=headers)
