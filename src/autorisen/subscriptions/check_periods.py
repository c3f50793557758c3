"""Subscriptions' part of the audit: periods follow each other without gap or overlap, as long as planned."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from autorisen.kit.audit import Check, walk
from autorisen.kit.database import Tx
from autorisen.kit.findings import Finding, Findings
from autorisen.kit.ids import public_id
from autorisen.subscriptions import store_audit
from autorisen.subscriptions.model import LIVE, Period, Status
from autorisen.subscriptions.periods import next_period_end


def compare_periods(started_at: datetime, time_zone: str, status: Status, periods: Sequence[Period]) -> list[Finding]:
    """One subscription's periods, in order. Pure."""
    found: list[Finding] = []
    due_at, anchor = started_at, started_at
    for period in periods:
        if period.start_at != due_at:
            kind = "period_gap" if due_at < period.start_at else "period_overlap"
            found.append(_finding(kind, period, f"a start at {due_at.isoformat()}", period.start_at.isoformat()))
        if period.ordinal == 1:
            anchor = period.start_at
        planned = next_period_end(anchor, period.interval, period.ordinal, time_zone)
        # A trial lasts for the days of its plan.
        if period.planned_end_at != planned and period.kind != "trial":
            end = period.planned_end_at.isoformat()
            found.append(_finding("period_length", period, f"planned up to {planned.isoformat()}", end))
        due_at = period.end_at
    # What is only wanted has none, and never gets one when it expires.
    if not periods and status in LIVE:
        found.append(Finding("period_missing", "a subscription", "a period", "none"))
    return found


def _finding(kind: str, period: Period, expected: str, there: str) -> Finding:
    return Finding(kind, f"{period.public_id} of {public_id('sub', period.subscription_id)}", expected, there)


async def _run(tx: Tx, findings: Findings) -> None:
    def visit(_key: str, found: tuple[list[Any], ...]) -> None:
        begun, periods = found
        findings.count(len(periods))
        for started_at, time_zone, status in begun:
            findings.add(compare_periods(started_at, time_zone, status, periods))

    await walk(visit, store_audit.starts(tx), store_audit.periods_in_order(tx))


CHECK_PERIODS = Check(
    "periods",
    "a subscription's periods have no gap and no overlap, and end when planned",
    store_audit.count_periods,
    _run,
)
