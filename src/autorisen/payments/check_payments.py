"""Payments' part of the audit: each came to where it is by allowed steps."""

from __future__ import annotations

from contextlib import aclosing

from autorisen.kit.audit import Check
from autorisen.kit.database import Tx
from autorisen.kit.findings import Finding, Findings, amounts_differ
from autorisen.kit.ids import public_id
from autorisen.payments import store_audit
from autorisen.payments.audited import Walk
from autorisen.payments.model import NEXT, PaymentStatus


def compare_walk(walk: Walk) -> list[Finding]:
    """One payment against its own history. Pure."""
    row = public_id("pay", walk.id)
    at, found = PaymentStatus.PENDING, []
    for step in walk.steps:
        before, _, after = step.partition(">")
        if before != at or PaymentStatus(after) not in NEXT[at]:
            found.append(Finding("payment_step", row, f"a step from {at.value}", step))
        at = PaymentStatus(after)
    if at is not walk.status:
        found.append(Finding("payment_status", row, at.value, walk.status.value))
    went_through = any(step.endswith(">succeeded") for step in walk.steps)
    if walk.has_succeeded != went_through:
        found.append(Finding("payment_success", row, f"success: {went_through}", f"success: {walk.has_succeeded}"))
    won = walk.steps.count("disputed>succeeded")
    if walk.disputes_won != won:
        found.append(Finding("disputes_won", row, str(won), str(walk.disputes_won)))
    found += amounts_differ("refund_asked", row, walk.refund_requests, walk.refund_asked)
    if walk.status is PaymentStatus.REFUNDED:
        found += amounts_differ("refund_amount", row, walk.amount, walk.refunded)
    return found


async def _run(tx: Tx, findings: Findings) -> None:
    async with aclosing(store_audit.walks(tx)) as walks:
        async for each in walks:
            findings.count(1)
            findings.add(compare_walk(each))


CHECK_PAYMENTS = Check(
    "payments", "each payment came to where it is by allowed steps", store_audit.count_payments, _run
)
