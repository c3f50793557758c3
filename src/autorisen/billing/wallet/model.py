"""Prepaid credits: grants, what happens to them, which is drawn first, and what the books say of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from autorisen.kit.ids import public_id
from autorisen.kit.money import Money

# Prepaid credits live for three years or more (South African Consumer Protection Act, section 63).
PAID_LIFE = timedelta(days=3 * 366)
PRIORITY_MAX = 100
_NEVER = datetime.max.replace(tzinfo=UTC)


class GrantKind(StrEnum):
    """Why a customer has credits."""

    PAID = "paid"
    PROMOTIONAL = "promotional"
    CREDIT_NOTE = "credit_note"
    GOODWILL = "goodwill"


class MovementKind(StrEnum):
    """What happened to a grant. `GRANT`, `RETURN` and `RELEASE` add to it, the others take from it."""

    GRANT = "grant"
    DRAW = "draw"
    EXPIRE = "expire"
    RETURN = "return"
    VOID = "void"
    RELEASE = "release"


# Lower is drawn first: what was given before what was paid for.
DEFAULT_PRIORITY: Mapping[GrantKind, int] = MappingProxyType(
    {GrantKind.PROMOTIONAL: 10, GrantKind.GOODWILL: 10, GrantKind.CREDIT_NOTE: 20, GrantKind.PAID: 30}
)

# Money that we gave away; the other kinds are money of the customer, which nobody may just take.
GIVEN = frozenset({GrantKind.PROMOTIONAL, GrantKind.GOODWILL})


@dataclass(frozen=True)
class Grant:
    """Credits of one customer from one source, such as payment:<uuid>.

    `priority` is 0 to 100, lower is drawn first. `expires_at` is None for credits that never expire.
    """

    id: UUID
    customer_id: UUID
    kind: GrantKind
    priority: int
    amount: Money
    remaining: Money
    source: str
    reason: str
    granted_at: datetime
    expires_at: datetime | None

    @property
    def public_id(self) -> str:
        return public_id("crd", self.id)

    def is_usable(self, at: datetime) -> bool:
        """Whether something is left that has not expired; the instant of expiry is too late."""
        return bool(self.remaining) and (self.expires_at is None or at < self.expires_at)

    @property
    def was_paid(self) -> bool:
        """Whether the credits are money of the customer."""
        return self.kind not in GIVEN


@dataclass(frozen=True)
class Movement:
    """One change of a grant; negative takes from it. Append-only: a correction is another one."""

    id: UUID
    grant_id: UUID
    customer_id: UUID
    kind: MovementKind
    amount: Money
    invoice_id: UUID | None
    reason: str
    at: datetime

    @property
    def invoice_public_id(self) -> str:
        """The invoice that it paid for; empty for none."""
        return "" if self.invoice_id is None else public_id("inv", self.invoice_id)


@dataclass(frozen=True)
class MovementRow:
    """A movement with what a person wants to know beside it."""

    movement: Movement
    grant_kind: GrantKind
    invoice_number: str | None


@dataclass(frozen=True)
class Draw:
    """What one grant gives to one invoice."""

    grant: Grant
    amount: Money


@dataclass(frozen=True)
class Bill:
    """An invoice that credits may pay a part of."""

    invoice_id: UUID
    customer_id: UUID
    due: Money


@dataclass(frozen=True)
class InvoiceDraws:
    """What credits pay of one invoice, at least something. `left` are its customer's grants as they were before."""

    invoice_id: UUID
    left: tuple[Grant, ...]
    draws: tuple[Draw, ...]

    @property
    def total(self) -> Money:
        return sum((draw.amount for draw in self.draws), Money.zero(self.draws[0].amount.currency))


def draw_order(grants: Iterable[Grant]) -> list[Grant]:
    """By priority, then what expires first, then the oldest."""
    return sorted(grants, key=lambda grant: (grant.priority, grant.expires_at or _NEVER, grant.granted_at, grant.id))


