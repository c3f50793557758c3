"""One unit of work: one transaction, one instant, one source of ids. Every verb takes a `Unit` first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from autorisen.kit.clock import Clock
from autorisen.kit.database import Database, Tx
from autorisen.kit.ids import Ids
from autorisen.kit.settings import Settings

# Posts a body to an address and gives the status code: how the sandbox gateway, foreign by contract, reaches us.
DeliverWebhook = Callable[[str, Mapping[str, str], bytes], Awaitable[int]]


@dataclass(frozen=True)
class Unit:
    """What a verb may use: the open transaction, the instant it happens at, ids, and the settings.

    `now` is business time (periods, invoices, due times); `wall_now` is real time (sessions, signatures). Both stand
    still for the whole unit, so that all rows of one change carry one instant.
    """

    tx: Tx
    now: datetime
    wall_now: datetime
    ids: Ids
    settings: Settings


@dataclass(frozen=True)
class Runtime:
    """What a process has: made once by the composition root, handed down, never global."""

    settings: Settings
    database: Database
    clock: Clock
    wall: Clock
    ids: Ids
    deliver_webhook: DeliverWebhook

    @asynccontextmanager
    async def unit(self, *, pipelined: bool = False) -> AsyncIterator[Unit]:
        """Open a unit of work: everything inside commits together at the end, or nothing does.

        `pipelined` as in `Database.transaction`.
        """
        async with self.database.transaction(pipelined=pipelined) as tx:
            yield Unit(tx, self.clock.now(), self.wall.now(), self.ids, self.settings)
