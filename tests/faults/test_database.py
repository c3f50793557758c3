"""F4, F5, F6, F8: the database stops, drops connections, is cut off in the middle of a commit, and has a full disk."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import psycopg
import pytest

from autorisen.kit.embedded_postgres import EmbeddedPostgres
from tests.faults.harness import SEED, Run, scaled
from tests.faults.world import SmallDisk, Wire, own_postgres

TERMINATE = """
SELECT count(pg_terminate_backend(pid)) FROM (
    SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
    ORDER BY random() LIMIT 1
) AS victim
"""


async def test_an_immediate_stop_of_the_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Goal (F4): the server loses its memory and recovers from its log; web and worker come back by themselves."""
    with own_postgres(tmp_path) as server:

        async def stop_and_start(run: Run) -> None:
            for _ in range(scaled(3, 8)):
                await asyncio.sleep(run.dice.uniform(0.3, 1.0))
                await run.make_late_customer()
                await asyncio.to_thread(server.stop, "immediate")
                stopped_at = time.monotonic()
                await asyncio.sleep(run.dice.uniform(0.0, 0.5))
                server.start()
                run.figures.faults["immediate stops"] += 1
                await run.recover(stopped_at)

        figures = await Run(tmp_path, server.url(), SEED).perform(stop_and_start)
    with capsys.disabled():
        print(f"\nF4 immediate stop: {figures}")
    assert figures.acked == figures.sent > 0
    assert figures.wrong == {}


async def test_connections_that_the_database_ends(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Goal (F5): whoever loses its connection is answered with 503, or is simply served by another."""
    minutes, each = scaled((0.1, 0.1), (2, 1.2))

    async def terminate(run: Run) -> None:
        ends = time.monotonic() + 60 * minutes
        with psycopg.connect(database_url, autocommit=True) as connection:
            while time.monotonic() < ends:
                found = connection.execute(TERMINATE).fetchone()
                run.figures.faults["connections ended"] += found[0] if found else 0
                await run.recover(time.monotonic())
                await asyncio.sleep(run.dice.uniform(0, 2 * each))
                await run.make_late_customer()

    figures = await Run(tmp_path, database_url, SEED).perform(terminate)
    with capsys.disabled():
        print(f"\nF5 ended connections: {figures}")
    assert figures.faults["connections ended"] >= scaled(20, 60)
    assert figures.acked == figures.sent > 0
    assert figures.wrong == {}


async def test_connections_that_are_cut_around_a_commit(
    postgres: EmbeddedPostgres, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Goal (F6): before, in and after the commit: nobody hears of success before it is, and retries count once."""
    async with Wire(postgres) as wire:

        async def cut(run: Run) -> None:
            for number in range(scaled(24, 300)):
                phase = ("before", "during", "after", "bytes")[number % 4]
                await wire.cut_at(phase, run.dice.randint(1, 200_000))
                run.figures.faults[f"cuts {phase}"] += 1
                await run.recover(time.monotonic())

        run = Run(tmp_path, database_url, SEED, address=wire.url(database_url))
        figures = await run.perform(cut)
    with capsys.disabled():
        print(f"\nF6 cuts around a commit: {figures}")
    assert sum(figures.faults.values()) == scaled(24, 300)
    assert figures.retried > 0
    assert figures.acked == figures.sent > 0
    assert figures.wrong == {}


async def test_a_full_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Goal (F8): no receipt without a commit, health says so, and with room again all goes on without a restart."""
    folder = tmp_path / "disk"
    try:
        disk = SmallDisk(folder, 400)
    except OSError as reason:
        pytest.skip(f"only who may mount a file system can fill one: {reason}")
    try:
        with own_postgres(folder) as server:

            async def fill_and_free(run: Run) -> None:
                for _ in range(scaled(1, 3)):
                    await asyncio.sleep(1)
                    await _fill(run, disk)
                    await _health_becomes(run, 503)
                    await asyncio.sleep(scaled(1, 10))
                    disk.free()
                    freed_at = time.monotonic()
                    if not server.is_running():
                        # PostgreSQL ends where its log finds no room; what watches over it starts it again.
                        server.start()
                        run.figures.faults["starts of PostgreSQL"] += 1
                    run.figures.faults["full disks"] += 1
                    await run.recover(freed_at)
                    await _health_becomes(run, 200)

            figures = await Run(tmp_path, server.url(), SEED).perform(fill_and_free)
    finally:
        disk.close()
    with capsys.disabled():
        print(f"\nF8 full disk: {figures}")
    assert figures.refused > 0
    assert figures.acked == figures.sent > 0
    assert figures.wrong == {}


async def _fill(run: Run, disk: SmallDisk) -> None:
    """Fill the disk until nothing has been acknowledged for a second; again where the server made room."""
    deadline, refused = time.monotonic() + 60, run.figures.refused
    while run.figures.refused == refused or await run.acknowledged_within(1.0):
        assert time.monotonic() < deadline, f"the disk is full and events are still acknowledged: {run.figures}"
        disk.fill()
        await asyncio.sleep(0.1)


async def _health_becomes(run: Run, status: int) -> None:
    """The health page tells a change within seconds, or this fails."""
    deadline = time.monotonic() + 10
    while (seen := await run.health()) != status:
        assert time.monotonic() < deadline, f"health answers {seen}, not {status}"
        await asyncio.sleep(0.2)
