"""Subscriptions, their periods and states, and what they allow. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal
from uuid import UUID

from autorisen.catalog import Interval, months_of
from autorisen.kit.ids import public_id
from autorisen.subscriptions.errors import TransitionRefused

# A period is never empty: what happens at its first instant takes effect one of these later.
INSTANT = timedelta(microseconds=1)


class Status(StrEnum):
    """Where a subscription stands."""

    TRIALING = "trialing"  # tries a plan without paying; its use counts against the plan's allowance
    INCOMPLETE = "incomplete"  # wanted, but its first payment has not come; it entitles to nothing, and expires
    ACTIVE = "active"
    PAST_DUE = "past_due"  # a payment failed; it still entitles, for as long as dunning allows
    PAUSED = "paused"  # kept without a fee; nothing may be used
    CANCELLED = "cancelled"  # stopped at once; only the closing of its last period is left
    ENDED = "ended"  # over, and final


class Trigger(StrEnum):
    """What may happen to a subscription."""

    PAID = "paid"  # all that was due is paid
    PAYMENT_FAILED = "payment_failed"
    START_TRIAL = "start_trial"
    END_TRIAL = "end_trial"  # the trial is over, and there is a way to collect
    CHANGE_PLAN = "change_plan"  # at once: an upgrade, another cycle, or a purchase during the trial
    SCHEDULE_CHANGE = "schedule_change"  # with the period: a downgrade, or a year that becomes months
    REQUEST_CANCEL = "request_cancel"  # with the period
    REQUEST_PAUSE = "request_pause"  # with the period
    KEEP = "keep"  # takes back whatever was to happen with the period
    RENEW = "renew"  # a period follows a period
    PAUSE = "pause"  # at once, or with the period when it was requested
    RESUME = "resume"
    CANCEL_NOW = "cancel_now"
    EXPIRE = "expire"  # the first payment did not come in time
    END = "end"  # the last period is closed


_TRIAL, _INCOMPLETE, _ACTIVE, _DUE = Status.TRIALING, Status.INCOMPLETE, Status.ACTIVE, Status.PAST_DUE
_PAUSED, _CANCELLED, _ENDED, _NO = Status.PAUSED, Status.CANCELLED, Status.ENDED, None

# THE state table, total over (status, trigger): the status that follows, or _NO where the trigger is refused.
# The columns are the statuses in the order of `Status`. Late payments of old invoices still arrive after the end; they
# settle the invoice and revive nothing. `subscriptions.may_move` in the database holds the moves; a test compares both,
# and `scripts/write_lifecycle.py` draws docs/lifecycle.md from here.
_ROWS: Mapping[Trigger, tuple[Status | None, ...]] = {
    Trigger.PAID: (_TRIAL, _ACTIVE, _ACTIVE, _ACTIVE, _PAUSED, _CANCELLED, _ENDED),
    Trigger.PAYMENT_FAILED: (_TRIAL, _INCOMPLETE, _DUE, _DUE, _PAUSED, _CANCELLED, _ENDED),
    Trigger.START_TRIAL: (_NO, _NO, _TRIAL, _NO, _NO, _NO, _NO),
    Trigger.END_TRIAL: (_ACTIVE, _NO, _NO, _NO, _NO, _NO, _NO),
    Trigger.CHANGE_PLAN: (_ACTIVE, _NO, _ACTIVE, _DUE, _NO, _NO, _NO),
    Trigger.SCHEDULE_CHANGE: (_NO, _NO, _ACTIVE, _DUE, _NO, _NO, _NO),
    Trigger.REQUEST_CANCEL: (_TRIAL, _NO, _ACTIVE, _DUE, _PAUSED, _NO, _NO),
    Trigger.REQUEST_PAUSE: (_NO, _NO, _ACTIVE, _DUE, _NO, _NO, _NO),
    Trigger.KEEP: (_TRIAL, _NO, _ACTIVE, _DUE, _PAUSED, _NO, _NO),
    Trigger.RENEW: (_NO, _NO, _ACTIVE, _DUE, _PAUSED, _NO, _NO),
    Trigger.PAUSE: (_NO, _NO, _PAUSED, _PAUSED, _NO, _NO, _NO),
    Trigger.RESUME: (_NO, _NO, _NO, _NO, _ACTIVE, _NO, _NO),
    Trigger.CANCEL_NOW: (_CANCELLED, _ENDED, _CANCELLED, _CANCELLED, _CANCELLED, _NO, _NO),
    Trigger.EXPIRE: (_NO, _ENDED, _NO, _NO, _NO, _NO, _NO),
    Trigger.END: (_ENDED, _NO, _ENDED, _ENDED, _ENDED, _ENDED, _NO),
}
TRANSITIONS: Mapping[Status, Mapping[Trigger, Status | None]] = {
    status: {trigger: row[column] for trigger, row in _ROWS.items()} for column, status in enumerate(Status)
}
MOVES: frozenset[tuple[Status, Status]] = frozenset(
    (status, after)
    for status, row in TRANSITIONS.items()
    for after in row.values()
    if after is not None and after is not status
)
# What a new row may say; the database knows them too.
FIRST = frozenset({Status.ACTIVE, Status.INCOMPLETE})

# A customer has at most one of these; the partial unique index of the table names the same.
LIVE = frozenset({Status.TRIALING, Status.ACTIVE, Status.PAST_DUE, Status.PAUSED})

# THE access rules: what a live subscription lets its customer use, by its status and whether it is suspended for want
# of a payment. `plan`: what the plan allows in the period that runs; `nothing`: nothing, whatever the plan says.
# Whoever has no live subscription may use nothing; docs/howto/dunning.md shows this table, and a test compares both.
ACCESS: Mapping[tuple[Status, bool], Literal["plan", "nothing"]] = {
    (Status.TRIALING, False): "plan",
    (Status.ACTIVE, False): "plan",
    (Status.PAST_DUE, False): "plan",
    (Status.PAUSED, False): "nothing",
    (Status.TRIALING, True): "nothing",
    (Status.ACTIVE, True): "nothing",
    (Status.PAST_DUE, True): "nothing",
    (Status.PAUSED, True): "nothing",
}

# Why a stretch of time is stored: it is paid for, tried, or a pause.
PeriodKind = Literal["paid", "trial", "pause"]


def next_status(status: Status, trigger: Trigger) -> Status:
    """The status after the trigger. Raises `TransitionRefused` where the table has none."""
    following = TRANSITIONS[status][trigger]
    if following is None:
        raise TransitionRefused(f"a subscription that is {status} can't take {trigger}")
    return following


@dataclass(frozen=True)
class Subscription:
    """The contract of a customer on one plan version. Its periods are counted from `anchor_at` in its time zone.

    At most one thing is to happen with the period that runs: it is cancelled, paused, or goes on as the `next_` plan.
    """

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
    pause_at_period_end: bool = False
    next_plan_version_id: UUID | None = None
    next_plan_key: str | None = None
    next_interval: Interval | None = None
    suspended_at: datetime | None = None  # since when nothing may be used, for want of a payment

    @property
    def public_id(self) -> str:
        return public_id("sub", self.id)

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def allows_nothing(self) -> bool:
        """Whether nothing may be used, whatever the plan says."""
        return ACCESS[self.status, self.suspended_at is not None] == "nothing"

    @property
    def renews(self) -> bool:
        """Whether another period follows the present one by itself; what follows a trial is decided at its end."""
        return self.is_live and not self.cancel_at_period_end and self.status is not Status.TRIALING

    @property
    def kept(self) -> Subscription:
        """The same, with nothing to happen at the end of its period."""
        return replace(
            self,
            cancel_at_period_end=False,
            pause_at_period_end=False,
            next_plan_version_id=None,
            next_plan_key=None,
            next_interval=None,
        )


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
    kind: PeriodKind = "paid"

    @property
    def public_id(self) -> str:
        return public_id("per", self.id)

    @property
    def was_cut(self) -> bool:
        return self.end_at < self.planned_end_at

    @property
    def owes_fee(self) -> bool:
        """Whether its flat fee is still to be invoiced when the period before it is closed.

        One that was opened early and cut again is left out: it lasted from the end of that period to the change, less
        than the closing was late, and no fee is worth charging for that.
        """
        return self.kind == "paid" and not self.fee_invoiced and not self.was_cut


@dataclass(frozen=True)
class Following:
    """What comes after a period: the subscription as it goes on, and the number and kind of its next period."""

    subscription: Subscription
    ordinal: int
    kind: PeriodKind

    @property
    def interval(self) -> Interval:
        """A pause is counted in months, whatever the cycle is."""
        return "month" if self.kind == "pause" else self.subscription.interval


def following(subscription: Subscription, period: Period) -> Following | None:
    """What follows the newest period of a subscription when it is over; None when the subscription ends with it."""
    if not subscription.renews:
        return None
    if subscription.pause_at_period_end or (subscription.status is Status.PAUSED and period.kind == "paid"):
        status = (
            Status.PAUSED if subscription.status is Status.PAUSED else next_status(subscription.status, Trigger.PAUSE)
        )
        return Following(replace(subscription.kept, status=status, anchor_at=period.end_at), 1, "pause")
    renewed = replace(subscription.kept, status=next_status(subscription.status, Trigger.RENEW))
    if subscription.next_plan_version_id is None:
        return Following(renewed, period.ordinal + 1, period.kind)
    assert subscription.next_plan_key is not None, "the columns of a planned change are filled together"
    assert subscription.next_interval is not None, "the columns of a planned change are filled together"
    months = period.ordinal * months_of(period.interval)
    cycle = months_of(subscription.next_interval)
    # The day of the month stays the anchor's, unless the new cycle does not meet the end of the old one.
    anchor_at, done = (subscription.anchor_at, months // cycle) if months % cycle == 0 else (period.end_at, 0)
    changed = replace(
        renewed,
        plan_version_id=subscription.next_plan_version_id,
        plan_key=subscription.next_plan_key,
        interval=subscription.next_interval,
        anchor_at=anchor_at,
    )
    return Following(changed, done + 1, "paid")


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
