"""The next piece is read in a thread while the database writes the one before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


@asynccontextmanager
async def read_ahead(items: Iterator[T], size: int) -> AsyncIterator[AsyncIterator[list[T]]]:
    """Pieces of `size` items, one of them ahead: memory stays at two pieces, however long the whole is."""

    def take() -> list[T]:
        return list(islice(items, size))

    coming = asyncio.create_task(asyncio.to_thread(take))

    async def pieces() -> AsyncIterator[list[T]]:
        nonlocal coming
        while piece := await coming:
            coming = asyncio.create_task(asyncio.to_thread(take))
            yield piece

    try:
        yield pieces()
    finally:
        # The thread can't be stopped; who leaves early waits for it, so that nobody reads a closed file.
        await asyncio.gather(coming, return_exceptions=True)
