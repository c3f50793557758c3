"""The right to work on one job for a while, outside of a transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from autorisen.kit.unit import Runtime, Unit
from autorisen.kit.work import store


class LeaseLost(RuntimeError):
    """Another worker holds the job by now; what this one did about it must not be committed."""


class Lease:
    """The right to work on one job for a while. What is asked of a provider carries a key stored before."""

    def __init__(self, runtime: Runtime, job_id: UUID, fence: int, length: timedelta) -> None:
        self.runtime = runtime
        self.job_id = job_id
        self.fence = fence
        self._length = length
        self.finished = False

    async def heartbeat(self) -> None:
        """Keep the lease for another full length. Raises `LeaseLost` when it is too late."""
        async with self.runtime.database.transaction() as tx:
            if not await store.extend_lease(tx, self.job_id, self.fence, self._length):
                raise LeaseLost(str(self.job_id))

    @asynccontextmanager
    async def finish(self) -> AsyncIterator[Unit]:
        """Commit the effect together with the completion. Raises `LeaseLost`, committing nothing, when fenced off."""
        async with self.runtime.unit() as unit:
            # First, so that the row is locked against a worker that takes the lease over while we write.
            if not await store.delete(unit.tx, self.job_id, self.fence):
                raise LeaseLost(str(self.job_id))
            yield unit
        self.finished = True
