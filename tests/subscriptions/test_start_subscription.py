"""Every customer is on a plan from the instant of the sign-up, and on one plan only."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from autorisen.accounts import CustomerCreated
from autorisen.catalog import NoDefaultPlan
from autorisen.kit.unit import Runtime, Unit
from autorisen.kit.work import Worker
from autorisen.subscriptions import (
    AlreadySubscribed,
    PlanNotSold,
    Status,
    current_period,
    on_customer_created,
    start_subscription,
    subscription_history,
    subscription_of,
)
from tests.factories.accounts import make_customer
from tests.factories.catalog import apply_shipped, apply_text
from tests.factories.subscriptions import subscribe

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


async def test_a_new_customer_is_on_the_default_plan(runtime: Runtime, worker: Worker) -> None:
    async with runtime.unit() as unit:
        await apply_shipped(unit)
        customer = await make_customer(unit)
    await worker.drain()
    async with runtime.database.read() as tx:
        subscription = await subscription_of(tx, customer.id)
        assert subscription is not None
        period = await current_period(tx, subscription.id)
    assert (subscription.plan_key, subscription.status, subscription.currency) == ("free", Status.ACTIVE, "ZAR")
    assert (period.start_at, period.end_at) == (START, datetime(2026, 4, 1, 8, 0, tzinfo=UTC))
    assert (period.ordinal, period.status, period.fee_invoiced, period.was_cut) == (1, "open", False, False)


async def test_a_customer_put_on_a_plan_at_once_is_left_there(runtime: Runtime, worker: Worker) -> None:
    async with runtime.unit() as unit:
        customer, started = await subscribe(unit)
    await worker.drain()
    async with runtime.database.read() as tx:
        assert await subscription_history(tx, customer.id) == [started]


async def test_a_handler_run_again_starts_nothing(unit: Unit) -> None:
    await apply_shipped(unit)
    customer = await make_customer(unit)
    fact = CustomerCreated(customer.id, customer.key)
    await on_customer_created(unit, fact)
    await on_customer_created(unit, fact)
    assert len(await subscription_history(unit.tx, customer.id)) == 1


async def test_without_a_catalog_the_start_waits(unit: Unit) -> None:
    customer = await make_customer(unit)
    with pytest.raises(NoDefaultPlan):
        await on_customer_created(unit, CustomerCreated(customer.id, customer.key))
    assert await subscription_of(unit.tx, customer.id) is None


async def test_a_second_live_subscription_is_refused(unit: Unit) -> None:
    customer, started = await subscribe(unit)
    with pytest.raises(AlreadySubscribed):
        await start_subscription(unit, customer=customer, plan_key="enterprise")
    assert await subscription_of(unit.tx, customer.id) == started


async def test_a_plan_without_a_price_for_the_interval_is_not_sold(unit: Unit) -> None:
    await apply_text(
        unit,
        """
        [[plan]]
        key = "free"
        name = "Free"
        tagline = "To begin with"
        rank = 0
        default = true
        features = []
        limits = { agents = 1, executions = 1, projects = 1, storage_mb = 1, support_hours = 1 }
        price = [{ currency = "ZAR", interval = "month", amount = "0" },
                 { currency = "USD", interval = "month", amount = "0" }]
        """,
    )
    customer = await make_customer(unit)
    with pytest.raises(PlanNotSold) as refusal:
        await start_subscription(unit, customer=customer, plan_key="free", interval="year")
    assert refusal.value.errors[0].field == "/interval"
    assert await subscription_of(unit.tx, customer.id) is None
