"""Reports of audits: the list, one of them, and its document as it was kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from autorisen import billing
from autorisen.billing import AuditReport
from autorisen.console.access import Operator
from autorisen.console.paging import PAGE_SIZE, cursor, older_link
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import parse_public_id
from autorisen.ui import render

router = APIRouter(prefix="/audits")

# A person reads no more; the document has more.
_SHOWN = 200


@dataclass(frozen=True)
class AuditsPage:
    """Context of console/audits.html."""

    reports: Sequence[AuditReport]
    older: str | None


@dataclass(frozen=True)
class AuditPage:
    """Context of console/audit.html. `listed` are the first findings of the document, each with its check."""

    report: AuditReport
    checks: Sequence[Mapping[str, Any]]
    listed: Sequence[Mapping[str, Any]]


@router.get("")
async def audits_page(request: Request, runtime: RuntimeDep, _operator: Operator, after: str = "") -> Response:
    async with runtime.database.read() as tx:
        found = await billing.list_audits(tx, after=cursor("aud", after), limit=PAGE_SIZE)
    page = AuditsPage(found, older_link("/console/audits", "aud", found))
    return render(request, "console/audits.html", page)


@router.get("/{audit_id}")
async def audit_page(request: Request, runtime: RuntimeDep, _operator: Operator, audit_id: str) -> Response:
    async with runtime.database.read() as tx:
        report = await billing.audit_report(tx, parse_public_id("aud", audit_id))
    checks = billing.audit_document(report)["checks"]
    listed = [each | {"check": check["check"]} for check in checks for each in check["listed"]][:_SHOWN]
    return render(request, "console/audit.html", AuditPage(report, checks, listed))


@router.get("/{audit_id}/report.json")
async def audit_file(runtime: RuntimeDep, _operator: Operator, audit_id: str) -> Response:
    async with runtime.database.read() as tx:
        report = await billing.audit_report(tx, parse_public_id("aud", audit_id))
    headers = {"Content-Disposition": f'attachment; filename="{report.public_id}.json"'}
    return Response(report.document, media_type="application/json", headers=headers)
