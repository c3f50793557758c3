"""The wallet's part of the audit: what is left of each grant is the sum of its movements, and what the books say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from autorisen import ledger
from autorisen.billing.wallet import store_audit
from autorisen.kit.audit import Check, walk
from autorisen.kit.database import Tx
from autorisen.kit.findings import Finding, Findings, amounts_differ
from autorisen.kit.ids import public_id
from autorisen.kit.money import Money


def compare_wallet(key: str, grants: Sequence[tuple[UUID, Money, Money]], booked: Sequence[Money]) -> list[Finding]:
    """One customer's grants against their movements and the ledger, where credits that are owed are negative. Pure."""
    found: list[Finding] = []
    left: defaultdict[str, int] = defaultdict(int)
    for id, remaining, moved in grants:
        left[remaining.currency] += remaining.minor
        found += amounts_differ("grant_remaining", public_id("crd", id), moved, remaining)
    books = {each.currency: -each for each in booked}
    for currency in sorted(left.keys() | books.keys()):
        there = books.get(currency, Money.zero(currency))
        found += amounts_differ("wallet_balance", f"wallet:{key}", Money(left[currency], currency), there)
    return found


async def _run(tx: Tx, findings: Findings) -> None:
    def visit(key: str, found: tuple[list[Any], ...]) -> None:
        findings.count(max(len(found[0]), 1))
        findings.add(compare_wallet(key, *found))

    await walk(visit, store_audit.grants(tx), ledger.balances(tx, "wallet"))


CHECK_WALLET = Check("wallet", "what is left of credits is the sum of their movements", store_audit.count_grants, _run)
