"""Closing a period: once, not before its end, and never a gap after it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest

from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime, Unit
from autorisen.subscriptions import (
    PeriodNotFound,
    PeriodStillRunning,
    Status,
    cancel_now,
    close_and_open_next,
    current_period,
    mark_past_due,
    period,
    periods_of,
    request_cancel,
    subscription,
    subscription_history,
    subscription_of,
)
from tests.factories.subscriptions import move_to, subscribe

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
END = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def test_a_closed_period_is_followed_by_the_next(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        _, started = await subscribe(unit)
        first = await current_period(unit.tx, started.id)
    clock.set(END + HOUR)
    async with runtime.unit() as unit:
        opened = await close_and_open_next(unit, first.id)
        assert opened is not None
        assert (opened.start_at, opened.end_at, opened.ordinal) == (END, datetime(2026, 5, 1, 8, tzinfo=UTC), 2)
        assert (opened.fee_invoiced, opened.status) == (False, "open")
        assert (await period(unit.tx, first.id)).status == "closed"


async def test_a_period_is_closed_at_its_end_and_not_before(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        _, started = await subscribe(unit)
        first = await current_period(unit.tx, started.id)
    clock.set(END - timedelta(microseconds=1))
    async with runtime.unit() as unit:
        with pytest.raises(PeriodStillRunning):
            await close_and_open_next(unit, first.id)
        assert (await period(unit.tx, first.id)).status == "open"
    clock.set(END)
    async with runtime.unit() as unit:
        assert await close_and_open_next(unit, first.id) is not None


async def test_closed_again_nothing_happens(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        _, started = await subscribe(unit)
        first = await current_period(unit.tx, started.id)
    clock.set(END)

    async def close() -> bool:
        async with runtime.unit() as unit:
            return await close_and_open_next(unit, first.id) is not None

    assert sorted(await asyncio.gather(*(close() for _ in range(5)))) == [False] * 4 + [True]
    async with runtime.database.read() as tx:
        assert len(await periods_of(tx, started.id)) == 2


async def test_defect_4_every_month_of_two_years_is_there_once(runtime: Runtime, clock: FrozenClock) -> None:
    """The original did not extend a period when a renewal was paid; here renewing is what closing does."""
    begin = datetime(2026, 1, 31, 10, tzinfo=UTC)
    clock.set(begin)
    async with runtime.unit() as unit:
        _, started = await subscribe(unit)
    for _ in range(24):
        async with runtime.unit() as unit:
            running = await current_period(unit.tx, started.id)
        clock.set(running.end_at + HOUR)
        async with runtime.unit() as unit:
            await close_and_open_next(unit, running.id)
    async with runtime.database.read() as tx:
        found = await periods_of(tx, started.id)
    assert len(found) == 25
    assert all(before.end_at == after.start_at for before, after in pairwise(found))
    assert [each.end_at.day for each in found[:5]] == [28, 31, 30, 31, 30]
    assert found[23].end_at == datetime(2028, 1, 31, 10, tzinfo=UTC)
    assert found[24].end_at == datetime(2028, 2, 29, 10, tzinfo=UTC)


async def test_defect_8_a_cancelled_subscription_ends_and_is_not_renewed(runtime: Runtime, clock: FrozenClock) -> None:
    """The original made it past due with a new invoice; here it ends, and Free follows at the same instant."""
    async with runtime.unit() as unit:
        customer, started = await subscribe(unit)
        first = await current_period(unit.tx, started.id)
        await request_cancel(unit, started.id)
    clock.set(END + HOUR)
    async with runtime.unit() as unit:
        opened = await close_and_open_next(unit, first.id)
        assert opened is not None
        ended = await subscription(unit.tx, started.id)
        live = await subscription_of(unit.tx, customer.id)
        assert live is not None
        history = await subscription_history(unit.tx, customer.id)
    assert (ended.status, ended.ended_at) == (Status.ENDED, END)
    assert (live.plan_key, live.started_at, live.currency) == ("free", END, "ZAR")
    assert (opened.subscription_id, opened.start_at, opened.end_at) == (live.id, END, END + timedelta(days=30))
    assert history == [live, ended]


async def test_a_past_due_subscription_renews_as_such(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        _, started = await subscribe(unit)
        await mark_past_due(unit, started.id)
        first = await current_period(unit.tx, started.id)
    clock.set(END)
    async with runtime.unit() as unit:
        assert await close_and_open_next(unit, first.id) is not None
        assert (await subscription(unit.tx, started.id)).status is Status.PAST_DUE


async def test_a_period_cut_by_an_upgrade_closes_without_another(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        _, started = await subscribe(unit)
        first = await current_period(unit.tx, started.id)
        second = await move_to(unit, started, "enterprise", START + timedelta(days=3))
    clock.set(START + timedelta(days=3))
    async with runtime.unit() as unit:
        assert await close_and_open_next(unit, first.id) is None
        assert (await period(unit.tx, first.id)).status == "closed"
        assert await current_period(unit.tx, started.id) == second


async def test_the_last_period_of_one_cancelled_at_once_ends_it(runtime: Runtime, clock: FrozenClock) -> None:
    at = START + timedelta(days=3)
    async with runtime.unit() as unit:
        customer, started = await subscribe(unit)
        first = await current_period(unit.tx, started.id)
    clock.set(at)
    async with runtime.unit() as unit:
        cancelled = await cancel_now(unit, started.id)
        assert (cancelled.status, cancelled.ended_at) == (Status.CANCELLED, at)
        live = await subscription_of(unit.tx, customer.id)
        assert live is not None
        assert (live.plan_key, live.started_at) == ("free", at)
    clock.set(at + HOUR)
    async with runtime.unit() as unit:
        assert await close_and_open_next(unit, first.id) is None
        ended = await subscription(unit.tx, started.id)
        assert (ended.status, ended.ended_at) == (Status.ENDED, at)
        assert await subscription_of(unit.tx, customer.id) == live


async def test_a_cancellation_in_the_grace_time_does_not_make_a_month_free(
    runtime: Runtime, clock: FrozenClock
) -> None:
    """The renewal has begun: closing gives it back, so that its fee is invoiced, and the end comes a month later."""
    async with runtime.unit() as unit:
        _, started = await subscribe(unit)
        first = await current_period(unit.tx, started.id)
    clock.set(END + timedelta(minutes=30))
    async with runtime.unit() as unit:
        await request_cancel(unit, started.id)
        renewal = await current_period(unit.tx, started.id)
        assert (renewal.start_at, renewal.fee_invoiced) == (END, False)
    clock.set(END + HOUR)
    async with runtime.unit() as unit:
        assert await close_and_open_next(unit, first.id) == renewal
        assert (await subscription(unit.tx, started.id)).status is Status.ACTIVE
    clock.set(renewal.end_at)
    async with runtime.unit() as unit:
        await close_and_open_next(unit, renewal.id)
        assert (await subscription(unit.tx, started.id)).ended_at == renewal.end_at


async def test_a_change_in_the_grace_time_leaves_a_moment_without_a_fee(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        _, started = await subscribe(unit)
        first = await current_period(unit.tx, started.id)
    clock.set(END + timedelta(minutes=30))
    async with runtime.unit() as unit:
        await move_to(unit, started, "enterprise", unit.now)
    clock.set(END + HOUR)
    async with runtime.unit() as unit:
        assert await close_and_open_next(unit, first.id) is None


async def test_a_period_that_does_not_exist(unit: Unit) -> None:
    with pytest.raises(PeriodNotFound):
        await close_and_open_next(unit, UUID(int=1))
    with pytest.raises(PeriodNotFound):
        await current_period(unit.tx, UUID(int=1))