def plan_draws(grants: Iterable[Grant], due: Money, at: datetime) -> tuple[Draw, ...]:
    """Which grants pay how much of `due`, in the order of drawing; together never more than it."""
    draws = []
    for grant in draw_order(grant for grant in grants if grant.is_usable(at)):
        amount = min(grant.remaining, due)
        if not Money.zero(due.currency) < amount:
            break
        draws.append(Draw(grant, amount))
        due = due - amount
    return tuple(draws)


def balance(grants: Iterable[Grant], currency: str, at: datetime) -> Money:
    """What can be drawn at an instant."""
    usable = (grant.remaining for grant in grants if grant.amount.currency == currency and grant.is_usable(at))
    return sum(usable, Money.zero(currency))


@dataclass(frozen=True)
class Fall:
    """A balance before and after credits went out of it."""

    before: Money
    after: Money


def fall(grants: Iterable[Grant], taken: Mapping[UUID, Money], at: datetime) -> Fall:
    """How a balance falls when so much is taken of these grants, at least one. What expires now counted until now."""
    out = sum(taken.values(), Money.zero(next(iter(taken.values())).currency))
    same = [grant for grant in grants if grant.amount.currency == out.currency]
    counted = (grant.remaining for grant in same if grant.is_usable(at) or grant.id in taken)
    before = sum(counted, Money.zero(out.currency))
    return Fall(before, before - out)


def life_given_back(grant: Grant, drawn_at: datetime, at: datetime) -> datetime | None:
    """The expiry of credits that come back: the time in which they were tied up does not count against them."""
    return None if grant.expires_at is None else grant.expires_at + (at - drawn_at)


def fell_below(before: Money, after: Money, threshold: Money) -> bool:
    """Whether a balance has just gone under a threshold, so that its owner is told once."""
    return after < threshold and not before < threshold


# --- top-ups


class TopUpStatus(StrEnum):
    """How far a top-up has come. `RETURNED`: its payment went back, and what was unused with it."""

    PENDING = "pending"
    PAID = "paid"
    FAILED = "failed"
    RETURNED = "returned"


@dataclass(frozen=True)
class TopUp:
    """Credits that a customer is buying; granted when the payment has arrived."""

    id: UUID
    customer_id: UUID
    amount: Money
    automatic: bool
    status: TopUpStatus
    failure: str
    created_at: datetime
    settled_at: datetime | None

    @property
    def reference(self) -> str:
        """What its payments are made for, as the gateways know it."""
        return f"topup:{self.id}"


def top_up_of(reference: str) -> UUID | None:
    """The top-up that a payment's reference names; None for what is not one of ours."""
    kind, _, text = reference.partition(":")
    try:
        return UUID(text) if kind == "topup" else None
    except ValueError:
        return None


@dataclass(frozen=True)
class AutomaticTopUp:
    """Below `threshold` the saved card is charged `amount`, at most `per_day` times in 24 hours."""

    customer_id: UUID
    enabled: bool
    threshold: Money
    amount: Money
    per_day: int
    failures: int
    off_because: str
    changed_at: datetime


# What one top-up may be, in minor units: small ones are eaten by fees, large ones are a slip of the finger.
TOP_UP_LIMITS: Mapping[str, tuple[int, int]] = MappingProxyType({"ZAR": (5_000, 10_000_000), "USD": (500, 1_000_000)})
# Below this a customer who buys credits is told, unless they have set a threshold of their own.
NOTICE_BELOW: Mapping[str, int] = MappingProxyType({"ZAR": 10_000, "USD": 1_000})
PER_DAY_MAX = 10

# Two charges in a row that fail are no accident: the customer has to look at the card.
FAILURES_MAX = 2
DAY = timedelta(hours=24)


def should_top_up(setting: AutomaticTopUp, balance: Money, latest: Sequence[TopUp], at: datetime) -> bool:
    """Whether to charge now. `latest` are the customer's automatic top-ups of the last 24 hours and the waiting one."""
    if not setting.enabled or not balance < setting.threshold:
        return False
    if any(each.status is TopUpStatus.PENDING for each in latest):
        return False
    return sum(at - each.created_at < DAY for each in latest) < setting.per_day
