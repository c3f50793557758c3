"""What can only happen when something else is broken is refused, and nothing is half done."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from autorisen.catalog import NoDefaultPlan, current_plan
from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime, Unit
from autorisen.subscriptions import (
    AlreadySubscribed,
    PeriodNotFound,
    TransitionRefused,
    begin_wanted,
    cancel_now,
    claim_due_periods,
    current_period,
    default_subscription,
    ended_periods,
    keep_renewals,
    next_end,
    put_off,
    renew,
    request_cancel,
    schedule_change,
    want_subscription,
)
from autorisen.subscriptions.close_and_open_next import start_default
from tests.factories.accounts import make_customer
from tests.factories.catalog import apply_shipped
from tests.factories.subscriptions import subscribe

END = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)


async def test_a_period_that_is_not_there_does_not_end(unit: Unit) -> None:
    with pytest.raises(PeriodNotFound):
        await ended_periods(unit.tx, [UUID(int=1)], at=unit.now)


async def test_a_second_live_subscription_is_never_started(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        customer, started = await subscribe(unit)
        await request_cancel(unit, started.id)
        first = await current_period(unit.tx, started.id)
        with pytest.raises(AlreadySubscribed):
            await start_default(unit, started, unit.now)
    clock.set(END)
    async with runtime.unit() as unit:
        (over,) = await ended_periods(unit.tx, [first.id], at=unit.now)
    renewal = renew(over, at=END, new_id=runtime.ids.new)

    async def start_beside_a_live_one() -> None:
        async with runtime.unit() as unit:
            await keep_renewals(unit, [replace(renewal, changed=None)])

    with pytest.raises(AlreadySubscribed):
        await start_beside_a_live_one()
    with pytest.raises(NoDefaultPlan):
        renew(replace(over, default_plan=None), at=END, new_id=runtime.ids.new)
    async with runtime.unit() as unit:
        assert (await current_period(unit.tx, started.id)).status == "open"
        assert (await default_or_refused(unit, customer.id)) == "refused"


async def default_or_refused(unit: Unit, customer_id: UUID) -> str:
    try:
        await default_subscription(unit, customer_id)
    except AlreadySubscribed:
        return "refused"
    return "default"


async def test_before_there_is_a_contract_nothing_can_be_wanted(unit: Unit) -> None:
    plans = await apply_shipped(unit)
    customer = await make_customer(unit)
    with pytest.raises(AlreadySubscribed):
        await want_subscription(unit, customer=customer, plan=plans["pro"], interval="month")


async def test_the_present_plan_is_not_planned(unit: Unit) -> None:
    _, started = await subscribe(unit)
    pro = await current_plan(unit.tx, "pro", unit.now)
    with pytest.raises(TransitionRefused, match="is the present plan"):
        await schedule_change(unit, started.id, plan_version=pro, interval="month")
    planned = [await schedule_change(unit, started.id, plan_version=pro, interval="year") for _ in range(2)]
    assert [each.next_interval for each in planned] == ["year", "year"]


async def test_stopped_after_its_last_period_it_ends_there(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        _, started = await subscribe(unit)
        await request_cancel(unit, started.id)
    clock.set(END + timedelta(minutes=30))
    async with runtime.unit() as unit:
        assert (await cancel_now(unit, started.id)).ended_at == END
        assert (await current_period(unit.tx, started.id)).end_at == END


async def test_what_is_live_is_not_begun_again(unit: Unit) -> None:
    _, started = await subscribe(unit)
    with pytest.raises(TransitionRefused):
        await begin_wanted(unit, started.id)


async def test_a_period_that_waits_is_due_later(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        _, started = await subscribe(unit)
        period = await current_period(unit.tx, started.id)
        await put_off(unit.tx, [period.id], END + timedelta(hours=5))
        assert await claim_due_periods(unit.tx, ended_by=END + timedelta(hours=1), limit=9) == []
        assert await next_end(unit.tx, None) == END + timedelta(hours=5)
