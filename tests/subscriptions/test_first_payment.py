"""A subscription that is wanted takes nothing away until it is paid, and expires when it is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from autorisen.accounts import Customer
from autorisen.catalog import current_plan
from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime, Unit
from autorisen.subscriptions import (
    AlreadySubscribed,
    Status,
    Subscription,
    TransitionRefused,
    begin_wanted,
    cancel_now,
    expire_wanted,
    periods_of,
    subscription,
    subscription_of,
    want_subscription,
    wanted_subscription,
)
from tests.factories.subscriptions import move_to, subscribe

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)


async def wanting(unit: Unit) -> tuple[Customer, Subscription, Subscription]:
    customer, free = await subscribe(unit, plan_key="free", start_at=START - DAY)
    plan = await current_plan(unit.tx, "pro", unit.now)
    return customer, free, await want_subscription(unit, customer=customer, plan=plan, interval="month")


async def test_until_it_is_paid_nothing_changes(unit: Unit) -> None:
    customer, free, wanted = await wanting(unit)
    assert wanted.status is Status.INCOMPLETE
    assert await periods_of(unit.tx, wanted.id) == []
    assert await subscription_of(unit.tx, customer.id) == free
    assert await wanted_subscription(unit.tx, customer.id) == wanted


async def test_paid_it_begins_where_the_free_plan_ends(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        customer, free, wanted = await wanting(unit)
    clock.set(START + timedelta(hours=3))
    async with runtime.unit() as unit:
        opened = await begin_wanted(unit, wanted.id)
        live = await subscription_of(unit.tx, customer.id)
        assert live is not None
        (last,) = await periods_of(unit.tx, free.id)
    assert (live.id, live.status, live.started_at) == (wanted.id, Status.ACTIVE, clock.now())
    assert (opened.start_at, opened.fee_invoiced, opened.ordinal) == (clock.now(), True, 1)
    assert last.end_at == opened.start_at
    async with runtime.unit() as unit:
        with pytest.raises(TransitionRefused):
            await begin_wanted(unit, wanted.id)
        assert not await expire_wanted(unit, wanted.id)


async def test_unpaid_it_ends_and_can_be_wanted_again(unit: Unit) -> None:
    customer, free, wanted = await wanting(unit)
    assert await expire_wanted(unit, wanted.id)
    assert not await expire_wanted(unit, wanted.id)
    assert (await subscription(unit.tx, wanted.id)).status is Status.ENDED
    assert await subscription_of(unit.tx, customer.id) == free
    plan = await current_plan(unit.tx, "pro", unit.now)
    again = await want_subscription(unit, customer=customer, plan=plan, interval="year")
    assert (await cancel_now(unit, again.id)).status is Status.ENDED
    for too_late in (begin_wanted, cancel_now):
        with pytest.raises(TransitionRefused):
            await too_late(unit, again.id)


async def test_one_at_a_time_and_from_the_free_plan_only(unit: Unit) -> None:
    customer, free, wanted = await wanting(unit)
    plan = await current_plan(unit.tx, "pro", unit.now)
    with pytest.raises(AlreadySubscribed, match="first payment"):
        await want_subscription(unit, customer=customer, plan=plan, interval="month")
    await move_to(unit, free, "enterprise", unit.now)
    with pytest.raises(AlreadySubscribed, match="change the plan"):
        await begin_wanted(unit, wanted.id)
    with pytest.raises(AlreadySubscribed, match="change the plan"):
        await want_subscription(unit, customer=customer, plan=plan, interval="month")
