"""Who would be moved to another version of a plan, when, and what it would change for them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from autorisen import subscriptions
from autorisen.accounts import Customer
from autorisen.catalog import PlanVersion
from autorisen.kit.money import Money

NOTICE = timedelta(days=30)
# Further ahead nobody looks; a yearly period begins within it.
_PERIODS_MAX = 40


@dataclass(frozen=True)
class Move:
    """One subscriber. `refusal` says why not; else `moves_at` is the end of a period, after the time of notice.

    `usage_before` is what the last closed period was billed for its usage, `usage_after` the same usage under the new
    terms; both are None before a period was closed. The fees are those of one period.
    """

    subscription: subscriptions.Subscription
    customer: Customer
    from_version: int
    moves_at: datetime
    usage_before: Money | None
    usage_after: Money | None
    fee_before: Money
    fee_after: Money
    refusal: str = ""

    @property
    def before(self) -> Money:
        return self.fee_before if self.usage_before is None else self.fee_before + self.usage_before

    @property
    def after(self) -> Money:
        return self.fee_after if self.usage_after is None else self.fee_after + self.usage_after

    @property
    def difference(self) -> Money:
        """What a period would cost more, or less, with the usage of the last one."""
        return self.after - self.before


@dataclass(frozen=True)
class MoveSum:
    """All that would be moved in one currency: how many, what their periods cost, and how many would pay more, less."""

    currency: str
    moves: int
    before: Money
    after: Money
    dearer: int
    cheaper: int


@dataclass(frozen=True)
class Migration:
    """Every subscriber of another version of the plan, refused or not, and the sums of those who would be moved."""

    plan: PlanVersion
    moves: Sequence[Move]

    @property
    def movable(self) -> list[Move]:
        return [move for move in self.moves if not move.refusal]

    @property
    def sums(self) -> list[MoveSum]:
        return sums_of(self.movable)


def sums_of(moves: Iterable[Move]) -> list[MoveSum]:
    """The sums by currency."""
    by_currency: dict[str, list[Move]] = {}
    for move in moves:
        by_currency.setdefault(move.subscription.currency, []).append(move)
    return [
        MoveSum(
            currency=currency,
            moves=len(found),
            before=sum((move.before for move in found), Money.zero(currency)),
            after=sum((move.after for move in found), Money.zero(currency)),
            dearer=sum(move.difference.minor > 0 for move in found),
            cheaper=sum(move.difference.minor < 0 for move in found),
        )
        for currency, found in sorted(by_currency.items())
    ]


def moves_at(subscription: subscriptions.Subscription, period: subscriptions.Period, earliest: datetime) -> datetime:
    """The first end of a period of this subscription that is not before `earliest`."""
    end_at, ordinal = period.end_at, period.ordinal
    for _ in range(_PERIODS_MAX):
        if earliest <= end_at:
            return end_at
        ordinal += 1
        end_at = subscriptions.next_period_end(
            subscription.anchor_at, subscription.interval, ordinal, subscription.time_zone
        )
    raise ValueError(f"no period of {subscription.public_id} ends after {earliest.isoformat()} soon enough")
