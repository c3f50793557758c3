"""A pipelined transaction says by its end what became of it; a connection is looked at before it is believed."""

from __future__ import annotations

from collections.abc import Callable
from typing import LiteralString

import psycopg
import pytest
from psycopg import errors

from autorisen.kit.database import Database, Tx, leave_pipeline
from autorisen.kit.problems import Unavailable

MAKE = "CREATE TABLE public.kept (id int, CONSTRAINT once UNIQUE (id) DEFERRABLE INITIALLY DEFERRED)"
KEEP = "INSERT INTO public.kept VALUES (1)"
COUNT = "SELECT count(*) FROM public.kept"


@pytest.fixture
async def database(database_url: str) -> Database:
    with psycopg.connect(database_url) as connection:
        connection.execute(MAKE)
    return Database(database_url, max_size=1)


async def kept(database: Database) -> object:
    async with database.read() as tx:
        return await (await tx.execute(COUNT)).fetchone()


async def test_a_pipelined_transaction_commits_by_its_end(database: Database) -> None:
    await database.open()
    async with database.transaction(pipelined=True) as tx:
        first = await tx.execute(COUNT)
        await tx.execute(KEEP)
        then = await tx.execute(COUNT)
        assert (await first.fetchone(), await then.fetchone()) == ((0,), (1,))
    assert await kept(database) == (1,)
    await database.close()


async def send(database: Database, *statements: LiteralString, then: Callable[[Tx], None] = lambda _: None) -> None:
    """The statements in one pipelined transaction, and what comes before its end."""
    async with database.transaction(pipelined=True) as tx:
        for statement in statements:
            await tx.execute(statement)
        then(tx)


def give_up(_: Tx) -> None:
    raise RuntimeError("the verb gives up")


async def test_what_fails_last_in_a_pipeline_is_raised_and_undoes_all(database: Database) -> None:
    """Goal: nobody takes for committed what was only sent. Method: the last statement fails, then the commit itself."""
    await database.open()
    with pytest.raises(errors.DivisionByZero):
        await send(database, KEEP, "SELECT 1 / 0")
    assert await kept(database) == (0,)
    with pytest.raises(errors.UniqueViolation):
        await send(database, KEEP, KEEP)
    assert await kept(database) == (0,)
    with pytest.raises(RuntimeError):
        await send(database, KEEP, then=give_up)
    assert await kept(database) == (0,)
    await database.close()


async def test_a_pipeline_may_be_left_for_a_stream(database: Database) -> None:
    """Goal: the transaction goes on as one: it sees what it sent, raises what failed, and commits or undoes all."""
    await database.open()
    async with database.transaction(pipelined=True) as tx:
        await tx.execute(KEEP)
        await leave_pipeline(tx)
        await leave_pipeline(tx)
        async with tx.cursor() as cursor:
            assert [row async for row in cursor.stream("SELECT id FROM public.kept")] == [(1,)]
    assert await kept(database) == (1,)
    async with database.transaction() as tx:
        await leave_pipeline(tx)
    with pytest.raises(errors.UniqueViolation):
        await leave(database, then=KEEP)
    with pytest.raises(errors.DivisionByZero):
        await leave(database, "INSERT INTO public.kept VALUES (2)", "SELECT 1 / 0", then=COUNT)
    assert await kept(database) == (1,)
    await database.close()


async def leave(database: Database, *statements: LiteralString, then: LiteralString) -> None:
    """The statements in a pipeline, and one more after it, in one transaction."""
    async with database.transaction(pipelined=True) as tx:
        for statement in statements:
            await tx.execute(statement)
        await leave_pipeline(tx)
        await tx.execute(then)


async def test_a_connection_that_is_cut_before_the_commit_is_unavailable(database: Database, database_url: str) -> None:
    await database.open()
    with pytest.raises(Unavailable):
        await send(database, KEEP, then=lambda tx: _cut(database_url, tx.info.backend_pid))
    assert await kept(database) == (0,)
    await database.close()


async def test_a_connection_that_rested_is_looked_at(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goal: a restart of the database costs no request that comes a while later, and a fresh connection no question."""
    await database.open()
    async with database.transaction() as tx:
        process = tx.info.backend_pid
    async with database.transaction() as tx:
        assert tx.info.backend_pid == process
    _cut(database_url, process)
    with pytest.raises(Unavailable):
        await kept(database)
    async with database.transaction() as tx:
        process = tx.info.backend_pid
    monkeypatch.setattr("autorisen.kit.database._FRESH_SECONDS", -1.0)  # as if it had rested
    _cut(database_url, process)
    assert await kept(database) == (0,)
    await database.close()


def _cut(url: str, process: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", [process])
