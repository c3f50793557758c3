"""Money that came: applied exactly once, posted as it was applied, and refunded as the gateway says."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from autorisen import ledger, payments
from autorisen.billing.audit import store
from autorisen.billing.audit.model import (
    AppliedPayment,
    Lines,
    compare_applied,
    compare_disputes,
    compare_kept,
    compare_postings,
    compare_refunds,
    payment_postings,
)
from autorisen.kit.audit import Check, walk
from autorisen.kit.database import Tx
from autorisen.kit.findings import Finding, Findings
from autorisen.kit.ids import public_id
from autorisen.kit.work.store import facts_not_handled

# Facts whose handlers apply and post what a payment did; until they have run, the payment is left out.
PAYMENT_NEWS = ("PaymentSucceeded", "PaymentRefunded", "PaymentDisputed", "PaymentDisputeWon")
# Posted in parts, which are compared by their sums.
_IN_PARTS = frozenset({"refunded", "fee", "disputed", "dispute_won"})


async def _run(tx: Tx, findings: Findings) -> None:
    on_their_way = {fact["payment_id"] for fact in await facts_not_handled(tx, PAYMENT_NEWS)}

    def visit(key: str, found: tuple[list[Any], ...]) -> None:
        moved, applied, posted = found
        if key not in on_their_way:
            findings.count(1)
            findings.add(compare_payment(key, moved[0] if moved else None, applied, posted))

    await walk(visit, payments.money_moved(tx), store.applied(tx), ledger.posted(tx, "payment"))


def compare_payment(
    key: str, moved: payments.MoneyMoved | None, applied: list[AppliedPayment], posted: list[tuple[str, Lines]]
) -> list[Finding]:
    """Everything that one payment has to agree with. Pure."""
    if moved is None:
        row = public_id("pay", UUID(key)) if _is_uuid(key) else f"payment:{key}"
        cents = max((each.amount.minor for each in applied), default=0)
        return [Finding("payment_unknown", row, "a payment that succeeded", "none", cents)]
    found = compare_applied(moved, applied)
    if len(applied) != 1:
        return found
    kinds = [(name.partition(":")[0], lines) for name, lines in posted]
    refunds = [lines for kind, lines in kinds if kind == "refunded"]
    fees = [lines for kind, lines in kinds if kind == "fee"]
    others = {name: lines for (name, lines), (kind, _) in zip(posted, kinds, strict=True) if kind not in _IN_PARTS}
    found += compare_postings(public_id("pay", moved.id), payment_postings(moved, applied[0]), others)
    return found + compare_disputes(moved, kinds) + compare_refunds(moved, refunds) + compare_kept(moved, fees)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


CHECK_APPLIED = Check(
    "applied", "money that came is applied once and posted as it was applied", store.count_applied, _run
)
