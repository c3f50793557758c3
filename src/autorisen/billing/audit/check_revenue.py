"""What is kept of revenue against the facts that it was counted from: each stretch of time is counted again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autorisen.billing.revenue import store, store_stretches
from autorisen.billing.revenue.model import Change
from autorisen.billing.revenue.read_revenue import Happened, happened
from autorisen.billing.revenue.report import Sum
from autorisen.kit.audit import Check, Stream, walk
from autorisen.kit.database import Tx
from autorisen.kit.findings import Finding, Findings, amounts_differ
from autorisen.kit.ids import public_id
from autorisen.kit.money import Money


def compare_sums(until: str, counted: Sequence[Sum], kept: Sequence[Sum]) -> list[Finding]:
    """The sums of one stretch. Pure."""
    due, there = ({(one.month, one.currency, one.figure, one.meter): one.amount_minor for one in side}
                  for side in (counted, kept))  # fmt: skip
    found: list[Finding] = []
    for key in sorted(due.keys() | there.keys()):
        month, currency, figure, meter = key
        row = f"{figure}{meter and f' of {meter}'}, {month:%Y-%m}, counted until {until}"
        amounts = (Money(side.get(key, 0), currency) for side in (due, there))
        found += amounts_differ("revenue_sum", row, *amounts)
    return found


def compare_changes(until: str, counted: Sequence[Change], kept: Sequence[Change]) -> list[Finding]:
    """The changes of MRR of one stretch, by customer and instant. Pure."""
    due, there = ({(one.at, one.customer_id, one.currency): one for one in side} for side in (counted, kept))
    return [
        Finding(
            "mrr_change",
            f"{public_id('cus', key[1])} at {key[0].isoformat()}, counted until {until}",
            _words(due.get(key)),
            _words(there.get(key)),
            abs(_minor(due.get(key)) - _minor(there.get(key))),
            key[2],
        )
        for key in sorted(due.keys() | there.keys())
        if due.get(key) != there.get(key)
    ]


def _words(change: Change | None) -> str:
    if change is None:
        return "none"
    before, after = (Money(minor, change.currency) for minor in (change.before_minor, change.after_minor))
    return f"{change.kind}, {before} to {after}"


def _minor(change: Change | None) -> int:
    return 0 if change is None else change.delta.minor


async def _counted(tx: Tx) -> Stream:
    """Each stretch, counted again; without it where it does not begin at the end of the one before."""
    last = await store.first_event(tx)
    for since, until in await store_stretches.stretches(tx):
        yield store_stretches.stretch_key(until), await happened(tx, since, until) if since == last else None
        last = until


async def _run(tx: Tx, findings: Findings) -> None:
    def visit(until: str, found: tuple[list[Any], ...]) -> None:
        findings.count(1)
        counted: Happened | None = found[0][0] if found[0] else None
        if counted is None:
            findings.add([Finding("revenue_stretch", f"counted until {until}", "no gap and no overlap", "one")])
            return
        findings.add(compare_sums(until, counted.sums, found[1]))
        findings.add(compare_changes(until, [change for change, _ in counted.changes], found[2]))

    await walk(visit, _counted(tx), store_stretches.sums_by_stretch(tx), store_stretches.changes_by_stretch(tx))


CHECK_REVENUE = Check(
    "revenue", "what is kept of revenue is what the facts come to, counted again", store_stretches.count_stretches, _run
)
