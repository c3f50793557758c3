"""An upgrade holds at once, keeps what came before, and leaves no gap."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from autorisen.catalog import current_plan
from autorisen.kit.unit import Runtime, Unit
from autorisen.subscriptions import (
    PeriodNotBegun,
    PlanNotSold,
    Status,
    Subscription,
    TransitionRefused,
    cancel_now,
    change_plan,
    current_period,
    mark_past_due,
    periods_of,
    request_cancel,
    subscription,
    subscription_of,
)
from tests.factories.subscriptions import move_to, subscribe

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


async def test_an_upgrade_ends_the_period_and_anchors_a_new_one(unit: Unit) -> None:
    customer, started = await subscribe(unit, plan_key="free")
    at = START + timedelta(days=10)
    opened = await move_to(unit, started, "pro", at)
    after = await subscription_of(unit.tx, customer.id)
    assert after is not None
    assert (after.id, after.plan_key, after.anchor_at, after.status) == (started.id, "pro", at, Status.ACTIVE)
    first, second = await periods_of(unit.tx, started.id)
    assert second == opened
    assert (first.start_at, first.end_at, first.planned_end_at) == (START, at, datetime(2026, 4, 1, 8, tzinfo=UTC))
    assert (first.status, first.was_cut, first.fee_invoiced) == ("open", True, False)
    assert (second.start_at, second.end_at, second.ordinal) == (at, datetime(2026, 4, 11, 8, tzinfo=UTC), 1)
    assert (second.fee_invoiced, second.plan_version_id) == (True, after.plan_version_id)
    assert first.plan_version_id == started.plan_version_id, "its usage is rated by its own plan"


async def test_defect_3_a_yearly_price_buys_a_year(unit: Unit) -> None:
    _, started = await subscribe(unit, interval="year")
    first = await current_period(unit.tx, started.id)
    assert (first.start_at, first.end_at) == (START, datetime(2027, 3, 1, 8, tzinfo=UTC))
    assert first.interval == "year"


async def test_a_change_of_cycle_opens_a_year(unit: Unit) -> None:
    _, started = await subscribe(unit)
    pro = await current_plan(unit.tx, "pro", unit.now)
    at = START + timedelta(days=1)
    opened = await change_plan(
        unit, subscription_id=started.id, plan_version=pro, at=at, interval="year", fee_invoiced=False
    )
    assert (opened.interval, opened.end_at, opened.fee_invoiced) == ("year", at.replace(year=2027), False)
    assert (await subscription(unit.tx, started.id)).interval == "year"


async def test_a_change_at_the_first_instant_leaves_no_empty_period(unit: Unit) -> None:
    _, started = await subscribe(unit, plan_key="free")
    await move_to(unit, started, "pro", START)
    await move_to(unit, started, "enterprise", START)
    spans = [(each.start_at, each.end_at) for each in await periods_of(unit.tx, started.id)]
    assert spans[:2] == [(START, START + MICROSECOND), (START + MICROSECOND, START + 2 * MICROSECOND)]
    assert spans[2][0] == START + 2 * MICROSECOND
    assert (await subscription(unit.tx, started.id)).plan_key == "enterprise"


async def test_a_change_after_the_end_opens_the_renewals_first(unit: Unit) -> None:
    """A worker that lags behind must not make a stretch of time vanish."""
    _, started = await subscribe(unit)
    at = datetime(2026, 5, 20, tzinfo=UTC)
    await move_to(unit, started, "enterprise", at)
    found = await periods_of(unit.tx, started.id)
    assert [each.start_at.month for each in found] == [3, 4, 5, 5]
    assert all(before.end_at == after.start_at for before, after in pairwise(found))
    assert found[-2].end_at == at


async def test_a_change_before_the_start_is_refused(unit: Unit) -> None:
    _, started = await subscribe(unit, start_at=START + timedelta(days=2))
    with pytest.raises(PeriodNotBegun):
        await move_to(unit, started, "enterprise", START)
    assert len(await periods_of(unit.tx, started.id)) == 1


async def test_a_change_withdraws_the_wish_to_cancel(unit: Unit) -> None:
    _, started = await subscribe(unit)
    await request_cancel(unit, started.id)
    await move_to(unit, started, "enterprise", START + timedelta(days=1))
    assert (await subscription(unit.tx, started.id)).cancel_at_period_end is False


async def test_a_past_due_subscription_stays_past_due(unit: Unit) -> None:
    _, started = await subscribe(unit)
    await mark_past_due(unit, started.id)
    await move_to(unit, started, "enterprise", START + timedelta(days=1))
    assert (await subscription(unit.tx, started.id)).status is Status.PAST_DUE


async def test_what_is_over_does_not_change(unit: Unit) -> None:
    _, started = await subscribe(unit)
    await cancel_now(unit, started.id)
    with pytest.raises(TransitionRefused):
        await move_to(unit, started, "enterprise", unit.now)


async def test_a_plan_that_is_not_sold_that_way_is_refused(unit: Unit) -> None:
    _, started = await subscribe(unit)
    pro = await current_plan(unit.tx, "pro", unit.now)
    with pytest.raises(PlanNotSold):
        await change_plan(unit, subscription_id=started.id, plan_version=replace(pro, prices=()), at=unit.now)
    assert len(await periods_of(unit.tx, started.id)) == 1


async def upgrade_and_fail(runtime: Runtime, started: Subscription) -> None:
    async with runtime.unit() as unit:
        await move_to(unit, started, "enterprise", START + timedelta(days=1))
        raise RuntimeError("the power went")


async def test_all_of_it_happens_or_nothing(runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        _, started = await subscribe(unit)
    with pytest.raises(RuntimeError, match="the power went"):
        await upgrade_and_fail(runtime, started)
    async with runtime.database.read() as tx:
        assert await subscription(tx, started.id) == started
        assert len(await periods_of(tx, started.id)) == 1
