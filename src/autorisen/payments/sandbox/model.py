"""What the sandbox provider keeps: checkouts, charges, events. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from autorisen.payments.model import Card

SUCCESSFUL = ("succeeded", "refunded", "disputed")

# What is kept of a charge: parts of ten thousand of its amount, and cents on top. About what PayFast asks for a card
# in South Africa (3.2 % and R2.00, with VAT) and Stripe in the United States.
_FEES: Mapping[str, tuple[int, int]] = MappingProxyType({"ZAR": (368, 230), "USD": (290, 30)})


@dataclass(frozen=True)
class SandboxCheckout:
    """A hosted page. `idempotency_key` is the merchant's id of the payment."""

    id: str
    idempotency_key: str
    customer: str
    reference: str
    amount_minor: int
    currency: str
    description: str
    return_url: str
    expires_at: datetime


@dataclass(frozen=True)
class SandboxMethod:
    """A card behind a token."""

    customer: str
    behaviour: str
    card: Card


@dataclass(frozen=True)
class SandboxCharge:
    """One attempt to take money from a card."""

    id: str
    checkout_id: str | None
    merchant_payment_id: str
    reference: str
    token: str
    amount_minor: int
    currency: str
    status: str
    failure_code: str | None
    refunded_minor: int = 0
    fee_minor: int = 0
    disputes_won: int = 0


@dataclass(frozen=True)
class SandboxEvent:
    """Something to tell the merchant. `cursor` is its place in the provider's list."""

    id: str
    type: str
    body: bytes
    created_at: datetime
    delivered_at: datetime | None
    cursor: str


def fee_of(amount_minor: int, currency: str) -> int:
    """What is kept of a charge that succeeds, in cents, half up, and never more than the charge."""
    parts, fixed = _FEES[currency]
    return min(amount_minor, (amount_minor * parts + 5_000) // 10_000 + fixed)


def answered(charge: SandboxCharge, status: str, failure_code: str | None = None) -> SandboxCharge:
    """A charge as its bank has answered it. The fee is kept from then on, whatever goes back later."""
    fee = fee_of(charge.amount_minor, charge.currency) if status == "succeeded" else charge.fee_minor
    return replace(charge, status=status, failure_code=failure_code, fee_minor=fee)


def deciding_charge(charges: Sequence[SandboxCharge]) -> SandboxCharge | None:
    """The charge that says how a checkout stands: the successful one, else the newest that waits for a step."""
    successful = [charge for charge in charges if charge.status in SUCCESSFUL]
    waiting = [charge for charge in charges if charge.status == "requires_action"]
    chosen = successful or waiting
    return chosen[-1] if chosen else None
