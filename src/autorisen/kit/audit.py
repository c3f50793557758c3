"""What an audit is made of: checks, and a walk along several ordered streams at once.

Every capability has its own check beside it; who runs them all is billing's audit. A check reads in one snapshot,
row by row, so that its memory does not grow with the data.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Any

from autorisen.kit.database import Tx
from autorisen.kit.findings import Findings

# Rows with the key that they are ordered by, as text.
Stream = AsyncGenerator[tuple[str, Any]]


@dataclass(frozen=True)
class Check:
    """One part of the audit. `count` says how many rows it will go through, `run` goes through them."""

    name: str
    says: str
    count: Callable[[Tx], Awaitable[int]]
    run: Callable[[Tx, Findings], Awaitable[None]]


async def walk(visit: Callable[[str, tuple[list[Any], ...]], None], *streams: Stream) -> None:
    """Go along streams that are ordered by their keys: `visit` gets each key and what every stream has of it.

    Memory holds what one key has. Raises ValueError when a stream is out of order, instead of finding nonsense.
    """
    async with AsyncExitStack() as open_streams:
        for stream in streams:
            await open_streams.enter_async_context(aclosing(stream))
        heads = [await anext(stream, None) for stream in streams]
        last: str | None = None
        while waiting := [head[0] for head in heads if head is not None]:
            key = min(waiting)
            if last is not None and key <= last:
                raise ValueError(f"{key} comes after {last}")
            found: tuple[list[Any], ...] = tuple([] for _ in streams)
            for place, stream in enumerate(streams):
                while (head := heads[place]) is not None and head[0] == key:
                    found[place].append(head[1])
                    heads[place] = await anext(stream, None)
            visit(key, found)
            last = key
