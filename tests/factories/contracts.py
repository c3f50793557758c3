"""A customer, plans, a subscription and its first period that are stored nowhere, for pure tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

from autorisen.accounts import Customer
from autorisen.catalog import FlatPrice, PlanVersion, Price
from autorisen.kit.money import Money
from autorisen.subscriptions import Period, Status, Subscription

START = datetime(2026, 1, 31, 8, tzinfo=UTC)
END = datetime(2026, 2, 28, 8, tzinfo=UTC)
AFTER = datetime(2026, 3, 31, 8, tzinfo=UTC)  # the day of the anchor again
INSTANT = timedelta(microseconds=1)

BUYER = Customer(
    UUID(int=1), "acme", "Acme", "pay@acme.example", "ZA", "ZAR", "Africa/Johannesburg", "1 Long Street", "", START
)
CONTRACT = Subscription(
    id=UUID(int=2),
    customer_id=BUYER.id,
    plan_version_id=UUID(int=4),
    plan_key="pro",
    currency="ZAR",
    interval="month",
    status=Status.ACTIVE,
    cancel_at_period_end=False,
    started_at=START,
    ended_at=None,
    anchor_at=START,
    time_zone="Africa/Johannesburg",
)
PERIOD = Period(
    id=UUID(int=3),
    subscription_id=CONTRACT.id,
    customer_id=BUYER.id,
    plan_version_id=CONTRACT.plan_version_id,
    interval="month",
    ordinal=1,
    start_at=START,
    end_at=END,
    planned_end_at=END,
    status="open",
    fee_invoiced=False,
)


def a_flat_price(minor: int, currency: str = "ZAR") -> FlatPrice:
    return FlatPrice(UUID(int=6), currency, "month", Money(minor, currency))


def a_plan(*prices: Price, key: str = "pro", id: int = 4) -> PlanVersion:
    """A plan of these prices; the subscription's when nothing else is said."""
    return PlanVersion(UUID(int=id), key, 1, key.title(), "", 0, key == "free", {}, (), prices, START)


def new_ids() -> Callable[[], UUID]:
    """Ids from 101 on, in the order in which they are asked for."""
    numbers = count(101)
    return lambda: UUID(int=next(numbers))
