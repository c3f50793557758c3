"""Producers die by kill -9 while they record: what `record` had returned for is counted, once."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.architecture.source_tree import REPOSITORY
from tests.client.conftest import Connect, House
from tests.client.producer import THREADS

KILLS = int(os.environ.get("FAULT_KILLS", "12"))
SEED = int(os.environ.get("FAULT_SEED", str(time.time_ns() % 1_000_000)))


@dataclass(frozen=True)
class Figures:
    seed: int
    kills: int
    recorded: int
    stored: int
    lost: int
    doubled: int
    unreturned: int
    miscounted: int


async def run(house: House, connect: Connect, folder: Path, kills: int, *options: str) -> Figures:
    """Kill so many producers, one after the other and two at a time on one spool, then drain the spool and judge."""
    dice = random.Random(SEED)
    notes = folder / "notes"
    notes.touch()
    command = [
        sys.executable,
        "-m",
        "tests.client.producer",
        house.url,
        house.key,
        str(folder / "spool.db"),
        str(notes),
    ]
    done = 0
    while done < kills:
        known = notes.stat().st_size
        processes = [
            await asyncio.create_subprocess_exec(*command, str(dice.randint(1, 9)), *options, cwd=REPOSITORY)
            for _ in range(min(2, kills - done))
        ]
        while notes.stat().st_size == known:
            assert all(process.returncode is None for process in processes)
            await asyncio.sleep(0.01)
        for process in processes:
            await asyncio.sleep(dice.uniform(0.05, 0.4))
            process.kill()
            await process.wait()
            done += 1
    assert await asyncio.to_thread(connect(house.url, house.key).flush, 120)
    recorded = dict(line.split() for line in notes.read_text().splitlines())
    stored = await house.stored()
    doubled = len(stored) - len(set(stored))
    async with house.runtime.database.read() as tx:
        rows = await (await tx.execute("SELECT data->>'input_tokens' FROM metering.events")).fetchall()
    return Figures(
        seed=SEED,
        kills=done,
        recorded=len(recorded),
        stored=len(stored),
        lost=len(recorded.keys() - set(stored)),
        doubled=doubled,
        unreturned=len(set(stored) - recorded.keys()),
        miscounted=abs(await house.used() - sum(int(row[0]) for row in rows)),
    )


@pytest.mark.faults
async def test_nothing_recorded_is_lost_or_doubled(
    house: House, connect: Connect, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Goal: a producer may die at any moment. An event whose `record` had not returned may be there or not."""
    figures = await run(house, connect, tmp_path, KILLS)
    with capsys.disabled():
        print(f"\n{figures}")
    assert figures.recorded > 0
    assert (figures.lost, figures.doubled, figures.miscounted) == (0, 0, 0)
    assert figures.unreturned <= KILLS * THREADS


@pytest.mark.faults
async def test_without_durability_the_judge_sees_losses(
    house: House, connect: Connect, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Goal: the judge can fail. Method: what `record` writes is not committed when it returns."""
    figures = await run(house, connect, tmp_path, 1, "without-durability")
    with capsys.disabled():
        print(f"\nwithout durability: {figures}")
    assert figures.lost > 0


@pytest.mark.faults
async def test_without_identity_the_judge_sees_doubles(
    house: House, connect: Connect, tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Goal: the judge can fail. Method: the server forgets identities, and one use is recorded twice."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE metering.events DROP CONSTRAINT events_identity CASCADE")
    client = connect(house.url, house.key)
    client.record("llm.completion", "acme", {"input_tokens": 5, "output_tokens": 1}, id="one")
    assert await asyncio.to_thread(client.flush, 30)
    client.record("llm.completion", "acme", {"input_tokens": 5, "output_tokens": 1}, id="one")
    assert await asyncio.to_thread(client.flush, 30)
    stored = await house.stored()
    with capsys.disabled():
        print(f"\nwithout identity: stored {len(stored)}, distinct {len(set(stored))}")
    assert len(stored) > len(set(stored))
