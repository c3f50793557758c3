"""Time: the sandbox clock only moves forward, and a frozen clock needs a zone."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from autorisen.kit.clock import FrozenClock, SandboxClock, SystemClock, monotonic
from autorisen.kit.database import Database
from autorisen.kit.sandbox_clock import NotInSandbox, keep_in_step, move_to, read_offset, refresh
from autorisen.kit.unit import Runtime

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_system_clock_is_aware_and_moves() -> None:
    first = SystemClock().now()
    assert first.utcoffset() == timedelta(0)
    assert SystemClock().now() >= first
    assert monotonic() <= monotonic()


def test_frozen_clock_refuses_a_naive_time() -> None:
    with pytest.raises(ValueError, match="aware"):
        FrozenClock(datetime(2026, 3, 1))  # noqa: DTZ001 -- the fault itself
    local = FrozenClock(datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2))))
    assert local.now() == NOON
    assert local.now().tzinfo is UTC


def test_sandbox_clock_never_goes_back() -> None:
    clock = SandboxClock(FrozenClock(NOON))
    clock.set_offset(timedelta(days=2))
    clock.set_offset(timedelta(days=1))
    assert clock.offset == timedelta(days=2)
    assert clock.now() == NOON + timedelta(days=2)


async def test_a_moved_clock_reaches_every_process(runtime: Runtime) -> None:
    other = Runtime(runtime.settings, runtime.database, SandboxClock(runtime.wall), runtime.wall, runtime.ids,
                    runtime.deliver_webhook)  # fmt: skip
    target = runtime.clock.now() + timedelta(days=31)
    assert await move_to(runtime, target) == target
    assert other.clock.now() < target
    await refresh(other)
    assert other.clock.now() == target
    assert await move_to(other, target - timedelta(days=5)) == target
    async with runtime.unit() as unit:
        assert await read_offset(unit.tx) == timedelta(days=31)
        assert unit.now - unit.wall_now == timedelta(days=31)


async def test_only_the_sandbox_has_a_clock_to_move(runtime: Runtime, database_url: str) -> None:
    production = Runtime(runtime.settings, Database(database_url), runtime.wall, runtime.wall, runtime.ids,
                         runtime.deliver_webhook)  # fmt: skip
    with pytest.raises(NotInSandbox):
        await move_to(production, NOON)
    await keep_in_step(production)  # ends at once: there is nothing to keep
