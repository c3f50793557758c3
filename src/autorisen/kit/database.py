"""PostgreSQL through psycopg 3: one pool a process, one transaction a unit of work. Only this file commits."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, LiteralString, TypeVar
from weakref import WeakKeyDictionary

import msgspec
from psycopg import AsyncConnection, OperationalError, errors
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from autorisen.kit.clock import monotonic
from autorisen.kit.problems import Unavailable

Tx = AsyncConnection[TupleRow]
T = TypeVar("T")

# The pipelines that are open, to be left by `leave_pipeline`.
_PIPELINES: WeakKeyDictionary[Tx, AsyncExitStack] = WeakKeyDictionary()

# Lost connections, shutdown and crash recovery, resource limits, a full disk: the caller may send the same again.
_TRANSIENT = (OperationalError, PoolTimeout, errors.InsufficientResources)

# A connection that answered so recently is believed to be there still: asking costs as much as a small statement.
_FRESH_SECONDS = 1.0
FULL_SECONDS = 5.0

_PING: LiteralString = "SELECT 1"
_READ_ONLY: LiteralString = "SET TRANSACTION READ ONLY"
_SNAPSHOT: LiteralString = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


_encode_rows = msgspec.json.Encoder().encode


def json_rows(rows: Iterable[object]) -> str:
    """Many rows as one parameter, for `json_to_recordset`: the fastest way in for rows that a statement has to see.

    Numbers travel as text and stay exact, so do ids and times.
    """
    return _encode_rows(list(rows)).decode()


_STREAM_NUMBERS = itertools.count(1)
_STREAM_ROWS = 2_000


async def stream(
    tx: Tx, query: LiteralString, values: Mapping[str, object] | None = None, *, make: Callable[[TupleRow], T]
) -> AsyncGenerator[T]:
    """What `make` makes of each row, by a cursor of the server: memory stays flat, and several may be walked at once.

    Close it, as `aclosing` does: what the garbage collector closes later meets another transaction.
    """
    async with tx.cursor(f"stream_{next(_STREAM_NUMBERS)}") as cursor:
        cursor.itersize = _STREAM_ROWS
        await cursor.execute(query, values)
        async for row in cursor:
            yield make(row)


async def leave_pipeline(tx: Tx) -> None:
    """Go on without a pipeline, if there is one: for streams, which none can carry. What was sent is heard of here."""
    if pipeline := _PIPELINES.pop(tx, None):
        await pipeline.aclose()


async def _configure(connection: AsyncConnection[Any]) -> None:
    # A stopped (SIGSTOP) worker must not hold row locks for ever; a runaway statement must not hold a pool slot.
    await connection.execute("SET TIME ZONE 'UTC'")
    await connection.execute("SET statement_timeout = '30s'")
    await connection.execute("SET lock_timeout = '10s'")
    await connection.execute("SET idle_in_transaction_session_timeout = '60s'")
    await connection.commit()


class Database:
    """A pool of connections to one PostgreSQL database."""

    def __init__(self, url: str, *, min_size: int = 1, max_size: int = 10, wait_seconds: float = 5.0) -> None:
        self.url = url
        self._returned: WeakKeyDictionary[AsyncConnection[Any], float] = WeakKeyDictionary()
        self._full_at: float | None = None
        self._pool: AsyncConnectionPool[AsyncConnection[TupleRow]] = AsyncConnectionPool(
            url,
            min_size=min_size,
            max_size=max_size,
            timeout=wait_seconds,
            # Waiters beyond this get a 503 at once instead of an unbounded queue.
            max_waiting=1_000,
            open=False,
            configure=_configure,
            # A connection that a database restart has cut is found here and replaced, not by the request.
            check=self._check,
            reset=self._note_return,
            # Attempts of one series are ever further apart; the next request begins a new one. So a database that was
            # away for a moment is found again in seconds.
            reconnect_timeout=3.0,
            kwargs={"autocommit": False, "application_name": "autorisen"},
        )

    async def _check(self, connection: AsyncConnection[TupleRow]) -> None:
        returned = self._returned.get(connection)
        if returned is None or monotonic() - returned > _FRESH_SECONDS:
            await AsyncConnectionPool.check_connection(connection)

    async def _note_return(self, connection: AsyncConnection[TupleRow]) -> None:
        self._returned[connection] = monotonic()

    async def open(self) -> None:
        """Start the pool. It keeps trying in the background, so a process may start before its database."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close(timeout=5.0)

    @asynccontextmanager
    async def transaction(self, *, pipelined: bool = False) -> AsyncIterator[Tx]:
        """One READ COMMITTED transaction: commits at the end of the block, rolls back on any exception.

        `pipelined` spares round trips where they count: a statement is sent at once and heard of at the next fetch,
        the last ones together with the commit; so what breaks is raised there, and by the end of the block.

        Raises `Unavailable` (503) when the database can't be reached, or is lost, before the commit is known.
        """
        try:
            async with self._pool.connection() as connection, AsyncExitStack() as inner:
                if pipelined:
                    # Not `connection.transaction()`, which enters pipelines of its own that nothing can leave.
                    await inner.enter_async_context(connection.pipeline())
                    _PIPELINES[connection] = inner
                    inner.callback(_PIPELINES.pop, connection, None)
                else:
                    await inner.enter_async_context(connection.transaction())
                yield connection
                if pipelined:
                    await connection.commit()
        except _TRANSIENT as error:
            if isinstance(error, errors.DiskFull):
                self._full_at = asyncio.get_running_loop().time()
            raise Unavailable("the database can't be reached at the moment; send the same again") from error

    @asynccontextmanager
    async def read(self, *, snapshot: bool = False) -> AsyncIterator[Tx]:
        """A read-only transaction; with `snapshot` all its statements see one moment."""
        async with self.transaction() as tx:
            await tx.execute(_SNAPSHOT if snapshot else _READ_ONLY)
            yield tx

    def has_room(self) -> bool:
        """Whether no write of this process failed for want of disk in the last seconds.

        Told from what happened: a full disk still answers queries, and takes a write where a page has room.
        """
        return self._full_at is None or asyncio.get_running_loop().time() > self._full_at + FULL_SECONDS

    async def is_reachable(self) -> bool:
        try:
            async with self._pool.connection(timeout=1.0) as connection:
                await connection.execute(_PING)
        except _TRANSIENT:
            return False
        return True

    def stats(self) -> dict[str, int]:
        """The pool's own counters (size, waiting requests), for the metrics page."""
        return self._pool.get_stats()
