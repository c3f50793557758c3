"""Reports of reconciliations, kept as evidence: written once, with a digest, never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec

from autorisen.kit.database import Tx
from autorisen.kit.ids import public_id
from autorisen.kit.unit import Unit
from autorisen.metering.reconciliation import store
from autorisen.metering.reconciliation.model import Findings, Reconciliation, Scope


async def keep_reconciliation(
    unit: Unit,
    *,
    id: UUID,
    began_at: datetime,
    actor: str,
    scope: Scope,
    findings: Sequence[Findings],
) -> Reconciliation:
    """Keep what was compared and found. The digest is the SHA-256 of the document, byte by byte."""
    repaired = sum(each.repaired for each in findings)
    document = msgspec.json.encode(
        {
            "reconciliation": public_id("rec", id),
            "began_at": began_at,
            "finished_at": unit.now,
            "by": actor,
            "since": scope.since,
            "until": scope.until,
            "differences": sum(each.differences for each in findings),
            "repaired": repaired,
            "checks": findings,
        },
        order="deterministic",
    ).decode()
    kept = Reconciliation(
        id=id,
        began_at=began_at,
        finished_at=unit.now,
        actor=actor,
        scope=scope,
        differences=sum(each.differences for each in findings),
        repaired=repaired,
        digest=sha256(document.encode()).hexdigest(),
        document=document,
    )
    await store.insert_report(unit.tx, kept)
    return kept


async def list_reconciliations(tx: Tx, *, after: UUID | None = None, limit: int = 50) -> list[Reconciliation]:
    """The newest first, without their documents."""
    return await store.reports(tx, after, limit)


async def latest_reconciliation(tx: Tx) -> Reconciliation | None:
    """The newest one, without its document."""
    found = await store.reports(tx, None, 1)
    return found[0] if found else None


async def reconciliation(tx: Tx, id: UUID) -> Reconciliation | None:
    return await store.report(tx, id)


def reconciliation_document(report: Reconciliation) -> Mapping[str, Any]:
    """The document of a report, as values."""
    document: Mapping[str, Any] = msgspec.json.decode(report.document)
    return document
