"""Time as an argument. This file and its tests are the only place that asks the machine for the time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time as an aware datetime in UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class SandboxClock:
    """The machine's time plus an offset that `autorisen clock advance` moves forward, never back.

    The offset lives in the database (`kit.sandbox_clock`), so that every process of one installation agrees; each
    process refreshes its copy with `set_offset`. Only business time jumps: sessions, leases and signatures use the
    system clock, so that a simulated month neither logs a person out nor makes a worker lose its lease.
    """

    def __init__(self, system: Clock) -> None:
        self._system = system
        self._offset = timedelta(0)

    @property
    def offset(self) -> timedelta:
        return self._offset

    def set_offset(self, offset: timedelta) -> None:
        """Take over the stored offset. A smaller one than before is a stale read and is ignored."""
        self._offset = max(self._offset, offset)

    def now(self) -> datetime:
        return self._system.now() + self._offset


class FrozenClock:
    """A clock that stands still until it is told to move; for tests and simulations."""

    def __init__(self, at: datetime) -> None:
        self.set(at)

    def now(self) -> datetime:
        return self._at

    def set(self, at: datetime) -> None:
        if at.tzinfo is None:
            raise ValueError("a clock needs an aware datetime")
        self._at = at.astimezone(UTC)

    def advance(self, by: timedelta) -> datetime:
        self._at += by
        return self._at


def monotonic() -> float:
    """Seconds for measuring durations and polling; never for deciding anything about money."""
    return time.monotonic()
