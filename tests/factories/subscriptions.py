"""Subscriptions for tests, made through the same verbs as real ones."""

from __future__ import annotations

from datetime import datetime

from autorisen.accounts import Customer
from autorisen.catalog import Interval, current_plan
from autorisen.kit.unit import Unit
from autorisen.subscriptions import Period, Subscription, change_plan, start_subscription
from tests.factories.accounts import make_customer
from tests.factories.catalog import apply_shipped


async def subscribe(
    unit: Unit,
    *,
    plan_key: str = "pro",
    interval: Interval = "month",
    key: str = "acme",
    start_at: datetime | None = None,
    time_zone: str = "Africa/Johannesburg",
) -> tuple[Customer, Subscription]:
    """A customer on a plan of the shipped catalog, which is applied first."""
    await apply_shipped(unit)
    customer = await make_customer(unit, key=key, time_zone=time_zone)
    started = await start_subscription(unit, customer=customer, plan_key=plan_key, interval=interval, start_at=start_at)
    return customer, started


async def move_to(unit: Unit, subscription: Subscription, plan_key: str, at: datetime) -> Period:
    """Change the plan at once, its fee invoiced ahead, as an upgrade does."""
    plan = await current_plan(unit.tx, plan_key, unit.now)
    return await change_plan(unit, subscription_id=subscription.id, plan_version=plan, at=at)
