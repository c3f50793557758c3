"""The worker: looks for due work, performs it, survives the database going away, stops when told."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime

import structlog

from autorisen.kit.problems import Unavailable
from autorisen.kit.sandbox_clock import refresh
from autorisen.kit.unit import Runtime
from autorisen.kit.work import store
from autorisen.kit.work.enqueue import enqueue
from autorisen.kit.work.model import Registry
from autorisen.kit.work.perform import perform_next

log = structlog.get_logger(__name__)

_PAUSE_SECONDS_MAX = 5.0


class Worker:
    """Performs the work of one registry. Any number of workers may share a database."""

    def __init__(self, runtime: Runtime, registry: Registry, *, concurrency: int = 2) -> None:
        self._runtime = runtime
        self._registry = registry
        self._concurrency = concurrency
        self._ticked: dict[str, datetime] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; what is being performed then is finished first."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat(stop, self._tick_and_refresh))
            for _ in range(self._concurrency):
                group.create_task(self._repeat(stop, self._perform_all_due))

    async def drain(self) -> int:
        """Perform everything that is due now, in order of due time, and what follows from it. Gives the count."""
        performed = 0
        while True:
            await self.tick()
            done = await self._perform_all_due()
            performed += done
            if not done:
                return performed

    async def tick(self) -> None:
        """Enqueue the recurring work whose time has come; the schedule's unique key picks one worker."""
        for recurring in self._registry.schedule:
            # What this worker has seen to already costs no query: an idle worker ticks five times a second.
            if self._ticked.get(recurring.task) == recurring.latest_due(self._runtime.clock.now()):
                continue
            async with self._runtime.unit() as unit:
                due_at = recurring.latest_due(unit.now)
                if await store.claim_schedule(unit.tx, recurring.task, due_at):
                    await enqueue(unit, recurring.kind, {"due_at": due_at}, due_at=due_at, key=recurring.task)
            self._ticked[recurring.task] = due_at

    async def next_due(self) -> datetime | None:
        """The next instant after now at which something falls due: a job, a backlog, or a nightly task."""
        async with self._runtime.unit() as unit:
            waiting = [await store.next_due(unit.tx, unit.now)]
            for backlog in self._registry.backlogs:
                waiting.append(await backlog.next_due(unit.tx, unit.settings, unit.now))
            nights = [
                recurring.next_due(unit.now) for recurring in self._registry.schedule if recurring.stops_the_clock
            ]
        return min((at for at in (*waiting, *nights) if at is not None), default=None)

    async def is_work_due(self) -> bool:
        """Whether something is due that nobody has finished yet."""
        async with self._runtime.database.read() as tx:
            now = self._runtime.clock.now()
            due = [await each.next_due(tx, self._runtime.settings, None) for each in self._registry.backlogs]
            return (await store.queue_state(tx, now)).due > 0 or any(at is not None and at <= now for at in due)

    async def _perform_all_due(self, stop: asyncio.Event | None = None) -> int:
        performed = 0
        while not (stop and stop.is_set()) and await perform_next(self._runtime, self._registry):
            performed += 1
        return performed

    async def _tick_and_refresh(self, stop: asyncio.Event) -> int:
        await refresh(self._runtime)
        await self.tick()
        return 0

    async def _repeat(self, stop: asyncio.Event, step: object) -> None:
        poll = self._runtime.settings.worker_poll_milliseconds / 1000
        pause = poll
        while not stop.is_set():
            try:
                await step(stop)  # type: ignore[operator]  # both steps take the stop event
                pause = poll
            except Unavailable as error:
                pause = min(pause * 2, _PAUSE_SECONDS_MAX)
                log.warning("work.database_away", retry_in_seconds=pause, error=str(error.__cause__))
            except Exception:
                # Never end the process for one surprise; it is logged and the work is still in the queue.
                pause = min(pause * 2, _PAUSE_SECONDS_MAX)
                log.exception("work.surprise", retry_in_seconds=pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
