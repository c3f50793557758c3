"""Reports of audits as they were kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from autorisen.billing.audit import store
from autorisen.billing.audit.store import AuditReport
from autorisen.kit.database import Tx
from autorisen.kit.problems import NotFound


class NoAudit(NotFound):
    title = "There is no such audit"


async def list_audits(tx: Tx, *, after: UUID | None = None, limit: int = 50) -> list[AuditReport]:
    """The newest first, without their documents."""
    return await store.reports(tx, after, limit)


async def latest_audit(tx: Tx) -> AuditReport | None:
    """The newest one, without its document."""
    found = await store.reports(tx, None, 1)
    return found[0] if found else None


async def audit_report(tx: Tx, id: UUID) -> AuditReport:
    """One of them. Raises `NoAudit`."""
    found = await store.report(tx, id)
    if found is None:
        raise NoAudit("no audit has that id")
    return found


def audit_document(report: AuditReport) -> Mapping[str, Any]:
    """The document of a report, as values."""
    document: Mapping[str, Any] = msgspec.json.decode(report.document)
    return document
