"""The ledger's part of the audit: what is posted balances, on accounts of the chart, and is a money fact."""

from __future__ import annotations

from contextlib import aclosing

from autorisen.kit.audit import Check
from autorisen.kit.database import Tx
from autorisen.kit.findings import Finding, Findings
from autorisen.kit.money import Money
from autorisen.ledger import store_audit
from autorisen.ledger.chart import family_of
from autorisen.ledger.postings import KINDS


def unbalanced(reference: str, left: Money) -> Finding:
    """A transaction whose entries leave something."""
    zero = Money.zero(left.currency)
    return Finding("transaction_unbalanced", reference, str(zero), str(left), abs(left.minor), left.currency)


def off_the_chart(account: str) -> list[Finding]:
    """An account that the chart does not have."""
    if family_of(account) is not None:
        return []
    return [Finding("unknown_account", account, "an account of the chart", "another one")]


def unknown_kind(kind: str, transactions: int) -> list[Finding]:
    """Transactions whose reference names no money fact."""
    if kind in KINDS:
        return []
    return [Finding("unknown_reference", f"{kind}:", "a money fact", f"{transactions} transactions")]


async def _run(tx: Tx, findings: Findings) -> None:
    findings.count(await store_audit.count_transactions(tx))
    async with aclosing(store_audit.unbalanced(tx)) as wrong:
        async for reference, left in wrong:
            findings.add([unbalanced(reference, left)])
    async with aclosing(store_audit.too_short(tx)) as short:
        async for reference, entries in short:
            findings.add([Finding("transaction_too_short", reference, "two entries or more", str(entries))])
    async with aclosing(store_audit.account_names(tx)) as names:
        async for account in names:
            findings.add(off_the_chart(account))
    for kind, transactions in (await store_audit.reference_kinds(tx)).items():
        findings.add(unknown_kind(kind, transactions))


CHECK_BOOKS = Check(
    "books", "every ledger transaction sums to zero, on accounts of the chart", store_audit.count_transactions, _run
)
