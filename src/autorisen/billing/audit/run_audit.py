"""Run every check in one snapshot, read-only, and keep the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
import structlog

from autorisen import accounts, ledger, payments, subscriptions
from autorisen.billing.audit import store
from autorisen.billing.audit.check_applied import CHECK_APPLIED
from autorisen.billing.audit.check_balances import CHECK_BALANCES
from autorisen.billing.audit.check_closings import CHECK_CLOSINGS
from autorisen.billing.audit.check_credit_notes import CHECK_CREDIT_NOTES
from autorisen.billing.audit.check_deferred import CHECK_DEFERRED
from autorisen.billing.audit.check_invoices import CHECK_INVOICES
from autorisen.billing.audit.check_numbers import CHECK_NUMBERS
from autorisen.billing.audit.check_revenue import CHECK_REVENUE
from autorisen.billing.audit.check_usage import CHECK_USAGE
from autorisen.billing.audit.store import AuditReport
from autorisen.billing.wallet import CHECK_WALLET
from autorisen.kit.audit import Check
from autorisen.kit.database import Tx
from autorisen.kit.findings import Findings
from autorisen.kit.ids import public_id
from autorisen.kit.mail import Message, send
from autorisen.kit.unit import Runtime, Unit
from autorisen.kit.work import Lease

AUDIT_KIND = "billing.audit"
NIGHTLY = "nightly audit"

# In the order of the chain. Each check lives beside what it is about.
CHECKS: tuple[Check, ...] = (
    subscriptions.CHECK_PERIODS,
    CHECK_CLOSINGS,
    CHECK_USAGE,
    CHECK_INVOICES,
    CHECK_CREDIT_NOTES,
    CHECK_NUMBERS,
    CHECK_WALLET,
    payments.CHECK_PAYMENTS,
    CHECK_APPLIED,
    ledger.CHECK_BOOKS,
    CHECK_BALANCES,
    CHECK_DEFERRED,
    CHECK_REVENUE,
)

log = structlog.get_logger(__name__)

# Called with what is done and how much there is in all.
Progress = Callable[[int, int], None]


async def audit(runtime: Runtime, *, actor: str, progress: Progress | None = None) -> AuditReport:
    """Recompute everything from the facts and keep the report. Nothing else is written."""
    id, began_at = runtime.ids.new(), runtime.clock.now()
    found = await _run(runtime, progress)
    async with runtime.unit() as unit:
        return await _keep(unit, id, began_at, actor, found)


async def audit_nightly(lease: Lease, payload: dict[str, Any]) -> None:
    """The job."""
    id, began_at = lease.runtime.ids.new(), lease.runtime.clock.now()
    found = await _run(lease.runtime, None)
    async with lease.finish() as unit:
        await _keep(unit, id, began_at, NIGHTLY, found)


async def _run(runtime: Runtime, progress: Progress | None) -> list[Findings]:
    async with runtime.database.read(snapshot=True) as tx:
        await store.allow_long(tx)
        return await run_checks(tx, progress)


async def run_checks(tx: Tx, progress: Progress | None = None) -> list[Findings]:
    """What every check finds, by what this transaction sees."""
    sizes = [await check.count(tx) for check in CHECKS]
    total, before = sum(sizes), 0
    made = []
    for check, size in zip(CHECKS, sizes, strict=True):
        findings = Findings(check.name, _teller(progress, before, size, total))
        await check.run(tx, findings)
        made.append(findings)
        before += size
    if progress is not None:
        progress(total, total)
    return made


def _teller(progress: Progress | None, before: int, size: int, total: int) -> Callable[[int], None]:
    def tell(compared: int) -> None:
        if progress is not None:
            progress(before + min(compared, size), total)

    return tell


async def _keep(unit: Unit, id: UUID, began_at: datetime, actor: str, found: Sequence[Findings]) -> AuditReport:
    """Keep the report; when something is wrong, say so to whoever can do something about it."""
    document = document_of(id, began_at, unit.now, actor, found)
    kept = AuditReport(
        id=id,
        began_at=began_at,
        finished_at=unit.now,
        actor=actor,
        compared=sum(each.compared for each in found),
        findings=sum(each.wrong for each in found),
        cents=sum(each.cents for each in found),
        digest=sha256(document.encode()).hexdigest(),
        document=document,
    )
    await store.insert_report(unit.tx, kept)
    if kept.findings:
        log.error("audit.findings", id=kept.public_id, findings=kept.findings, cents=kept.cents)
        for email in await accounts.operator_emails(unit.tx):
            await send(unit, alert(kept, found, email, unit.settings.base_url))
    return kept


def document_of(id: UUID, began_at: datetime, finished_at: datetime, actor: str, found: Sequence[Findings]) -> str:
    """The report as JSON, the same bytes for the same findings."""
    says = {check.name: check.says for check in CHECKS}
    checks = [
        {"check": each.check, "says": says[each.check], "compared": each.compared}
        | {"findings": each.wrong, "cents": each.cents, "listed": [asdict(one) for one in each.listed]}
        for each in found
    ]
    return msgspec.json.encode(
        {
            "audit": public_id("aud", id),
            "began_at": began_at,
            "finished_at": finished_at,
            "by": actor,
            "findings": sum(each.wrong for each in found),
            "unexplained_cents": sum(each.cents for each in found),
            "checks": checks,
        }
    ).decode()


def alert(report: AuditReport, found: Sequence[Findings], email: str, base_url: str) -> Message:
    """The mail to one operator."""
    wrong = [f"{each.wrong:,} at {each.check}, of {each.compared:,} compared" for each in found if each.wrong]
    text = "\n".join(
        [
            f"The audit that began at {report.began_at:%Y-%m-%d %H:%M} UTC found what nothing explains:",
            "",
            *wrong,
            "",
            f"{base_url}/console/audits/{report.public_id} lists each of them.",
        ]
    )
    return Message(email, f"Audit: {report.findings:,} findings", text)
