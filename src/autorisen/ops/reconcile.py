"""Compare every link from a producer's event to an invoice line, keep the report, and tell the operators.

Each capability compares what is its own; this file goes through them in the order of the chain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from autorisen import accounts, billing, metering
from autorisen.kit.mail import Message, send
from autorisen.kit.unit import Runtime, Unit
from autorisen.kit.work import Lease
from autorisen.metering import CheckName, Findings, Reconciliation, Scope

RECONCILE_KIND = "ops.reconcile"
NIGHTLY = "nightly reconciliation"

_CUSTOMERS_AT_ONCE = 500
_HOURS_A_REPAIR = 50

log = structlog.get_logger(__name__)

# Called with what is done and how much there is in all.
Progress = Callable[[int, int], None]


async def reconcile(
    runtime: Runtime, *, scope: Scope, actor: str, repair: bool = False, progress: Progress | None = None
) -> Reconciliation:
    """Compare what the scope covers, and keep the report. Reads beside ingest; with `repair`, rollups that differ are
    counted again, in transactions for which ingest waits."""
    compared = await _compare(runtime, scope, actor, repair, progress)
    async with runtime.unit() as unit:
        return await _keep(unit, compared)


async def reconcile_nightly(lease: Lease, payload: dict[str, Any]) -> None:
    """The job: recent hours, and what came to older ones since the last time. It repairs nothing by itself."""
    runtime = lease.runtime
    compared = await _compare(runtime, await recent_scope(runtime), NIGHTLY, False, None)
    async with lease.finish() as unit:
        await _keep(unit, compared)


async def recent_scope(runtime: Runtime) -> Scope:
    """What has to be looked at when nobody says more."""
    async with runtime.database.read() as tx:
        last = await metering.latest_reconciliation(tx)
    return metering.default_scope(runtime.clock.now(), last.began_at if last else None)


class _Compared:
    """A reconciliation in the making."""

    def __init__(self, runtime: Runtime, scope: Scope, actor: str) -> None:
        self.id = runtime.ids.new()
        self.began_at = runtime.clock.now()
        self.scope = scope
        self.actor = actor
        self.findings: list[Findings] = []


async def _compare(runtime: Runtime, scope: Scope, actor: str, repair: bool, progress: Progress | None) -> _Compared:
    made = _Compared(runtime, scope, actor)
    database = runtime.database
    async with database.read() as tx:
        total = 2 + await accounts.count_customers(tx) + await billing.count_closings(tx, scope)
    done = 0

    def tell(number: int) -> None:
        nonlocal done
        done = min(done + number, total)
        if progress is not None:
            progress(done, total)

    def silent(_number: int) -> None:
        """Totals and receipts are many and quick: each counts as one step."""

    tell(0)
    made.findings.append(await metering.compare_control_totals(database, scope, silent))
    tell(1)
    made.findings.append(await metering.compare_receipts(database, scope, silent))
    tell(1)
    made.findings.append(await _compare_rollups(runtime, made, repair, tell))
    made.findings += await billing.compare_closings(database, scope, tell)
    tell(total)
    return made


async def _compare_rollups(runtime: Runtime, made: _Compared, repair: bool, tell: Callable[[int], None]) -> Findings:
    """Customer by customer; of those to whose older hours something came, from there on."""
    findings = Findings(CheckName.ROLLUPS)
    touched = await metering.compared_customers(runtime.database, made.scope)
    after: UUID | None = None
    while True:
        async with runtime.database.read() as tx:
            customers = await accounts.list_customers(tx, after=after, limit=_CUSTOMERS_AT_ONCE)
        for customer in customers:
            start = touched.get(customer.id, made.scope.since)
            hours = await metering.compare_rollups(
                runtime.database, customer.id, start=start, until=made.scope.until, findings=findings
            )
            if repair:
                await _repair(runtime, made, sorted(hours))
            tell(1)
        if len(customers) < _CUSTOMERS_AT_ONCE:
            break
        after = customers[-1].id
    if repair:
        findings.repaired = findings.differences
        findings.listed = [replace(each, is_repaired=True) for each in findings.listed]
    return findings


async def _repair(runtime: Runtime, made: _Compared, hours: list[tuple[UUID, datetime]]) -> None:
    for place in range(0, len(hours), _HOURS_A_REPAIR):
        async with runtime.unit() as unit:
            some = hours[place : place + _HOURS_A_REPAIR]
            await metering.repair_rollups(unit, reconciliation_id=made.id, hours=some, actor=made.actor)


async def _keep(unit: Unit, made: _Compared) -> Reconciliation:
    """Keep the report; when something differs, say so to whoever can do something about it."""
    kept = await metering.keep_reconciliation(
        unit, id=made.id, began_at=made.began_at, actor=made.actor, scope=made.scope, findings=made.findings
    )
    if kept.differences:
        log.error("reconciliation.differences", id=kept.public_id, found=kept.differences, repaired=kept.repaired)
        for email in await accounts.operator_emails(unit.tx):
            await send(unit, alert(kept, made.findings, email, unit.settings.base_url))
    return kept


def alert(report: Reconciliation, findings: list[Findings], email: str, base_url: str) -> Message:
    """The mail to one operator."""
    lines = [
        f"{each.differences:,} at {each.check.replace('_', ' ')}, of {each.compared:,} compared"
        for each in findings
        if each.differences
    ]
    text = "\n".join(
        [
            f"The reconciliation that began at {report.began_at:%Y-%m-%d %H:%M} UTC found differences:",
            "",
            *lines,
            "",
            f"{report.repaired:,} of them were repaired.",
            f"{base_url}/console/reconciliations/{report.public_id} lists each of them.",
        ]
    )
    return Message(email, f"Reconciliation: {report.differences:,} differences", text)
