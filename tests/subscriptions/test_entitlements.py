"""What a customer may use now: the plan's allowance less exact usage, and nothing after the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from autorisen.accounts import Customer
from autorisen.catalog import current_plan
from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime, Unit
from autorisen.metering import ingest, new_event
from autorisen.subscriptions import (
    Entitlement,
    PlanNotSold,
    cancel_now,
    change_plan,
    close_and_open_next,
    current_period,
    entitlements,
    request_cancel,
    status_counts,
    subscriptions_of,
)
from autorisen.subscriptions.model import Status
from tests.factories.accounts import make_customer
from tests.factories.subscriptions import move_to, subscribe

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
END = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)


async def rights(unit: Unit, customer: Customer, now: datetime | None = None) -> dict[str, Entitlement]:
    rows = await entitlements(unit.tx, customer_id=customer.id, now=now or unit.now)
    return {row.key: row for row in rows}


def told(*values: object) -> tuple[object, ...]:
    """Values side by side, so that decimals compare with whole numbers."""
    return values


async def use(unit: Unit, customer: Customer, executions: int, input_tokens: int = 0) -> None:
    common = {"specversion": "1.0", "source": "/tests", "subject": customer.key, "time": START.isoformat()}
    events = [
        new_event(common | {"id": f"run-{number}", "type": "agent.execution", "data": {"agent": "code_review"}})
        for number in range(executions)
    ]
    if input_tokens:
        data = {"input_tokens": input_tokens, "output_tokens": 1}
        events.append(new_event(common | {"id": "llm", "type": "llm.completion", "data": data}))
    receipt = await ingest(unit, None, events)
    assert receipt.accepted == len(events)


async def test_what_is_used_and_what_is_left(unit: Unit) -> None:
    customer, _ = await subscribe(unit)
    await use(unit, customer, executions=3, input_tokens=5_000_100)
    found = await rights(unit, customer)
    assert list(found) == [
        "agent.execution",
        "llm.input_tokens",
        "llm.output_tokens",
        "agents",
        "executions",
        "projects",
        "storage_mb",
        "support_hours",
    ]
    assert found["agent.execution"] == Entitlement(
        key="agent.execution",
        kind="meter",
        name="Agent executions",
        unit="executions",
        included=Decimal(2000),
        used=Decimal(3),
        left=Decimal(1997),
        overage_allowed=True,
        unit_price=Decimal(25),
        currency="ZAR",
    )
    tokens = found["llm.input_tokens"]
    assert told(tokens.used, tokens.left, tokens.unit_price) == (5_000_100, 0, Decimal("0.006"))
    executions = found["executions"]
    assert told(executions.kind, executions.included, executions.used, executions.left) == ("limit", 2000, 3, 1997)
    assert told(executions.overage_allowed, executions.unit_price) == (True, 25)
    agents = found["agents"]
    assert told(agents.included, agents.used, agents.left, agents.overage_allowed) == (50, None, None, False)


async def test_free_stops_where_it_is_used_up(unit: Unit) -> None:
    customer, _ = await subscribe(unit, plan_key="free")
    await use(unit, customer, executions=51)
    found = await rights(unit, customer)
    for key in ("agent.execution", "executions"):
        row = found[key]
        assert told(row.used, row.left, row.overage_allowed, row.unit_price) == (51, 0, False, None)
        assert not row.allows_more


async def test_unlimited_is_unlimited(unit: Unit) -> None:
    customer, _ = await subscribe(unit, plan_key="enterprise")
    projects = (await rights(unit, customer))["projects"]
    assert told(projects.included, projects.left, projects.allows_more) == (None, None, True)


async def test_a_year_pools_twelve_allowances_but_not_twelve_projects(unit: Unit) -> None:
    customer, _ = await subscribe(unit, interval="year")
    found = await rights(unit, customer)
    assert told(found["agent.execution"].included, found["executions"].included) == (24000, 24000)
    assert told(found["projects"].included, found["storage_mb"].included) == (25, 5120)


async def test_defects_6_and_7_what_has_ended_entitles_to_nothing_of_it(runtime: Runtime, clock: FrozenClock) -> None:
    """At the end, before the closing has run, and after it: only Free is left."""
    async with runtime.unit() as unit:
        customer, started = await subscribe(unit)
        await request_cancel(unit, started.id)
        first = await current_period(unit.tx, started.id)
        last = await rights(unit, customer, END - timedelta(microseconds=1))
        assert told(last["agent.execution"].included) == (2000,)
        over = await rights(unit, customer, END)
        assert told(over["agent.execution"].included, over["agents"].included) == (50, 3)
    clock.set(END + timedelta(hours=1))
    async with runtime.unit() as unit:
        await close_and_open_next(unit, first.id)
        assert told((await rights(unit, customer))["agent.execution"].included) == (50,)


async def test_cancelled_at_once_entitles_to_free_at_once(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        customer, started = await subscribe(unit)
    clock.advance(timedelta(days=1))
    async with runtime.unit() as unit:
        await cancel_now(unit, started.id)
        assert told((await rights(unit, customer))["agent.execution"].included) == (50,)


async def test_defect_9_a_change_that_does_not_happen_takes_nothing_away(unit: Unit) -> None:
    """The original lost access at the click on upgrade. Here the old plan holds until the change is made, whole."""
    customer, started = await subscribe(unit)
    before = await rights(unit, customer)
    enterprise = await current_plan(unit.tx, "enterprise", unit.now)
    with pytest.raises(PlanNotSold):
        await change_plan(unit, subscription_id=started.id, plan_version=replace(enterprise, prices=()), at=unit.now)
    assert await rights(unit, customer) == before
    await move_to(unit, started, "enterprise", unit.now)
    assert told((await rights(unit, customer))["agent.execution"].included) == (8000,)


async def test_allowances_begin_anew_with_the_next_period_even_before_the_closing(unit: Unit) -> None:
    customer, _ = await subscribe(unit)
    await use(unit, customer, executions=5)
    assert told((await rights(unit, customer, END - timedelta(seconds=1)))["agent.execution"].used) == (5,)
    renewed = (await rights(unit, customer, END))["agent.execution"]
    assert told(renewed.used, renewed.left) == (0, 2000)


async def test_without_a_subscription_nothing_is_allowed(unit: Unit) -> None:
    customer = await make_customer(unit)
    assert await entitlements(unit.tx, customer_id=customer.id, now=unit.now) == []
    assert await entitlements(unit.tx, customer_id=UUID(int=1), now=unit.now) == []
    later, _ = await subscribe(unit, key="later", start_at=unit.now + timedelta(days=1))
    assert await entitlements(unit.tx, customer_id=later.id, now=unit.now) == []


async def test_many_customers_are_read_at_once(unit: Unit) -> None:
    first, one = await subscribe(unit)
    second, two = await subscribe(unit, key="other", plan_key="free")
    assert await subscriptions_of(unit.tx, [first.id, second.id, UUID(int=1)]) == {first.id: one, second.id: two}
    assert await status_counts(unit.tx) == {("pro", Status.ACTIVE): 1, ("free", Status.ACTIVE): 1}
