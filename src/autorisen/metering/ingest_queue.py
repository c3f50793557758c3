"""Groups the events of concurrent requests into shared commits, so that one flush of the disk serves many."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Self

from autorisen.kit.problems import Unavailable
from autorisen.kit.unit import Runtime
from autorisen.metering.ingest import Submission, ingest_all
from autorisen.metering.model import Receipt

# Beyond this the answer is 503: memory stays bounded, and the producer keeps what we can't take.
WAITING_EVENTS_MAX = 50_000
GROUP_EVENTS_MAX = 2_000
WRITERS_MAX = 2
# A second writer begins, and goes on, when so many events wait: fewer are better kept for the next commit of the other.
# Two keep the database busy while the answers of one group become the next; a group costs as much as ten events.
WRITER_EVENTS = 12
# Bytes of all requests from the first that arrives to the receipt, by `decoded_weight`: many large bodies at once are
# what fills a process before anything waits in the queue.
MEMORY_MAX = 128_000_000


@dataclass(frozen=True)
class Pressure:
    """How full one process is: events that wait for the database, and bytes that requests hold, each with its limit.

    `refused` requests were answered with 503 since the process began.
    """

    waiting_events: int
    waiting_max: int
    bytes_held: int
    bytes_max: int
    writers: int
    refused: int


@dataclass
class _Waiting:
    submission: Submission
    receipt: asyncio.Future[Receipt]


class Memory:
    """How much the requests of one process may hold between them."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self.refused = 0

    def held(self) -> Held:
        """What one request takes of it, given back whole when the block ends."""
        return Held(self)

    def take(self, size: int) -> None:
        if self.used + size > self.limit:
            self.refused += 1
            raise Unavailable(
                "more bytes wait than there is memory for; send the same again, or less at once", retry_after_seconds=1
            )
        self.used += size


class Held:
    """The part of the memory that one request has, until the end of its block."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._memory.used -= self.size

    def take(self, size: int) -> None:
        """Take so many bytes more. Raises `Unavailable` when others have them."""
        self._memory.take(size)
        self.size += size


class IngestQueue:
    """One per process. Nothing runs while nobody waits, so it needs neither start nor stop."""

    def __init__(self, runtime: Runtime) -> None:
        self.memory = Memory(MEMORY_MAX)
        self._runtime = runtime
        self._waiting: deque[_Waiting] = deque()
        self._waiting_events = 0
        self._writing = 0
        self._refused = 0
        self._tasks: set[asyncio.Task[None]] = set()  # the event loop alone would let them be collected

    @property
    def pressure(self) -> Pressure:
        return Pressure(
            waiting_events=self._waiting_events,
            waiting_max=WAITING_EVENTS_MAX,
            bytes_held=self.memory.used,
            bytes_max=self.memory.limit,
            writers=self._writing,
            refused=self._refused + self.memory.refused,
        )

    def check_room(self) -> None:
        """Raises `Unavailable` when too many events wait for the database."""
        if self._waiting_events >= WAITING_EVENTS_MAX:
            self._refused += 1
            raise Unavailable("more events wait than the database takes; send the same again", retry_after_seconds=1)

    async def submit(self, submission: Submission) -> Receipt:
        """The receipt, after the commit. Raises `Unavailable` when nothing, or nothing certain, was stored."""
        self.check_room()
        waiting = _Waiting(submission, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._waiting_events += len(submission.items)
        if self._writing < min(WRITERS_MAX, 1 + self._waiting_events // WRITER_EVENTS):
            # A task of its own: the request that began it may be cancelled, the others in the group may not.
            self._writing += 1
            writer = asyncio.create_task(self._write())
            self._tasks.add(writer)
            writer.add_done_callback(self._tasks.discard)
        return await waiting.receipt

    def _is_due(self) -> bool:
        """Whether one more group is worth writing now: else one of the other writers takes it when it is through."""
        return self._waiting_events >= WRITER_EVENTS * (self._writing - 1)

    async def _write(self) -> None:
        try:
            while self._is_due() and (group := self._next_group()):
                await self._write_group(group)
        finally:
            # In the same step that found nothing more: who comes now begins the next writer.
            self._writing -= 1

    def _next_group(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        events = 0
        while self._waiting and events < GROUP_EVENTS_MAX:
            waiting = self._waiting.popleft()
            self._waiting_events -= len(waiting.submission.items)
            if waiting.receipt.done():  # its request was cancelled; the producer will send the same again
                continue
            group.append(waiting)
            events += len(waiting.submission.items)
        return group

    async def _write_group(self, group: list[_Waiting]) -> None:
        try:
            async with self._runtime.unit(pipelined=True) as unit:
                receipts = await ingest_all(unit, [waiting.submission for waiting in group])
        except Exception as error:
            if len(group) == 1 or isinstance(error, Unavailable):
                for waiting in group:
                    if not waiting.receipt.done():
                        waiting.receipt.set_exception(error)
                return
            # One of them can't be stored, for a reason that no rule foresaw: it must not take the others with it.
            for waiting in group:
                await self._write_group([waiting])
            return
        for waiting, receipt in zip(group, receipts, strict=True):
            if not waiting.receipt.done():
                waiting.receipt.set_result(receipt)
