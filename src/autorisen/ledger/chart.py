"""The chart of accounts: every account that may be posted to, what it holds, and which side it grows on. Pure.

docs/ledger.md shows the same table; a test compares both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID


class AccountType(StrEnum):
    """What an account is. Assets and expenses grow by debits, liabilities and income by credits."""

    ASSET = "asset"
    LIABILITY = "liability"
    INCOME = "income"
    EXPENSE = "expense"


@dataclass(frozen=True)
class AccountFamily:
    """One row of the chart. `per` says what follows the name: nothing, a customer's id or a gateway's name."""

    name: str
    per: str
    type: AccountType
    holds: str

    @property
    def shown(self) -> str:
        """The name as documentation writes it."""
        return f"{self.name}:<{self.per}>" if self.per else self.name


_A, _L, _I, _E = AccountType.ASSET, AccountType.LIABILITY, AccountType.INCOME, AccountType.EXPENSE

FAMILIES = (
    AccountFamily("receivable", "customer", _A, "issued invoices that are not paid, credited or written off"),
    AccountFamily("refunds", "customer", _A, "money that went back for a paid invoice and waits for its credit note"),
    AccountFamily("clearing", "gateway", _A, "money that the gateway has taken for us and not yet paid out"),
    AccountFamily("disputed", "gateway", _A, "money that payers' banks ask back and that is not decided"),
    AccountFamily("unapplied", "customer", _L, "money of a customer that pays nothing, and is owed to them"),
    AccountFamily("wallet", "customer", _L, "prepaid credits that are not used"),
    AccountFamily("deferred:subscription", "", _L, "fees that are invoiced for days to come"),
    AccountFamily("tax:vat_output", "", _L, "VAT of invoices, less that of credit notes and write-offs"),
    AccountFamily("revenue:subscription", "", _I, "fees and add-ons, without VAT"),
    AccountFamily("revenue:usage", "", _I, "usage, without VAT"),
    AccountFamily("revenue:discounts", "", _I, "what coupons took off, without VAT: it stands on the other side"),
    AccountFamily("revenue:breakage", "", _I, "paid credits that expired unused"),
    AccountFamily("expense:gateway_fees", "", _E, "what gateways keep for moving money"),
    AccountFamily("expense:bad_debt", "", _E, "invoices that were written off, without VAT"),
    AccountFamily("expense:promotions", "", _E, "credits that were given away, as far as they are not expired"),
)

CHART: Mapping[str, AccountFamily] = MappingProxyType({family.name: family for family in FAMILIES})

# What stands between us and one customer; their sum is what the customer owes us, or we owe them when negative.
CUSTOMER_FAMILIES = tuple(family.name for family in FAMILIES if family.per == "customer")

DEFERRED_SUBSCRIPTION = "deferred:subscription"
REVENUE_SUBSCRIPTION = "revenue:subscription"
REVENUE_USAGE = "revenue:usage"
REVENUE_DISCOUNTS = "revenue:discounts"
REVENUE_BREAKAGE = "revenue:breakage"
VAT_OUTPUT = "tax:vat_output"
GATEWAY_FEES = "expense:gateway_fees"
BAD_DEBT = "expense:bad_debt"
PROMOTIONS = "expense:promotions"


def receivable(customer_id: UUID) -> str:
    """What a customer owes for issued invoices."""
    return f"receivable:{customer_id}"


def refunds(customer_id: UUID) -> str:
    """What went back to a customer and no credit note explains yet."""
    return f"refunds:{customer_id}"


def unapplied(customer_id: UUID) -> str:
    """What a customer paid that pays nothing."""
    return f"unapplied:{customer_id}"


def wallet(customer_id: UUID) -> str:
    """A customer's prepaid credits."""
    return f"wallet:{customer_id}"


def clearing(gateway: str) -> str:
    """What a gateway holds for us."""
    return f"clearing:{gateway}"


def disputed(gateway: str) -> str:
    """What is disputed at a gateway."""
    return f"disputed:{gateway}"


def customer_accounts(customer_id: UUID) -> tuple[str, ...]:
    """Every account that stands between us and a customer."""
    return tuple(f"{name}:{customer_id}" for name in CUSTOMER_FAMILIES)


def family_of(account: str) -> AccountFamily | None:
    """The row of the chart that an account belongs to; None for one that the chart does not know."""
    whole = CHART.get(account)
    if whole is not None:
        return None if whole.per else whole
    name, _, rest = account.partition(":")
    family = CHART.get(name)
    return family if family is not None and rest else None
