"""The books in a few figures. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from autorisen.kit.money import Money
from autorisen.ledger import TrialBalance


@dataclass(frozen=True)
class Books:
    """What the ledger says about one currency."""

    currency: str
    receivable: Money
    revenue: Money
    vat_owed: Money
    received: Money


def books(balance: TrialBalance) -> tuple[Books, ...]:
    """The ledger's accounts summed up by kind: credits count as positive for revenue and tax."""
    return tuple(
        Books(
            currency=total.currency,
            receivable=_sum(balance, "receivable:", total.currency),
            revenue=-_sum(balance, "revenue:", total.currency),
            vat_owed=-_sum(balance, "tax:", total.currency),
            received=_sum(balance, "clearing:", total.currency),
        )
        for total in balance.totals
    )


def _sum(balance: TrialBalance, prefix: str, currency: str) -> Money:
    rows = [row for row in balance.accounts if row.currency == currency and row.account.startswith(prefix)]
    return Money(sum(row.debit_minor - row.credit_minor for row in rows), currency)
