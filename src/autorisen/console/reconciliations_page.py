"""Reports of the reconciliation: the list, one of them, and its document as it was kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from autorisen import metering
from autorisen.console.access import Operator
from autorisen.console.paging import PAGE_SIZE, cursor, older_link
from autorisen.kit.database import Tx
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import parse_public_id
from autorisen.kit.problems import NotFound
from autorisen.metering import Reconciliation
from autorisen.ui import render

router = APIRouter(prefix="/reconciliations")

# A person reads no more; the document has all of them.
_SHOWN = 200


class NoReconciliation(NotFound):
    title = "There is no such reconciliation"


@dataclass(frozen=True)
class ReconciliationsPage:
    """Context of console/reconciliations.html."""

    reports: Sequence[Reconciliation]
    older: str | None


@dataclass(frozen=True)
class ReconciliationPage:
    """Context of console/reconciliation.html. `listed` are the first differences of the document."""

    report: Reconciliation
    checks: Sequence[Mapping[str, Any]]
    listed: Sequence[Mapping[str, Any]]


@router.get("")
async def reconciliations_page(request: Request, runtime: RuntimeDep, _operator: Operator, after: str = "") -> Response:
    async with runtime.database.read() as tx:
        found = await metering.list_reconciliations(tx, after=cursor("rec", after), limit=PAGE_SIZE)
    page = ReconciliationsPage(found, older_link("/console/reconciliations", "rec", found))
    return render(request, "console/reconciliations.html", page)


@router.get("/{reconciliation_id}")
async def reconciliation_page(
    request: Request, runtime: RuntimeDep, _operator: Operator, reconciliation_id: str
) -> Response:
    async with runtime.database.read() as tx:
        report = await _find(tx, reconciliation_id)
    checks = metering.reconciliation_document(report)["checks"]
    listed = [each for check in checks for each in check["listed"]][:_SHOWN]
    return render(request, "console/reconciliation.html", ReconciliationPage(report, checks, listed))


@router.get("/{reconciliation_id}/report.json")
async def reconciliation_report(runtime: RuntimeDep, _operator: Operator, reconciliation_id: str) -> Response:
    async with runtime.database.read() as tx:
        report = await _find(tx, reconciliation_id)
    headers = {"Content-Disposition": f'attachment; filename="{report.public_id}.json"'}
    return Response(report.document, media_type="application/json", headers=headers)


async def _find(tx: Tx, reconciliation_id: str) -> Reconciliation:
    found = await metering.reconciliation(tx, parse_public_id("rec", reconciliation_id))
    if found is None:
        raise NoReconciliation(f"there is no {reconciliation_id}")
    return found
