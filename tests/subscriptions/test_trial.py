"""A trial costs nothing, ends when it said, and comes once per customer and plan, for ever."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from autorisen.accounts import Customer
from autorisen.catalog import PlanVersion, current_plan
from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime, Unit
from autorisen.subscriptions import (
    Period,
    PeriodOpened,
    PlanNotSold,
    Status,
    Subscription,
    TransitionRefused,
    TrialBeingSettled,
    TrialRefused,
    cancel_now,
    change_plan,
    close_and_open_next,
    end_trial,
    entitlements,
    keep,
    periods_of,
    request_cancel,
    start_trial,
    subscription,
    subscription_history,
    subscription_of,
    tried_plans,
)
from tests.factories.subscriptions import subscribe

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)
END = START + 14 * DAY


async def on_trial(unit: Unit, *, zone: str = "Africa/Johannesburg") -> tuple[Customer, Subscription, Period]:
    customer, free = await subscribe(unit, plan_key="free", time_zone=zone, start_at=START - DAY)
    pro = await current_plan(unit.tx, "pro", unit.now)
    trial = await start_trial(unit, free.id, plan=pro, interval="year")
    return customer, await subscription(unit.tx, free.id), trial


async def test_a_trial_is_the_plan_without_overage(unit: Unit) -> None:
    customer, tried, trial = await on_trial(unit)
    assert (tried.status, tried.plan_key, tried.interval) == (Status.TRIALING, "pro", "year")
    assert (trial.kind, trial.interval, trial.start_at, trial.end_at) == ("trial", "month", START, END)
    assert await tried_plans(unit.tx, customer.id) == {"pro"}
    rows = {row.key: row for row in await entitlements(unit.tx, customer_id=customer.id, now=unit.now)}
    executions = rows["agent.execution"]
    assert (executions.included, executions.overage_allowed, executions.unit_price) == (Decimal(2_000), False, None)


async def test_it_ends_at_the_same_time_of_day_across_a_clock_change(unit: Unit) -> None:
    _, _, trial = await on_trial(unit, zone="America/New_York")
    # 8 March 2026: the clocks go forward by an hour.
    assert trial.end_at == END - timedelta(hours=1)


async def test_paid_on_the_paid_time_begins_where_the_trial_ends(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        _, tried, trial = await on_trial(unit)
        assert await end_trial(unit, tried.id, paid_on=True) is None, "it runs on"
    clock.set(END + timedelta(minutes=5))
    async with runtime.unit() as unit:
        opened = await end_trial(unit, tried.id, paid_on=True)
        assert opened is not None
        after = await subscription(unit.tx, tried.id)
        assert await end_trial(unit, tried.id, paid_on=True) is None, "once"
    assert (opened.start_at, opened.end_at, opened.kind) == (END, END.replace(year=2027), "paid")
    assert (opened.fee_invoiced, opened.interval, opened.ordinal) == (True, "year", 1)
    assert (after.status, after.anchor_at) == (Status.ACTIVE, END)
    async with runtime.unit() as unit:
        assert await close_and_open_next(unit, trial.id) is None, "its fee is asked for by the end of the trial"


@pytest.mark.parametrize("cancelled", [False, True])
async def test_else_the_customer_is_back_on_the_free_plan(
    runtime: Runtime, clock: FrozenClock, *, cancelled: bool
) -> None:
    async with runtime.unit() as unit:
        customer, tried, trial = await on_trial(unit)
        if cancelled:
            await request_cancel(unit, tried.id)
    clock.set(END)
    async with runtime.unit() as unit:
        assert await end_trial(unit, tried.id, paid_on=cancelled) is None
        live = await subscription_of(unit.tx, customer.id)
        assert live is not None
        assert (live.plan_key, live.started_at) == ("free", END)
        assert await close_and_open_next(unit, trial.id) is None
        assert (await subscription(unit.tx, tried.id)).status is Status.ENDED


async def test_a_trial_that_nobody_ended_falls_back_when_it_is_closed(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        customer, tried, trial = await on_trial(unit)
    clock.set(END)
    async with runtime.unit() as unit:
        with pytest.raises(TrialBeingSettled):
            await request_cancel(unit, tried.id)
        opened = await close_and_open_next(unit, trial.id)
        assert opened is not None
        live = await subscription_of(unit.tx, customer.id)
        assert live is not None
        assert (live.plan_key, opened.start_at) == ("free", END)


async def test_a_cancelled_trial_runs_on_and_can_be_kept(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        _, tried, _ = await on_trial(unit)
        assert (await request_cancel(unit, tried.id)).status is Status.TRIALING
        assert await keep(unit, tried.id) == tried
        await request_cancel(unit, tried.id)
    clock.set(END)
    async with runtime.unit() as unit:
        with pytest.raises(TransitionRefused, match="ended at"):
            await change_plan(unit, subscription_id=tried.id, plan_version=await pro(unit), at=unit.now)


async def test_a_trial_can_be_stopped_and_bought_at_once(unit: Unit) -> None:
    customer, tried, _ = await on_trial(unit)
    opened = await change_plan(unit, subscription_id=tried.id, plan_version=await pro(unit), at=START + DAY)
    assert (opened.kind, (await subscription(unit.tx, tried.id)).status) == ("paid", Status.ACTIVE)
    await cancel_now(unit, tried.id, at=START + 2 * DAY)
    assert [each.plan_key for each in await subscription_history(unit.tx, customer.id)] == ["free", "pro"]


async def pro(unit: Unit) -> PlanVersion:
    return await current_plan(unit.tx, "pro", unit.now)


async def test_one_trial_per_customer_and_plan_for_ever(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        customer, tried, _ = await on_trial(unit)
    clock.set(START + DAY)
    async with runtime.unit() as unit:
        await cancel_now(unit, tried.id)

    async def again() -> None:
        async with runtime.unit() as unit:
            live = await subscription_of(unit.tx, customer.id)
            assert live is not None
            await start_trial(unit, live.id, plan=await pro(unit), interval="month")

    with pytest.raises(TrialRefused, match="tried once"):
        await again()
    async with runtime.database.read() as tx:
        live = await subscription_of(tx, customer.id)
        assert live is not None
        assert (live.plan_key, len(await periods_of(tx, live.id))) == ("free", 1)


async def test_of_two_clicks_one_is_a_trial(runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        customer, free = await subscribe(unit, plan_key="free", start_at=START - DAY)

    async def click() -> bool:
        try:
            async with runtime.unit() as unit:
                await start_trial(unit, free.id, plan=await pro(unit), interval="month")
        except TransitionRefused:
            return False
        return True

    assert sorted(await asyncio.gather(click(), click())) == [False, True]
    async with runtime.database.read() as tx:
        assert await tried_plans(tx, customer.id) == {"pro"}


async def test_where_there_is_no_trial(unit: Unit) -> None:
    _, free = await subscribe(unit, plan_key="free", start_at=START - DAY)
    enterprise = await current_plan(unit.tx, "enterprise", unit.now)
    with pytest.raises(TrialRefused, match="has no trial"):
        await start_trial(unit, free.id, plan=enterprise, interval="month")
    with pytest.raises(PlanNotSold):
        await start_trial(unit, free.id, plan=replace(await pro(unit), prices=()), interval="month")
    await change_plan(unit, subscription_id=free.id, plan_version=enterprise, at=unit.now)
    with pytest.raises(TrialRefused, match="from the free plan"):
        await start_trial(unit, free.id, plan=await pro(unit), interval="month")


async def test_facts_say_until_when(unit: Unit) -> None:
    _, tried, trial = await on_trial(unit)
    cursor = await unit.tx.execute("SELECT name, payload FROM kit.facts ORDER BY id DESC LIMIT 3")
    found: dict[str, dict[str, str]] = dict(await cursor.fetchall())
    assert UUID(found["TrialStarted"]["subscription_id"]) == tried.id
    assert found["TrialStarted"]["plan_key"] == "pro"
    assert UUID(found[PeriodOpened.__name__]["period_id"]) == trial.id
