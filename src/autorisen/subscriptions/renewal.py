"""What follows a period that is over: the next one, or the end of the subscription and the default plan. Pure.

Whatever is to happen at a period's end is decided in `renew`: what it depends on is a field of `EndedPeriod`, what it
leads to one of `Renewal`. `following` has the rule of the next period.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from autorisen.accounts import Customer
from autorisen.catalog import Interval, NoDefaultPlan, PlanVersion
from autorisen.kit.problems import FieldError
from autorisen.kit.work import Fact
from autorisen.subscriptions.errors import PeriodStillRunning, PlanNotSold
from autorisen.subscriptions.facts import (
    PeriodOpened,
    PlanChanged,
    SubscriptionEnded,
    SubscriptionPaused,
    SubscriptionStarted,
)
from autorisen.subscriptions.model import (
    Following,
    Period,
    PeriodKind,
    Status,
    Subscription,
    Trigger,
    following,
    next_status,
)
from autorisen.subscriptions.periods import next_period_end

NewId = Callable[[], UUID]


@dataclass(frozen=True)
class EndedPeriod:
    """A period, and what decides on the time after it. `following` is the period after it, where that is stored."""

    period: Period
    subscription: Subscription
    customer: Customer
    following: Period | None
    default_plan: PlanVersion | None


@dataclass(frozen=True)
class Renewal:
    """What the end of a period leads to. `following` is the period whose flat fee is now to be invoiced.

    To be written: the period as closed; the subscription as it is `changed`, which may be ended; one that is `started`;
    the period that is `opened`. To be recorded: `facts`.
    """

    period_id: UUID
    following: Period | None = None
    opened: Period | None = None
    changed: Subscription | None = None
    started: Subscription | None = None
    facts: tuple[Fact, ...] = ()


def renew(over: EndedPeriod, *, at: datetime, new_id: NewId) -> Renewal:
    """What follows. Raises `PeriodStillRunning` before the period's end, and what starting the default plan raises."""
    period, subscription = over.period, over.subscription
    if period.status == "closed":
        return Renewal(period.id)
    if at < period.end_at:
        raise PeriodStillRunning(f"it runs until {period.end_at.isoformat()}")
    if over.following is not None:
        return Renewal(period.id, over.following if over.following.owes_fee else None)
    after = following(subscription, period)
    if after is not None:
        opened = period_after(after, period, new_id())
        return Renewal(
            period_id=period.id,
            following=opened if opened.owes_fee else None,
            opened=opened,
            changed=after.subscription if after.subscription != subscription else None,
            facts=(*changes_with(subscription, after, period.end_at), opening_of(opened)),
        )
    ended = _ended(subscription, period.end_at)
    over_fact = SubscriptionEnded(ended.id, ended.customer_id, period.end_at)
    if not subscription.is_live:
        return Renewal(period.id, changed=ended, facts=(over_fact,))
    if over.default_plan is None:
        raise NoDefaultPlan("run `autorisen catalog apply` first")
    started, first, facts = start_on_default(over.default_plan, over.customer, subscription, period.end_at, new_id)
    return Renewal(period.id, first, first, ended, started, (over_fact, *facts))


def changes_with(before: Subscription, after: Following, at: datetime) -> tuple[Fact, ...]:
    """What happens to a subscription as it goes on from one period to the next."""
    goes_on = after.subscription
    facts: list[Fact] = []
    if goes_on.status is not before.status:
        facts.append(SubscriptionPaused(before.id, before.customer_id, at))
    if before.next_plan_version_id is not None:
        facts.append(plan_changed(before, goes_on, at, planned=True))
    return tuple(facts)


def plan_changed(before: Subscription, after: Subscription, at: datetime, *, planned: bool = False) -> PlanChanged:
    """What is recorded of a change from one plan or cycle to another."""
    return PlanChanged(
        before.id,
        before.customer_id,
        before.plan_version_id,
        after.plan_version_id,
        at,
        planned,
        before.interval,
        after.interval,
    )


def period_after(after: Following, before: Period, id: UUID) -> Period:
    """The period that comes after `before`, where it ends."""
    subscription = after.subscription
    end_at = next_period_end(subscription.anchor_at, after.interval, after.ordinal, subscription.time_zone)
    return period_of(
        subscription,
        id,
        start_at=before.end_at,
        end_at=end_at,
        ordinal=after.ordinal,
        interval=after.interval,
        kind=after.kind,
    )


def paid_time_after(subscription: Subscription, trial: Period, id: UUID) -> Period:
    """The period that follows a trial that is paid on for."""
    goes_on = replace(subscription, anchor_at=trial.end_at)
    return period_after(Following(goes_on, 1, "paid"), trial, id)


def period_of(
    subscription: Subscription,
    id: UUID,
    *,
    start_at: datetime,
    end_at: datetime,
    ordinal: int,
    interval: Interval,
    kind: PeriodKind = "paid",
    fee_invoiced: bool = False,
) -> Period:
    """A new period of a subscription, whose end is known."""
    return Period(
        id=id,
        subscription_id=subscription.id,
        customer_id=subscription.customer_id,
        plan_version_id=subscription.plan_version_id,
        interval=interval,
        ordinal=ordinal,
        start_at=start_at,
        end_at=end_at,
        planned_end_at=end_at,
        status="open",
        fee_invoiced=fee_invoiced,
        kind=kind,
    )


def start_on_default(
    plan: PlanVersion, customer: Customer, before: Subscription, start_at: datetime, new_id: NewId
) -> tuple[Subscription, Period, tuple[Fact, ...]]:
    """What follows a subscription that ended: the default plan in the same currency, without a gap."""
    sold_alike = replace(customer, currency=before.currency)
    require_sold(plan, sold_alike.currency, "month")
    started = subscription_to(plan, sold_alike, new_id(), interval="month", start_at=start_at, status=Status.ACTIVE)
    end_at = next_period_end(start_at, "month", 1, started.time_zone)
    first = period_of(started, new_id(), start_at=start_at, end_at=end_at, ordinal=1, interval="month")
    return started, first, (start_of(started), opening_of(first))


def subscription_to(
    plan: PlanVersion, customer: Customer, id: UUID, *, interval: Interval, start_at: datetime, status: Status
) -> Subscription:
    """A new subscription to exactly this plan version."""
    return Subscription(
        id=id,
        customer_id=customer.id,
        plan_version_id=plan.id,
        plan_key=plan.plan_key,
        currency=customer.currency,
        interval=interval,
        status=status,
        cancel_at_period_end=False,
        started_at=start_at,
        ended_at=None,
        anchor_at=start_at,
        time_zone=customer.time_zone,
    )


def start_of(subscription: Subscription) -> SubscriptionStarted:
    return SubscriptionStarted(
        subscription.id, subscription.customer_id, subscription.plan_key, subscription.started_at
    )


def opening_of(period: Period) -> PeriodOpened:
    return PeriodOpened(period.id, period.subscription_id, period.customer_id, period.start_at, period.end_at)


def require_sold(plan: PlanVersion, currency: str, interval: Interval) -> None:
    """Raises `PlanNotSold` when the plan has no price in that currency for that interval."""
    if plan.flat_price(currency, interval) is None:
        rule = f"must be one that {plan.name} is sold in: it has no price in {currency} per {interval}"
        raise PlanNotSold(rule, errors=[FieldError("/interval", rule)])


def _ended(subscription: Subscription, ended_at: datetime) -> Subscription:
    status = next_status(subscription.status, Trigger.END)
    # A subscription cancelled at once keeps the instant of its cancellation.
    return replace(subscription, status=status, ended_at=subscription.ended_at or ended_at)
