"""Subscriptions and their periods as the machine interface shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from autorisen import catalog
from autorisen.accounts import Customer, Principal
from autorisen.catalog import PlanVersion
from autorisen.kit.database import Tx
from autorisen.kit.ids import parse_public_id
from autorisen.subscriptions import store
from autorisen.subscriptions.errors import SubscriptionNotFound
from autorisen.subscriptions.model import Period, PeriodKind, Status, Subscription


class PeriodView(BaseModel):
    """A half-open stretch of time: `start_at` belongs to it, `end_at` does not. Only a paid one has a fee."""

    id: str
    start_at: datetime
    end_at: datetime
    status: Literal["open", "closed"]
    kind: PeriodKind


class PlannedView(BaseModel):
    """What happens when the period is over; `plan` and `interval` are those of a change, else null."""

    what: Literal["cancel", "pause", "change"]
    at: datetime
    plan: str | None
    interval: Literal["month", "year"] | None


class SubscriptionView(BaseModel):
    """What a customer is subscribed to. `amount` is the fee of one period in major units, tax included.

    `current_period` is the newest one; null for a subscription whose first payment has not come. `planned` is what is
    to happen when it is over, and can be taken back until then.
    """

    id: str
    customer: str
    plan: str
    plan_name: str
    plan_version: int
    status: Status
    interval: Literal["month", "year"]
    currency: str
    amount: str
    started_at: datetime
    ended_at: datetime | None
    cancel_at_period_end: bool
    planned: PlannedView | None
    current_period: PeriodView | None


class SubscriptionList(BaseModel):
    """Every subscription of a customer, the newest first."""

    subscriptions: list[SubscriptionView]


class PeriodList(BaseModel):
    """Every period of a subscription, in order."""

    subscription: str
    periods: list[PeriodView]


async def visible_subscription(tx: Tx, principal: Principal, text: str) -> Subscription:
    """The subscription of that sub_ id; another customer's is answered like one that does not exist."""
    found = await store.subscription(tx, parse_public_id("sub", text))
    if not principal.sees(found.customer_id):
        raise SubscriptionNotFound("no subscription has that id")
    return found


async def subscription_view(tx: Tx, customer: Customer, subscription: Subscription) -> SubscriptionView:
    """A subscription with its plan and its newest period."""
    plan = await catalog.plan_version(tx, subscription.plan_version_id)
    period = await store.newest_period(tx, subscription.id)
    return SubscriptionView(
        id=subscription.public_id,
        customer=customer.public_id,
        plan=plan.plan_key,
        plan_name=plan.name,
        plan_version=plan.version,
        status=subscription.status,
        interval=subscription.interval,
        currency=subscription.currency,
        amount=_fee(plan, subscription),
        started_at=subscription.started_at,
        ended_at=subscription.ended_at,
        cancel_at_period_end=subscription.cancel_at_period_end,
        planned=None if period is None else _planned(subscription, period),
        current_period=None if period is None else period_view(period),
    )


def period_view(period: Period) -> PeriodView:
    return PeriodView(
        id=period.public_id, start_at=period.start_at, end_at=period.end_at, status=period.status, kind=period.kind
    )


def _planned(subscription: Subscription, period: Period) -> PlannedView | None:
    if subscription.cancel_at_period_end:
        return PlannedView(what="cancel", at=period.end_at, plan=None, interval=None)
    if subscription.pause_at_period_end:
        return PlannedView(what="pause", at=period.end_at, plan=None, interval=None)
    if subscription.next_plan_key is None:
        return None
    return PlannedView(
        what="change", at=period.end_at, plan=subscription.next_plan_key, interval=subscription.next_interval
    )


def _fee(plan: PlanVersion, subscription: Subscription) -> str:
    price = plan.flat_price(subscription.currency, subscription.interval)
    assert price is not None, "every verb refuses a plan that is not sold that way"
    return f"{price.amount.major:f}"
