"""What the sandbox provider keeps: checkouts, charges, events. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from autorisen.payments.model import Card

SUCCESSFUL = ("succeeded", "refunded", "disputed")


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


@dataclass(frozen=True)
class SandboxEvent:
    """Something to tell the merchant. `cursor` is its place in the provider's list."""

    id: str
    type: str
    body: bytes
    created_at: datetime
    delivered_at: datetime | None
    cursor: str


def deciding_charge(charges: Sequence[SandboxCharge]) -> SandboxCharge | None:
    """The charge that says how a checkout stands: the successful one, else the newest that waits for a step."""
    successful = [charge for charge in charges if charge.status in SUCCESSFUL]
    waiting = [charge for charge in charges if charge.status == "requires_action"]
    chosen = successful or waiting
    return chosen[-1] if chosen else None
