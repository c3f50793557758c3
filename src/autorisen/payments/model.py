"""Payments, checkouts, saved methods and deliveries as values, and the rules between them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from autorisen.kit.ids import public_id
from autorisen.kit.money import Money


class PaymentStatus(StrEnum):
    """How far a payment has come. The values are what the database stores and the API shows."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUNDED = "refunded"
    DISPUTED = "disputed"


class Mode(StrEnum):
    """Whether a gateway moves test money or real money. The two never mix."""

    TEST = "test"
    LIVE = "live"


class PaymentKind(StrEnum):
    """Who is present: the payer on a hosted page, or nobody, with a saved method."""

    CHECKOUT = "checkout"
    SAVED_METHOD = "saved_method"


_P = PaymentStatus

# The states a payment may walk to next. Only forward: a late message of an earlier state changes nothing. A failed
# payment may still succeed, because the gateway's word that money has moved outweighs any earlier refusal. From a
# dispute back to success is forward as well: disputes that were decided for us are counted.
NEXT: Mapping[PaymentStatus, tuple[PaymentStatus, ...]] = MappingProxyType(
    {
        _P.PENDING: (_P.REQUIRES_ACTION, _P.PROCESSING, _P.SUCCEEDED, _P.FAILED),
        _P.REQUIRES_ACTION: (_P.PROCESSING, _P.SUCCEEDED, _P.FAILED),
        _P.PROCESSING: (_P.SUCCEEDED, _P.FAILED),
        _P.FAILED: (_P.SUCCEEDED,),
        _P.SUCCEEDED: (_P.REFUNDED, _P.DISPUTED),
        _P.DISPUTED: (_P.REFUNDED, _P.SUCCEEDED),
        _P.REFUNDED: (),
    }
)

# A payment that may still move money on its own. One reference has at most one of these, by a unique index.
LIVE = frozenset({_P.PENDING, _P.REQUIRES_ACTION, _P.PROCESSING})

# Money has moved to us at some time.
SETTLED = frozenset({_P.SUCCEEDED, _P.DISPUTED, _P.REFUNDED})


def steps(current: PaymentStatus, reported: PaymentStatus, *, won: int = 0) -> tuple[PaymentStatus, ...]:
    """The states to walk through, in order, when the gateway reports `reported`; empty when nothing is new.

    A report may skip states (a dispute is the first we hear of a success), and each state between has its own facts,
    so a refund or dispute always goes through `succeeded`. `won` is how many more disputes were decided for us than
    we know of: each is walked into and out of. A report that knows of fewer is late, and only a refund is for ever.
    """
    if current is _P.REFUNDED or (won < 0 and reported is not _P.REFUNDED):
        return ()
    walked: list[PaymentStatus] = [current]
    if current not in SETTLED and (won > 0 or reported in (_P.REFUNDED, _P.DISPUTED)):
        walked.append(_P.SUCCEEDED)
    for _ in range(won):
        walked += [_P.SUCCEEDED] if walked[-1] is _P.DISPUTED else [_P.DISPUTED, _P.SUCCEEDED]
    # Out of a dispute leads its end alone, never a report from before it.
    if reported in NEXT[walked[-1]] and (walked[-1], reported) != (_P.DISPUTED, _P.SUCCEEDED):
        walked.append(reported)
    return tuple(walked[1:])


@dataclass(frozen=True)
class Payment:
    """One attempt to move money for a reference. `attempt` counts from 1 within the reference."""

    id: UUID
    customer_id: UUID
    kind: PaymentKind
    gateway: str
    mode: Mode
    reference: str
    attempt: int
    amount: Money
    description: str
    status: PaymentStatus
    method_id: UUID | None
    provider_id: str | None
    action_url: str | None
    failure_code: str | None
    failure_reason: str | None
    created_at: datetime
    updated_at: datetime
    succeeded_at: datetime | None
    # What went back to the payer by the gateway's word, and what was asked to go back; cents.
    refunded_minor: int = 0
    refund_asked_minor: int = 0
    # What the gateway keeps of it by its own word; cents.
    fee_minor: int = 0
    # How often a bank asked it back and gave in.
    disputes_won: int = 0

    @property
    def public_id(self) -> str:
        return public_id("pay", self.id)

    @property
    def fee(self) -> Money:
        """What the gateway keeps of it, as far as it has said."""
        return Money(self.fee_minor, self.amount.currency)

    @property
    def refundable(self) -> Money:
        """What may still be asked back."""
        return Money(self.amount.minor - max(self.refunded_minor, self.refund_asked_minor), self.amount.currency)

    @property
    def is_live(self) -> bool:
        return self.status in LIVE


