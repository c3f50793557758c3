"""Payments as the audit looks at them. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from autorisen.kit.money import Money
from autorisen.payments.model import PaymentStatus


@dataclass(frozen=True)
class Walk:
    """How a payment came to where it is: its steps as `from>to`, what was asked back, what went back."""

    id: UUID
    status: PaymentStatus
    has_succeeded: bool
    amount: Money
    refunded: Money
    refund_asked: Money
    steps: tuple[str, ...]
    refund_requests: Money
    disputes_won: int


@dataclass(frozen=True)
class MoneyMoved:
    """A payment by which money came to us at some time.

    `kept` is the gateway's fee, `disputes` how often a bank asked it back.
    """

    id: UUID
    customer_id: UUID
    gateway: str
    reference: str
    amount: Money
    refunded: Money
    kept: Money
    status: PaymentStatus
    disputes: int
    disputes_won: int
