"""Every closed period is billed exactly once, and every closing closed the period that it names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from autorisen import subscriptions
from autorisen.billing.audit import store
from autorisen.kit.audit import Check, walk
from autorisen.kit.database import Tx
from autorisen.kit.findings import Finding, Findings
from autorisen.kit.ids import public_id
from autorisen.subscriptions import Period

Closed = tuple[UUID, UUID, UUID, datetime, datetime, str]


def compare_closing(key: str, periods: Sequence[Period], closings: Sequence[Closed]) -> list[Finding]:
    """One period against what closed it. Pure."""
    row = public_id("per", UUID(key))
    if not periods:
        return [Finding("closing_without_period", row, "a period", "none")]
    period = periods[0]
    wanted = 1 if period.status == "closed" else 0
    if len(closings) != wanted:
        return [Finding("period_billed", row, f"billed {wanted} times", f"billed {len(closings)} times")]
    if not wanted:
        return []
    who = (period.customer_id, period.subscription_id, period.plan_version_id)
    due = (*who, period.start_at, period.end_at, period.kind)
    if closings[0] != due:
        return [Finding("closing_terms", row, _terms(due), _terms(closings[0]))]
    return []


def _terms(closed: Closed) -> str:
    customer_id, subscription_id, plan_version_id, start, end, kind = closed
    who = f"{public_id('cus', customer_id)}, {public_id('sub', subscription_id)}, plan version {plan_version_id}"
    return f"{who}, {kind}, {start.isoformat()} to {end.isoformat()}"


async def _run(tx: Tx, findings: Findings) -> None:
    def visit(key: str, found: tuple[list[Any], ...]) -> None:
        findings.count(1)
        findings.add(compare_closing(key, *found))

    await walk(visit, subscriptions.all_periods(tx), store.closings(tx))


CHECK_CLOSINGS = Check("closings", "every closed period is billed exactly once", subscriptions.count_periods, _run)
