"""The machine's time and randomness. This is the only file of the client that asks for them."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

RandomBytes = Callable[[int], bytes]


class Clock(Protocol):
    """Tells the time as an aware datetime in UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def system_random(nbytes: int) -> bytes:
    """Unguessable bytes of the operating system."""
    return os.urandom(nbytes)
