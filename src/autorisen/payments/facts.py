"""What happened to money, in the past tense. Recorded in the transaction that made it true."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from autorisen.kit.work import Fact


@dataclass(frozen=True)
class PaymentSucceeded(Fact):
    """Money moved to us. Recorded once per payment, however often the gateway says so."""

    payment_id: UUID
    customer_id: UUID
    reference: str
    amount_minor: int
    currency: str
    gateway: str
    succeeded_at: datetime


@dataclass(frozen=True)
class PaymentFailed(Fact):
    """A payment came to its end without money. `code` is for programs, `reason` for people.

    `kind` is a `PaymentKind`: a hosted page that nobody paid on, or a charge of a saved method.
    """

    payment_id: UUID
    customer_id: UUID
    reference: str
    amount_minor: int
    currency: str
    gateway: str
    code: str
    reason: str
    kind: str


@dataclass(frozen=True)
class PaymentRefunded(Fact):
    """A part of a payment went back to the payer, or all of it.

    `refunded_minor` is what has gone back by now; 0 in facts of older releases, which knew only all of it.
    `was_disputed`: it left what the bank held in dispute; None in facts of older releases, see `left_dispute`.
    """

    payment_id: UUID
    customer_id: UUID
    reference: str
    amount_minor: int
    currency: str
    gateway: str
    refunded_minor: int = 0
    was_disputed: bool | None = None


@dataclass(frozen=True)
class PaymentDisputed(Fact):
    """The payer's bank took a payment back, or asks for it; a person has to answer.

    `amount_minor` is what was left of it: what went back before can't be asked for again. `ordinal` counts its
    disputes from 1.
    """

    payment_id: UUID
    customer_id: UUID
    reference: str
    amount_minor: int
    currency: str
    gateway: str
    ordinal: int = 1


@dataclass(frozen=True)
class PaymentDisputeWon(Fact):
    """The payer's bank gave in: what it had asked back, `amount_minor`, is ours again. `ordinal` says which dispute."""

    payment_id: UUID
    customer_id: UUID
    reference: str
    amount_minor: int
    currency: str
    gateway: str
    ordinal: int


@dataclass(frozen=True)
class PaymentMethodSaved(Fact):
    """A customer's card can be charged again through its gateway's token."""

    method_id: UUID
    customer_id: UUID
    gateway: str
    brand: str
    last4: str


@dataclass(frozen=True)
class DeliveryParked(Fact):
    """A genuine delivery could not be applied and waits for a person."""

    delivery_id: UUID
    gateway: str
    reason: str
