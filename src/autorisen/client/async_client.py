"""`AsyncClient`: `Client` for programs with an event loop. The same spool, the same thread, the same rules."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Unpack

from autorisen.client.model import ControlTotal, DeadLetter, MissingEvent, Status
from autorisen.client.options import Options
from autorisen.client.sync_client import Client


class AsyncClient:
    """See `Client`, of which each method does the same here without holding up the event loop.

    The exception is `record` with the durability "process": it writes some microseconds' worth in the loop, which is
    less than a thread would cost.
    """

    def __init__(self, url: str, api_key: str, *, source: str, spool: Path | str, **options: Unpack[Options]) -> None:
        self._client = Client(url, api_key, source=source, spool=spool, **options)

    async def record(
        self,
        type: str,
        subject: str,
        data: Mapping[str, object],
        *,
        time: datetime | None = None,
        id: str | None = None,
    ) -> str:
        """As `Client.record`. Cancelled while it waits for the disk ("power"), the event may have been kept."""
        if self._client.durability == "process":
            return self._client.record(type, subject, data, time=time, id=id)
        return await asyncio.to_thread(self._client.record, type, subject, data, time=time, id=id)

    async def flush(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 -- as Client.flush: gives False
        return await asyncio.to_thread(self._client.flush, timeout)

    async def status(self) -> Status:
        return await asyncio.to_thread(self._client.status)

    async def resume(self, api_key: str | None = None) -> None:
        await asyncio.to_thread(self._client.resume, api_key)

    async def dead_letters(self, *, after: int = 0, limit: int = 100) -> list[DeadLetter]:
        return await asyncio.to_thread(self._client.dead_letters, after=after, limit=limit)

    async def retry_dead(self, numbers: Iterable[int] | None = None) -> int:
        return await asyncio.to_thread(self._client.retry_dead, numbers)

    async def drop_dead(self, numbers: Iterable[int]) -> int:
        return await asyncio.to_thread(self._client.drop_dead, numbers)

    async def control_totals(self) -> list[ControlTotal]:
        return await asyncio.to_thread(self._client.control_totals)

    async def missing_events(self, *, limit: int = 1000) -> list[MissingEvent]:
        return await asyncio.to_thread(self._client.missing_events, limit=limit)

    async def close(self, timeout: float = 5.0) -> None:  # noqa: ASYNC109 -- as Client.close: keeps the rest
        await asyncio.to_thread(self._client.close, timeout)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()
