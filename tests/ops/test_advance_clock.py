"""Advancing the sandbox clock: everything that falls due happens, in order, each at its own time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from autorisen.kit.clock import FrozenClock
from autorisen.kit.sandbox_clock import NotInSandbox
from autorisen.kit.unit import Runtime, Unit
from autorisen.kit.work import Job, Recurring, Registry, Worker, enqueue
from autorisen.ops import ClockGoesForwardOnly, advance_clock

DAY = timedelta(days=1)


class Diary:
    """Jobs that write down when they ran."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, datetime]] = []

    async def note(self, unit: Unit, payload: dict[str, Any]) -> None:
        self.entries.append((payload.get("name", "night"), unit.now))
        if payload.get("follow_up"):
            await enqueue(unit, "note", {"name": "follow-up"}, due_at=unit.now + DAY)

    def registry(self, *schedule: Recurring) -> Registry:
        return Registry((Job("note", self.note),), {}, schedule)


async def test_work_runs_in_order_at_its_own_time_with_what_follows(runtime: Runtime) -> None:
    diary, begin = Diary(), runtime.clock.now()
    async with runtime.unit() as unit:
        await enqueue(unit, "note", {"name": "late"}, due_at=begin + 20 * DAY)
        await enqueue(unit, "note", {"name": "early", "follow_up": True}, due_at=begin + 3 * DAY)
        await enqueue(unit, "note", {"name": "beyond"}, due_at=begin + 32 * DAY)
    reached: list[datetime] = []
    done = await advance_clock(
        runtime, Worker(runtime, diary.registry()), to=begin + 31 * DAY, progress=lambda at, _: reached.append(at)
    )
    days = [(name, at - begin) for name, at in diary.entries]
    assert days == [("early", 3 * DAY), ("follow-up", 4 * DAY), ("late", 20 * DAY)]
    assert (done.began_at, done.ended_at, done.performed) == (begin, begin + 31 * DAY, 3)
    assert reached == sorted(reached)
    assert runtime.clock.now() == begin + 31 * DAY


async def test_every_night_on_the_way_happens_once(runtime: Runtime) -> None:
    diary, begin = Diary(), runtime.clock.now()
    nightly = Recurring("night", "note", DAY, timedelta(hours=3))
    await advance_clock(runtime, Worker(runtime, diary.registry(nightly)), to=begin + 5 * DAY)
    nights = [at for _, at in diary.entries if at > begin]
    assert [at.hour for at in nights] == [3] * 5
    assert len(set(nights)) == 5


async def test_a_second_advance_goes_on_where_the_first_ended(runtime: Runtime) -> None:
    begin, worker = runtime.clock.now(), Worker(runtime, Diary().registry())
    await advance_clock(runtime, worker, to=begin + DAY)
    done = await advance_clock(runtime, worker, to=begin + 2 * DAY)
    assert done.began_at == begin + DAY
    with pytest.raises(ClockGoesForwardOnly):
        await advance_clock(runtime, worker, to=begin)


async def test_real_time_is_never_moved(runtime: Runtime) -> None:
    real = replace(runtime, clock=FrozenClock(runtime.clock.now()))
    with pytest.raises(NotInSandbox):
        await advance_clock(real, Worker(real, Diary().registry()), to=real.clock.now() + DAY)
