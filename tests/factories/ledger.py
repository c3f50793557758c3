"""Ledger lines for tests."""

from __future__ import annotations

from autorisen.kit.money import Money
from autorisen.ledger import Line


def line(account: str, minor: int, currency: str = "ZAR") -> Line:
    """A debit of so many cents, or a credit when negative."""
    return Line(account, Money(minor, currency))


def sale(minor: int, currency: str = "ZAR", customer: str = "acme") -> list[Line]:
    """What a customer owes for a subscription, without tax."""
    return [line(f"receivable:{customer}", minor, currency), line("revenue:subscription", -minor, currency)]
