"""Cancelling with the period, taking it back, and cancelling at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime, Unit
from autorisen.subscriptions import (
    Status,
    SubscriptionNotFound,
    TransitionRefused,
    cancel_now,
    keep,
    mark_active,
    mark_past_due,
    periods_of,
    request_cancel,
    subscription,
    subscription_of,
)
from tests.factories.subscriptions import move_to, subscribe

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
END = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)


async def test_a_cancellation_is_noted_and_can_be_taken_back(unit: Unit) -> None:
    _, started = await subscribe(unit)
    asked = await request_cancel(unit, started.id)
    assert (asked.status, asked.cancel_at_period_end, asked.renews) == (Status.ACTIVE, True, False)
    assert await request_cancel(unit, started.id) == asked
    assert await keep(unit, started.id) == started
    assert await keep(unit, started.id) == started
    assert await subscription(unit.tx, started.id) == started


async def test_after_the_end_it_is_too_late_to_take_it_back(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        _, started = await subscribe(unit)
        await request_cancel(unit, started.id)
    clock.set(END)
    async with runtime.unit() as unit:
        with pytest.raises(TransitionRefused, match="ended at 2026-04-01"):
            await keep(unit, started.id)
        assert (await subscription(unit.tx, started.id)).cancel_at_period_end is True


async def test_the_default_plan_has_nothing_to_cancel(unit: Unit) -> None:
    _, started = await subscribe(unit, plan_key="free")
    with pytest.raises(TransitionRefused, match="costs nothing"):
        await request_cancel(unit, started.id)


async def test_at_once_means_at_once(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        customer, started = await subscribe(unit)
    at = START + timedelta(days=40)
    clock.set(at)
    async with runtime.unit() as unit:
        await cancel_now(unit, started.id)
        found = await periods_of(unit.tx, started.id)
        assert [(each.start_at, each.end_at) for each in found] == [(START, END), (END, at)]
        live = await subscription_of(unit.tx, customer.id)
        assert live is not None
        assert (live.plan_key, live.anchor_at) == ("free", at)
        for verb in (cancel_now, request_cancel, keep):
            with pytest.raises(TransitionRefused):
                await verb(unit, started.id)


async def test_a_cancellation_may_be_dated(unit: Unit) -> None:
    _, started = await subscribe(unit)
    at = START + timedelta(hours=5)
    assert (await cancel_now(unit, started.id, at=at)).ended_at == at


async def test_a_failed_payment_and_a_late_one(unit: Unit) -> None:
    _, started = await subscribe(unit)
    assert (await mark_past_due(unit, started.id)).status is Status.PAST_DUE
    assert (await mark_past_due(unit, started.id)).status is Status.PAST_DUE
    assert await mark_active(unit, started.id) == started
    assert await mark_active(unit, started.id) == started


async def test_a_late_payment_revives_nothing(unit: Unit) -> None:
    customer, started = await subscribe(unit)
    await cancel_now(unit, started.id)
    live = await subscription_of(unit.tx, customer.id)
    assert (await mark_active(unit, started.id)).status is Status.CANCELLED
    assert (await mark_past_due(unit, started.id)).status is Status.CANCELLED
    assert await subscription_of(unit.tx, customer.id) == live


async def test_each_change_is_a_fact_once(unit: Unit) -> None:
    _, started = await subscribe(unit)
    for _ in range(2):
        await mark_past_due(unit, started.id)
        await request_cancel(unit, started.id)
    for _ in range(2):
        await keep(unit, started.id)
        await mark_active(unit, started.id)
    await move_to(unit, started, "enterprise", START + timedelta(days=1))
    await cancel_now(unit, started.id, at=START + timedelta(days=2))
    cursor = await unit.tx.execute("SELECT name FROM kit.facts WHERE name <> 'CustomerCreated' ORDER BY id")
    assert [name for (name,) in await cursor.fetchall()] == [
        "SubscriptionStarted",
        "PeriodOpened",
        "SubscriptionPastDue",
        "CancelRequested",
        "CancelWithdrawn",
        "SubscriptionRecovered",
        "PeriodCut",
        "PlanChanged",
        "PeriodOpened",
        "PeriodCut",
        "SubscriptionCancelled",
        "SubscriptionStarted",
        "PeriodOpened",
    ]


async def test_a_subscription_that_does_not_exist(unit: Unit) -> None:
    for verb in (request_cancel, keep, cancel_now, mark_active, mark_past_due):
        with pytest.raises(SubscriptionNotFound):
            await verb(unit, UUID(int=1))
