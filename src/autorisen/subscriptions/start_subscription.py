"""Start a subscription, and start every new customer on the default plan."""

from __future__ import annotations

from datetime import datetime

from autorisen import accounts, catalog
from autorisen.accounts import Customer, CustomerCreated
from autorisen.catalog import Interval, PlanVersion
from autorisen.kit.unit import Unit
from autorisen.kit.work import record
from autorisen.subscriptions import store
from autorisen.subscriptions.errors import AlreadySubscribed
from autorisen.subscriptions.model import Status, Subscription
from autorisen.subscriptions.open_period import open_period
from autorisen.subscriptions.renewal import require_sold, start_of, subscription_to


async def start_subscription(
    unit: Unit, *, customer: Customer, plan_key: str, interval: Interval = "month", start_at: datetime | None = None
) -> Subscription:
    """Put a customer on a plan from `start_at` (default: now) on and open the first period, whose fee is yet to pay.

    Raises `AlreadySubscribed` when a live subscription exists, `PlanNotFound` and `PlanNotSold`.
    """
    begin = start_at or unit.now
    plan = await catalog.current_plan(unit.tx, plan_key, unit.now)
    return await start_on(unit, customer, plan, interval=interval, start_at=begin)


async def on_customer_created(unit: Unit, fact: CustomerCreated) -> None:
    """Start the default plan at the instant of the sign-up, unless the customer was put on a plan meanwhile."""
    if await store.subscription_history(unit.tx, fact.customer_id):
        return
    customer = await accounts.customer(unit.tx, fact.customer_id)
    plan = await catalog.default_plan(unit.tx, unit.now)
    await start_on(unit, customer, plan, interval="month", start_at=customer.created_at)


async def start_on(
    unit: Unit, customer: Customer, plan: PlanVersion, *, interval: Interval, start_at: datetime
) -> Subscription:
    """Start on exactly this plan version."""
    require_sold(plan, customer.currency, interval)
    subscription = await insert_on(unit, customer, plan, interval=interval, start_at=start_at, status=Status.ACTIVE)
    if subscription is None:
        raise AlreadySubscribed("change the plan of the live subscription instead")
    await record(unit, start_of(subscription))
    await open_period(unit, subscription, start_at=start_at, ordinal=1, follows=False, fee_invoiced=False)
    return subscription


async def insert_on(
    unit: Unit, customer: Customer, plan: PlanVersion, *, interval: Interval, start_at: datetime, status: Status
) -> Subscription | None:
    """Store a subscription without a period; None when the customer has one that is live, or wanted, already."""
    subscription = subscription_to(plan, customer, unit.ids.new(), interval=interval, start_at=start_at, status=status)
    return subscription if await store.insert_subscription(unit.tx, subscription) else None
