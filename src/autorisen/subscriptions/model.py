"""Subscriptions, their periods and states, and what they allow. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal
from uuid import UUID

from autorisen.catalog import Interval
from autorisen.kit.ids import public_id
from autorisen.subscriptions.errors import TransitionRefused
from autorisen.subscriptions.periods import next_period_end

# A period is never empty: what happens at its first instant takes effect one of these later.
INSTANT = timedelta(microseconds=1)


class Status(StrEnum):
    """Where a subscription stands."""

    INCOMPLETE = "incomplete"  # wanted, but its first payment has not come; it entitles to nothing
    ACTIVE = "active"
    PAST_DUE = "past_due"  # a payment failed; it still entitles, for as long as dunning allows
    CANCELLED = "cancelled"  # stopped at once; only the closing of its last period is left
    ENDED = "ended"  # over, and final


class Trigger(StrEnum):
    """What may happen to a subscription."""

    PAID = "paid"
    PAYMENT_FAILED = "payment_failed"
    REQUEST_CANCEL = "request_cancel"
    RESUME = "resume"
    CHANGE_PLAN = "change_plan"
    RENEW = "renew"
    CANCEL_NOW = "cancel_now"
    END = "end"


# Every cell is stated: the status that follows, or None where the trigger is refused.
TRANSITIONS: Mapping[Status, Mapping[Trigger, Status | None]] = {
    Status.INCOMPLETE: {
        Trigger.PAID: Status.ACTIVE,
        Trigger.PAYMENT_FAILED: Status.INCOMPLETE,
        Trigger.REQUEST_CANCEL: None,
        Trigger.RESUME: None,
        Trigger.CHANGE_PLAN: None,
        Trigger.RENEW: None,
        Trigger.CANCEL_NOW: Status.ENDED,
        Trigger.END: Status.ENDED,
    },
    Status.ACTIVE: {
        Trigger.PAID: Status.ACTIVE,
        Trigger.PAYMENT_FAILED: Status.PAST_DUE,
        Trigger.REQUEST_CANCEL: Status.ACTIVE,
        Trigger.RESUME: Status.ACTIVE,
        Trigger.CHANGE_PLAN: Status.ACTIVE,
        Trigger.RENEW: Status.ACTIVE,
        Trigger.CANCEL_NOW: Status.CANCELLED,
        Trigger.END: Status.ENDED,
    },
    Status.PAST_DUE: {
        Trigger.PAID: Status.ACTIVE,
        Trigger.PAYMENT_FAILED: Status.PAST_DUE,
        Trigger.REQUEST_CANCEL: Status.PAST_DUE,
        Trigger.RESUME: Status.PAST_DUE,
        Trigger.CHANGE_PLAN: Status.PAST_DUE,
        Trigger.RENEW: Status.PAST_DUE,
        Trigger.CANCEL_NOW: Status.CANCELLED,
        Trigger.END: Status.ENDED,
    },
    # Late payments of old invoices still arrive after the end; they settle the invoice and revive nothing.
    Status.CANCELLED: {
        Trigger.PAID: Status.CANCELLED,
        Trigger.PAYMENT_FAILED: Status.CANCELLED,
        Trigger.REQUEST_CANCEL: None,
        Trigger.RESUME: None,
        Trigger.CHANGE_PLAN: None,
        Trigger.RENEW: None,
        Trigger.CANCEL_NOW: None,
        Trigger.END: Status.ENDED,
    },
    Status.ENDED: {
        Trigger.PAID: Status.ENDED,
        Trigger.PAYMENT_FAILED: Status.ENDED,
        Trigger.REQUEST_CANCEL: None,
        Trigger.RESUME: None,
        Trigger.CHANGE_PLAN: None,
        Trigger.RENEW: None,
        Trigger.CANCEL_NOW: None,
        Trigger.END: None,
    },
}

# A customer has at most one of these; the partial unique index of the table names the same.
LIVE = frozenset({Status.ACTIVE, Status.PAST_DUE})


def next_status(status: Status, trigger: Trigger) -> Status:
    """The status after the trigger. Raises `TransitionRefused` where the table has none."""
    following = TRANSITIONS[status][trigger]
    if following is None:
        raise TransitionRefused(f"a subscription that is {status} can't take {trigger}")
    return following


@dataclass(frozen=True)
class Subscription:
    """The contract of a customer on one plan version. Its periods are counted from `anchor_at` in its time zone."""

    id: UUID
    customer_id: UUID
    plan_version_id: UUID
    plan_key: str
    currency: str
    interval: Interval
    status: Status
    cancel_at_period_end: bool
    started_at: datetime
    ended_at: datetime | None
    anchor_at: datetime
    time_zone: str

    @property
    def public_id(self) -> str:
        return public_id("sub", self.id)

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def renews(self) -> bool:
        """Whether another period follows the present one."""
        return self.is_live and not self.cancel_at_period_end


@dataclass(frozen=True)
class Period:
    """A stored, half-open stretch of a subscription: `start_at` belongs to it, `end_at` does not.

    A change of plan cuts it short: `planned_end_at` is what its fee pays for, `end_at` is where it ends. `ordinal`
    counts periods since the anchor. `fee_invoiced` says that its flat fee was invoiced ahead, at an upgrade.
    """

    id: UUID
    subscription_id: UUID
    customer_id: UUID
    plan_version_id: UUID
    interval: Interval
    ordinal: int
    start_at: datetime
    end_at: datetime
    planned_end_at: datetime
    status: Literal["open", "closed"]
    fee_invoiced: bool

    @property
    def public_id(self) -> str:
        return public_id("per", self.id)

    @property
    def was_cut(self) -> bool:
        return self.end_at < self.planned_end_at

    def is_renewal_of(self, before: Period) -> bool:
        """Whether it goes on with the same terms in full: opened early, by a cancellation in the grace time, say.

        One that a change of plan has cut again is left out: it lasted from the end of `before` to the change, less
        than the closing was late, and no fee is worth charging for that.
        """
        return self.ordinal == before.ordinal + 1 and not self.was_cut


@dataclass(frozen=True)
class Entitlement:
    """One thing that a customer may use, in the period that runs now.

    `included` of None is unlimited; `used` of None is not counted by metering. `unit_price` is minor units of
    `currency` per unit beyond the allowance, and None where there is none to pay.
    """

    key: str
    kind: Literal["meter", "limit"]
    name: str
    unit: str
    included: Decimal | None
    used: Decimal | None
    left: Decimal | None
    overage_allowed: bool
    unit_price: Decimal | None
    currency: str

    @property
    def allows_more(self) -> bool:
        """Whether one more unit may be used."""
        return self.overage_allowed or self.left is None or self.left > 0


@dataclass(frozen=True)
class Standing:
    """What holds for a customer at one instant: the terms, and the stretch that allowances count in."""

    plan_version_id: UUID | None  # None: the default plan of that instant
    interval: Interval
    start_at: datetime
    end_at: datetime


def standing(subscription: Subscription, period: Period, now: datetime) -> Standing | None:
    """What the newest period of a subscription allows now, however late the closing of that period runs.

    Nothing before the subscription starts, and nothing of a period once it is over: a subscription that renews goes
    on with the next stretch, one that was to end has fallen back to the default plan.
    """
    if not subscription.is_live or now < subscription.started_at:
        return None
    if now < period.end_at:
        return Standing(period.plan_version_id, period.interval, period.start_at, period.end_at)
    if subscription.renews:
        anchor, interval, ordinal = subscription.anchor_at, subscription.interval, period.ordinal
        version: UUID | None = subscription.plan_version_id
    else:
        anchor, interval, ordinal, version = period.end_at, "month", 0, None
    start, end = period.end_at, period.end_at
    while end <= now:
        ordinal += 1
        start, end = end, next_period_end(anchor, interval, ordinal, subscription.time_zone)
    return Standing(version, interval, start, end)
