"""Lines, and what they add up to. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from autorisen.kit.money import Money
from autorisen.ledger.chart import CHART, family_of
from autorisen.ledger.errors import LinesUnbalanced, MalformedAccount, TooFewLines, UnknownAccount

ACCOUNT = re.compile(r"[a-z][a-z0-9_]*(:[a-z0-9_-]+)+")
ACCOUNT_LENGTH_MAX = 120


@dataclass(frozen=True)
class Line:
    """One entry to post: a debit is positive, a credit negative."""

    account: str
    amount: Money


@dataclass(frozen=True)
class AccountBalance:
    """What was debited and credited to one account in one currency, both as zero or more minor units."""

    account: str
    currency: str
    debit_minor: int
    credit_minor: int

    @property
    def balance(self) -> Money:
        """Debits less credits."""
        return Money(self.debit_minor - self.credit_minor, self.currency)


@dataclass(frozen=True)
class FamilyBalance:
    """One account, or all accounts of a family of customers', in one currency."""

    family: str
    currency: str
    accounts: int
    debit_minor: int
    credit_minor: int

    @property
    def debit(self) -> Money:
        return Money(self.debit_minor, self.currency)

    @property
    def credit(self) -> Money:
        return Money(self.credit_minor, self.currency)

    @property
    def balance(self) -> Money:
        """Debits less credits."""
        return self.debit - self.credit

    @property
    def account(self) -> str | None:
        """The one account that it is about; None where it is about many."""
        return self.family if ":" in self.family else None

    @property
    def holds(self) -> str:
        """What is on it, in the words of the chart."""
        found = CHART.get(self.family) or family_of(self.family)
        return found.holds if found else ""


@dataclass(frozen=True)
class CurrencyTotal:
    """All debits and all credits of one currency: equal at every commit."""

    currency: str
    debit_minor: int
    credit_minor: int


@dataclass(frozen=True)
class TrialBalance:
    """Every account, and the totals per currency."""

    accounts: tuple[AccountBalance, ...]

    @property
    def totals(self) -> tuple[CurrencyTotal, ...]:
        debits: Counter[str] = Counter()
        credits: Counter[str] = Counter()
        for row in self.accounts:
            debits[row.currency] += row.debit_minor
            credits[row.currency] += row.credit_minor
        return tuple(CurrencyTotal(each, debits[each], credits[each]) for each in sorted(debits))

    @property
    def is_balanced(self) -> bool:
        return all(total.debit_minor == total.credit_minor for total in self.totals)


@dataclass(frozen=True)
class StatementLine:
    """One entry of an account, with the balance of its currency after it."""

    occurred_at: datetime
    reference: str
    description: str
    amount: Money
    balance: Money


def lines_to_post(lines: Sequence[Line]) -> list[Line]:
    """The lines that move money, in order, once they are known to balance.

    A line of zero says nothing and is left out. Raises `MalformedAccount`, `UnknownAccount`, `TooFewLines` or
    `LinesUnbalanced`.
    """
    for line in lines:
        if not ACCOUNT.fullmatch(line.account) or len(line.account) > ACCOUNT_LENGTH_MAX:
            raise MalformedAccount(f"{line.account!r} is not lower-case words joined by colons")
        if family_of(line.account) is None:
            raise UnknownAccount(f"the chart has no {line.account}")
    moving = [line for line in lines if line.amount]
    if len(moving) < 2:
        raise TooFewLines(f"{len(moving)} lines move money")
    sums: Counter[str] = Counter()
    for line in moving:
        sums[line.amount.currency] += line.amount.minor
    wrong = sorted(f"{Money(minor, currency)}" for currency, minor in sums.items() if minor)
    if wrong:
        raise LinesUnbalanced(f"they leave {', '.join(wrong)}")
    return moving


def same_lines(posted: Sequence[Line], wanted: Sequence[Line]) -> bool:
    """Whether both say the same, whatever their order."""
    return Counter(posted) == Counter(wanted)
