"""The sandbox clock's offset, shared by all processes of one installation through the database."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

from autorisen.kit.clock import SandboxClock
from autorisen.kit.database import Tx
from autorisen.kit.problems import Conflict, Unavailable
from autorisen.kit.unit import Runtime

READ_OFFSET = "SELECT clock_offset FROM kit.sandbox_clock"
RAISE_OFFSET = """
UPDATE kit.sandbox_clock SET clock_offset = greatest(clock_offset, %(clock_offset)s::interval) RETURNING clock_offset
"""


class NotInSandbox(Conflict):
    """Only the sandbox has a clock that can be moved."""

    code, title = "not_in_sandbox", "The clock moves in sandbox mode only"


async def read_offset(tx: Tx) -> timedelta:
    row = await (await tx.execute(READ_OFFSET)).fetchone()
    return row[0] if row else timedelta(0)


async def refresh(runtime: Runtime) -> None:
    """Take over the stored offset; nothing to do for any other clock."""
    if isinstance(runtime.clock, SandboxClock):
        async with runtime.database.transaction() as tx:
            runtime.clock.set_offset(await read_offset(tx))


async def keep_in_step(runtime: Runtime, *, every_seconds: float = 0.25) -> None:
    """Refresh for ever; a task of the web process. A database that is away is waited for."""
    while isinstance(runtime.clock, SandboxClock):
        with suppress(Unavailable):
            await refresh(runtime)
        await asyncio.sleep(every_seconds)


async def move_to(runtime: Runtime, at: datetime) -> datetime:
    """Move the sandbox clock forward to `at` for every process; an earlier instant changes nothing. Gives the time."""
    if not isinstance(runtime.clock, SandboxClock):
        raise NotInSandbox("set AUTORISEN_ENV=sandbox to move the clock")
    async with runtime.database.transaction() as tx:
        row = await (await tx.execute(RAISE_OFFSET, {"clock_offset": at - runtime.wall.now()})).fetchone()
    runtime.clock.set_offset(row[0] if row else timedelta(0))
    return runtime.clock.now()
