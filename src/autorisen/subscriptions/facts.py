"""What has happened in subscriptions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from autorisen.kit.work import Fact


@dataclass(frozen=True)
class SubscriptionStarted(Fact):
    """A customer is on a plan from `started_at` on."""

    subscription_id: UUID
    customer_id: UUID
    plan_key: str
    started_at: datetime


@dataclass(frozen=True)
class PeriodOpened(Fact):
    """A period is stored; it may be closed some time after `end_at`."""

    period_id: UUID
    subscription_id: UUID
    customer_id: UUID
    start_at: datetime
    end_at: datetime


@dataclass(frozen=True)
class PeriodCut(Fact):
    """A period ends earlier than it was opened for, so it may be closed earlier."""

    period_id: UUID
    subscription_id: UUID
    customer_id: UUID
    start_at: datetime
    end_at: datetime


@dataclass(frozen=True)
class PlanChanged(Fact):
    """Another plan or cycle holds from `at` on; `planned` says that it had been asked for before.

    The intervals are empty in facts of before they were written down.
    """

    subscription_id: UUID
    customer_id: UUID
    from_plan_version_id: UUID
    to_plan_version_id: UUID
    at: datetime
    planned: bool = False
    from_interval: str = ""
    to_interval: str = ""


@dataclass(frozen=True)
class ChangeScheduled(Fact):
    """Another plan or cycle will hold when the period is over, at `at`."""

    subscription_id: UUID
    customer_id: UUID
    to_plan_version_id: UUID
    interval: str
    at: datetime


@dataclass(frozen=True)
class ChangeWithdrawn(Fact):
    """A planned change, or a planned pause, will not happen after all."""

    subscription_id: UUID
    customer_id: UUID


@dataclass(frozen=True)
class TrialStarted(Fact):
    """A customer tries a plan until `ends_at` without paying."""

    subscription_id: UUID
    customer_id: UUID
    plan_key: str
    ends_at: datetime


@dataclass(frozen=True)
class TrialEnded(Fact):
    """A trial is over: the paid time has begun, or the customer is back on the default plan."""

    subscription_id: UUID
    customer_id: UUID
    plan_key: str
    converted: bool


@dataclass(frozen=True)
class PauseRequested(Fact):
    """The subscription will pause when its period is over, at `at`."""

    subscription_id: UUID
    customer_id: UUID
    at: datetime


@dataclass(frozen=True)
class SubscriptionPaused(Fact):
    """From `at` on nothing may be used; no further fee is charged until it is resumed."""

    subscription_id: UUID
    customer_id: UUID
    at: datetime


@dataclass(frozen=True)
class SubscriptionResumed(Fact):
    """A pause is over. `paid_until` is given when it resumed inside a period that was paid already."""

    subscription_id: UUID
    customer_id: UUID
    at: datetime
    paid_until: datetime | None


@dataclass(frozen=True)
class SubscriptionCancelled(Fact):
    """The subscription was stopped at once; `unpaid` says that it was for what its customer did not pay."""

    subscription_id: UUID
    customer_id: UUID
    at: datetime
    unpaid: bool = False


@dataclass(frozen=True)
class SubscriptionExpired(Fact):
    """The first payment of a wanted subscription did not come in time."""

    subscription_id: UUID
    customer_id: UUID


@dataclass(frozen=True)
class CancelRequested(Fact):
    """The subscription will end with its period, at `ends_at`."""

    subscription_id: UUID
    customer_id: UUID
    ends_at: datetime


@dataclass(frozen=True)
class CancelWithdrawn(Fact):
    """The subscription will renew after all."""

    subscription_id: UUID
    customer_id: UUID


@dataclass(frozen=True)
class SubscriptionPastDue(Fact):
    """A payment failed; access goes on for as long as dunning allows."""

    subscription_id: UUID
    customer_id: UUID


@dataclass(frozen=True)
class SubscriptionSuspended(Fact):
    """Nothing may be used until all that is due is paid."""

    subscription_id: UUID
    customer_id: UUID


@dataclass(frozen=True)
class SubscriptionRecovered(Fact):
    """What was due has been paid."""

    subscription_id: UUID
    customer_id: UUID


@dataclass(frozen=True)
class SubscriptionEnded(Fact):
    """The subscription is over."""

    subscription_id: UUID
    customer_id: UUID
    ended_at: datetime