@dataclass(frozen=True)
class Checkout:
    """A hosted page on which the payer pays. `url` is where to send the browser; it proves nothing by itself."""

    id: UUID
    payment_id: UUID
    url: str
    return_url: str
    expires_at: datetime
    # For gateways that are opened by a form post instead of a link; empty otherwise.
    fields: Mapping[str, str]


@dataclass(frozen=True)
class Card:
    """What we may know of a card: enough to recognise it, never enough to charge it elsewhere."""

    token: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int


@dataclass(frozen=True)
class PaymentMethod:
    """A saved card of a customer, as a token of its gateway."""

    id: UUID
    customer_id: UUID
    gateway: str
    card: Card
    is_default: bool
    created_at: datetime


class DeliveryStatus(StrEnum):
    """Where an inbound delivery stands."""

    RECEIVED = "received"
    APPLIED = "applied"
    IGNORED = "ignored"
    PARKED = "parked"


class ParkReason(StrEnum):
    """Why a genuine delivery was not applied. A person decides, and may replay it."""

    UNREADABLE = "unreadable"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_AT_GATEWAY = "unknown_at_gateway"
    UNKNOWN_PAYMENT = "unknown_payment"
    WRONG_MODE = "wrong_mode"
    WRONG_REFERENCE = "wrong_reference"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_CURRENCY = "wrong_currency"
    OTHER_PROVIDER_ID = "other_provider_id"


@dataclass(frozen=True)
class Delivery:
    """One inbound webhook that a gateway signed, or one event that we pulled because its webhook never came."""

    id: UUID
    gateway: str
    event_id: str
    type: str
    status: DeliveryStatus
    park_reason: ParkReason | None
    payment_id: UUID | None
    pulled: bool
    body: bytes
    received_at: datetime
    applied_at: datetime | None
    duplicates: int
    replays: int

    @property
    def public_id(self) -> str:
        return public_id("whd", self.id)


@dataclass(frozen=True)
class Terms:
    """What a gateway says a payment is over; None where it does not say. Raw on purpose: a gateway may name a currency
    that we do not price in, and that is to be parked, not to crash."""

    reference: str | None
    amount_minor: int | None
    currency: str | None


@dataclass(frozen=True)
class Truth:
    """The present state of a payment, as its gateway tells it.

    `provider_id` is what the gateway calls the payment, None as long as it has no name there; `payment_id` is our id,
    where the gateway keeps it for us. `refunded_minor` is how much of it went back, all of it once it is `refunded`.
    `fee_minor` is what the gateway keeps for itself by now, in the payment's currency: 0 as long as it does not say.
    `disputes_won` counts the disputes of it that were decided for us; one that is open makes it `disputed`.
    """

    provider_id: str | None
    status: PaymentStatus
    mode: Mode
    payment_id: UUID | None
    terms: Terms
    card: Card | None = None
    action_url: str | None = None
    failure_code: str | None = None
    failure_reason: str | None = None
    refunded_minor: int = 0
    fee_minor: int = 0
    disputes_won: int = 0


def disagreement(payment: Payment, terms: Terms) -> ParkReason | None:
    """Which of the stated terms is not ours, or None."""
    if terms.reference not in (None, payment.reference):
        return ParkReason.WRONG_REFERENCE
    if terms.currency not in (None, payment.amount.currency):
        return ParkReason.WRONG_CURRENCY
    if terms.amount_minor not in (None, payment.amount.minor):
        return ParkReason.WRONG_AMOUNT
    return None


def mismatch(payment: Payment, truth: Truth) -> ParkReason | None:
    """Why a truth may not be applied to a payment, or None. Money that has moved must come with its exact amount."""
    if truth.mode is not payment.mode:
        return ParkReason.WRONG_MODE
    if truth.status in SETTLED and truth.terms.amount_minor is None:
        return ParkReason.WRONG_AMOUNT
    if truth.status in SETTLED and truth.terms.currency is None:
        return ParkReason.WRONG_CURRENCY
    if not 0 <= truth.refunded_minor <= payment.amount.minor or truth.fee_minor < 0:
        return ParkReason.WRONG_AMOUNT
    return disagreement(payment, truth.terms)
