"""A pause costs nothing and gives nothing back; the time that is paid is there again for who resumes within it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime, Unit
from autorisen.subscriptions import (
    Status,
    TransitionRefused,
    cancel_now,
    close_and_open_next,
    current_period,
    end_pause,
    entitlements,
    keep,
    mark_past_due,
    pause_now,
    periods_of,
    request_cancel,
    request_pause,
    subscription,
)
from tests.factories.subscriptions import move_to, subscribe

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
END = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)


async def test_paused_at_once_and_resumed_in_the_paid_period_nothing_new_is_charged(
    runtime: Runtime, clock: FrozenClock
) -> None:
    async with runtime.unit() as unit:
        customer, started = await subscribe(unit)
        before = await current_period(unit.tx, started.id)
    clock.set(START + 3 * DAY)
    async with runtime.unit() as unit:
        assert (await pause_now(unit, started.id)).status is Status.PAUSED
        rows = {row.key: row for row in await entitlements(unit.tx, customer_id=customer.id, now=unit.now)}
    assert not any(row.allows_more for row in rows.values() if row.kind == "meter")
    assert rows["executions"].allows_more is False
    clock.set(START + 5 * DAY)
    async with runtime.unit() as unit:
        assert await end_pause(unit, started.id) is None
        assert await periods_of(unit.tx, started.id) == [before]
        assert await subscription(unit.tx, started.id) == started
        rows = {row.key: row for row in await entitlements(unit.tx, customer_id=customer.id, now=unit.now)}
    assert rows["agent.execution"].included == 2_000


async def test_a_pause_goes_on_without_a_fee_until_it_is_resumed(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        _, started = await subscribe(unit, interval="year")
        await pause_now(unit, started.id)
        first = await current_period(unit.tx, started.id)
    year = first.end_at
    for months in (0, 1):
        async with runtime.unit() as unit:
            running = await current_period(unit.tx, started.id)
        clock.set(running.end_at)
        async with runtime.unit() as unit:
            assert await close_and_open_next(unit, running.id) is None, months
    async with runtime.unit() as unit:
        kinds = [(each.kind, each.interval, each.ordinal) for each in await periods_of(unit.tx, started.id)]
    assert kinds == [("paid", "year", 1), ("pause", "month", 1), ("pause", "month", 2)]
    clock.set(year + 40 * DAY)
    async with runtime.unit() as unit:
        opened = await end_pause(unit, started.id)
        assert opened is not None
        found = await periods_of(unit.tx, started.id)
    assert (opened.kind, opened.fee_invoiced, opened.interval, opened.ordinal) == ("paid", True, "year", 1)
    assert (opened.start_at, opened.end_at) == (year + 40 * DAY, (year + 40 * DAY).replace(year=2028))
    assert all(before.end_at == after.start_at for before, after in pairwise(found))


async def test_a_planned_pause_comes_with_the_end_of_the_period(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        _, started = await subscribe(unit)
        planned = await request_pause(unit, started.id)
        assert await request_pause(unit, started.id) == planned
        assert (planned.status, planned.pause_at_period_end) == (Status.ACTIVE, True)
        assert await keep(unit, started.id) == started
        await request_pause(unit, started.id)
        first = await current_period(unit.tx, started.id)
    clock.set(END)
    async with runtime.unit() as unit:
        assert await close_and_open_next(unit, first.id) is None
        after, running = await subscription(unit.tx, started.id), await current_period(unit.tx, started.id)
    assert (after.status, after.pause_at_period_end, after.anchor_at) == (Status.PAUSED, False, END)
    assert (running.kind, running.start_at) == ("pause", END)


async def test_of_what_is_planned_the_last_wish_holds(unit: Unit) -> None:
    _, started = await subscribe(unit)
    await request_pause(unit, started.id)
    cancelled = await request_cancel(unit, started.id)
    assert (cancelled.cancel_at_period_end, cancelled.pause_at_period_end) == (True, False)
    paused = await request_pause(unit, started.id)
    assert (paused.cancel_at_period_end, paused.pause_at_period_end) == (False, True)


async def test_a_change_made_when_the_closing_is_late_finds_the_pause(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        _, started = await subscribe(unit)
        await request_pause(unit, started.id)
    clock.set(END + DAY)
    async with runtime.unit() as unit:
        await request_cancel(unit, started.id)
        assert (await subscription(unit.tx, started.id)).status is Status.PAUSED
        opened = await end_pause(unit, started.id)
        assert opened is not None
        kinds = [each.kind for each in await periods_of(unit.tx, started.id)]
    assert kinds == ["paid", "pause", "paid"]
    assert opened.start_at == END + DAY


async def test_what_is_paused_can_be_cancelled_but_not_changed(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        _, started = await subscribe(unit)
        await mark_past_due(unit, started.id)
        await pause_now(unit, started.id)
        for refused in (pause_now, request_pause):
            with pytest.raises(TransitionRefused):
                await refused(unit, started.id)
        with pytest.raises(TransitionRefused):
            await move_to(unit, started, "enterprise", unit.now)
        assert (await request_cancel(unit, started.id)).cancel_at_period_end
        first = await current_period(unit.tx, started.id)
    clock.set(END)
    async with runtime.unit() as unit:
        await close_and_open_next(unit, first.id)
        assert (await subscription(unit.tx, started.id)).status is Status.ENDED


async def test_a_pause_can_be_stopped_at_once(unit: Unit) -> None:
    _, started = await subscribe(unit)
    await pause_now(unit, started.id)
    assert (await cancel_now(unit, started.id)).status is Status.CANCELLED


async def test_the_free_plan_is_not_paused_and_what_runs_is_not_resumed(unit: Unit) -> None:
    _, started = await subscribe(unit, plan_key="free")
    for refused in (pause_now, request_pause, end_pause):
        with pytest.raises(TransitionRefused):
            await refused(unit, started.id)
