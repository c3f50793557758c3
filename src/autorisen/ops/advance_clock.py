"""Move the sandbox clock: month after month falls due in order, as it would have in real time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from autorisen.kit.clock import SandboxClock, monotonic
from autorisen.kit.problems import InvalidInput
from autorisen.kit.sandbox_clock import NotInSandbox, move_to, refresh
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker

POLL_SECONDS = 0.02
# Longer than a lease: by then the job of a worker that died is anybody's.
PATIENCE_SECONDS = 90.0


class ClockGoesForwardOnly(InvalidInput):
    """The target lies before the present time of the sandbox."""

    code, title = "clock_goes_forward_only", "The sandbox clock goes forward only"


@dataclass(frozen=True)
class Advance:
    """What an advance did: from when to when, over how many stops, and how much work it performed."""

    began_at: datetime
    ended_at: datetime
    stops: int
    performed: int


Progress = Callable[[datetime, int], None]


async def advance_clock(runtime: Runtime, worker: Worker, *, to: datetime, progress: Progress | None = None) -> Advance:
    """Set the clock to each instant at which something falls due, perform it and what follows, and end at `to`.

    `progress` is told the reached time and the work performed so far. Work that fails is retried later by its own
    schedule, which the clock also passes. Raises `NotInSandbox`, `ClockGoesForwardOnly`.
    """
    if not isinstance(runtime.clock, SandboxClock):
        raise NotInSandbox("set AUTORISEN_ENV=sandbox to move the clock")
    await refresh(runtime)
    began_at = runtime.clock.now()
    if to < began_at:
        raise ClockGoesForwardOnly(f"it is {began_at.isoformat()} already; choose a later time than {to.isoformat()}")
    stops, performed = 0, await _perform_all(worker)
    while True:
        due_at = await worker.next_due()
        at = to if due_at is None or due_at > to else due_at
        reached = await move_to(runtime, at)
        performed += await _perform_all(worker)
        stops += 1
        if progress is not None:
            progress(reached, performed)
        if at == to:
            return Advance(began_at, reached, stops, performed)


async def _perform_all(worker: Worker) -> int:
    """Perform what is due, and wait for what other workers are performing: time must not overtake them."""
    performed = await worker.drain()
    give_up_at = monotonic() + PATIENCE_SECONDS
    while await worker.is_work_due() and monotonic() < give_up_at:
        await asyncio.sleep(POLL_SECONDS)
        performed += await worker.drain()
    return performed
