"""Deferred revenue against the fees that it comes from, and against what was posted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autorisen import ledger
from autorisen.billing.audit.model import compare_balances, compare_postings
from autorisen.billing.deferred import store
from autorisen.billing.deferred.model import Fees, Standing, by_currency, standing
from autorisen.billing.deferred.recognise import postings_of
from autorisen.kit.audit import Check, Stream, walk
from autorisen.kit.database import Tx
from autorisen.kit.findings import Finding, Findings, amounts_differ
from autorisen.kit.money import Money


def compare_standings(fees: Sequence[Fees], kept: Mapping[str, Standing]) -> list[Finding]:
    """What was deferred and earned so far against the fees. Pure."""
    found: list[Finding] = []
    mine = by_currency(fees)
    for currency, there in sorted(kept.items()):
        due = standing(mine.get(currency, []), there.until)
        for kind, expected, is_kept in (
            ("deferred_added", due.added_minor, there.added_minor),
            ("deferred_earned", due.earned_minor, there.earned_minor),
        ):
            row = f"until {there.until} in {currency}"
            found += amounts_differ(kind, row, Money(expected, currency), Money(is_kept, currency))
    return found


async def _movements(tx: Tx) -> Stream:
    for each in await store.movements(tx):
        for posting in postings_of(each):
            _, day, rest = posting.reference.split(":", 2)
            yield day, (rest, posting.lines)


async def _run(tx: Tx, findings: Findings) -> None:
    def visit(day: str, found: tuple[list[Any], ...]) -> None:
        findings.count(1)
        findings.add(compare_postings(f"revenue of {day}", *map(dict, found)))

    kept = await store.standings(tx)
    findings.add(compare_standings(await store.fees(tx), kept))
    await walk(visit, _movements(tx), ledger.posted(tx, "recognition"))
    account = ledger.chart.DEFERRED_SUBSCRIPTION
    due = [Money(each.earned_minor - each.added_minor, currency) for currency, each in kept.items()]
    findings.add(
        compare_balances("deferred_balance", account, due, (await ledger.account_balance(tx, account)).values())
    )


CHECK_DEFERRED = Check(
    "deferred", "fees are earned by day: what is deferred and earned is what the fees say", store.count_movements, _run
)
