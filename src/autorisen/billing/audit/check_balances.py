"""Balances of the ledger against what they have to be by the rows of billing and payments."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from autorisen import ledger, payments
from autorisen.billing.audit import store
from autorisen.billing.audit.check_applied import PAYMENT_NEWS
from autorisen.billing.audit.model import compare_balances
from autorisen.kit.audit import Check, walk
from autorisen.kit.database import Tx
from autorisen.kit.findings import Findings
from autorisen.kit.money import Money
from autorisen.kit.work.store import facts_not_handled


async def _run(tx: Tx, findings: Findings) -> None:
    def visit(key: str, found: tuple[list[Any], ...]) -> None:
        findings.count(1)
        findings.add(compare_balances("receivable_balance", f"receivable:{key}", *found))

    await walk(visit, store.due(tx), ledger.balances(tx, "receivable"))
    # What a payment did is posted by a handler a moment later.
    if not await facts_not_handled(tx, PAYMENT_NEWS):
        await _gateways(tx, findings)


async def _gateways(tx: Tx, findings: Findings) -> None:
    """What each gateway has taken for us, less what went back and what was kept as a fee."""
    held: defaultdict[str, Counter[str]] = defaultdict(Counter)
    booked: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add_moved(_key: str, found: tuple[list[Any], ...]) -> None:
        for moved in found[0]:
            left = moved.amount - moved.refunded - moved.kept
            held[moved.gateway][left.currency] += left.minor

    def add_booked(gateway: str, found: tuple[list[Any], ...]) -> None:
        for balance in (*found[0], *found[1]):
            booked[gateway][balance.currency] += balance.minor

    await walk(add_moved, payments.money_moved(tx))
    await walk(add_booked, ledger.balances(tx, "clearing"), ledger.balances(tx, "disputed"))
    for gateway in sorted(held.keys() | booked.keys()):
        findings.count(1)
        due, there = ([Money(minor, currency) for currency, minor in side[gateway].items()] for side in (held, booked))
        findings.add(compare_balances("gateway_balance", f"clearing and disputed:{gateway}", due, there))


CHECK_BALANCES = Check(
    "balances", "what customers owe and gateways hold is what the books say", store.count_applied, _run
)
