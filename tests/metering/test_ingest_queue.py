"""Requests that come together share commits, and none is ever forgotten in the queue."""

from __future__ import annotations

import asyncio

from autorisen.kit.unit import Runtime
from autorisen.metering import Receipt, Submission, new_event
from autorisen.metering.ingest_queue import IngestQueue
from tests.factories.metering import llm_event

COMMITS = "SELECT count(*), sum(accepted) FROM metering.batches"


def one(number: int) -> Submission:
    return Submission(None, [new_event(llm_event(str(number)))])


async def commits(runtime: Runtime) -> object:
    async with runtime.database.read() as tx:
        return await (await tx.execute(COMMITS)).fetchone()


async def test_who_comes_as_a_writer_ends_is_written_too(runtime: Runtime) -> None:
    """Goal: nobody waits for ever. Method: each event is sent in the very step in which the one before is answered."""
    queue = IngestQueue(runtime)

    async def send() -> list[Receipt]:
        return [await queue.submit(one(number)) for number in range(10)]

    receipts = await asyncio.wait_for(send(), 30)
    assert [receipt.accepted for receipt in receipts] == [1] * 10
    assert await commits(runtime) == (10, 10)


async def test_single_events_at_once_share_commits(runtime: Runtime) -> None:
    """Goal: the first goes at once, all that come meanwhile go together in the next one."""
    queue = IngestQueue(runtime)

    async def send(number: int) -> Receipt:
        return await queue.submit(one(number))

    receipts = await asyncio.gather(*(send(number) for number in range(100)))
    assert sum(receipt.accepted for receipt in receipts) == 100
    found = await commits(runtime)
    assert found in {(1, 100), (2, 100)}, found


async def test_many_events_are_written_side_by_side(runtime: Runtime) -> None:
    queue = IngestQueue(runtime)

    async def send(batch: int) -> Receipt:
        events = [new_event(llm_event(f"{batch} {number}")) for number in range(1_000)]
        return await queue.submit(Submission(None, events))

    receipts = await asyncio.gather(*(send(batch) for batch in range(6)))
    assert [receipt.accepted for receipt in receipts] == [1_000] * 6
    found = await commits(runtime)
    assert found in {(3, 6_000), (4, 6_000)}, found
