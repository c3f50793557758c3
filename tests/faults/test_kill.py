"""F1: web and worker die by kill -9 while events arrive: what was acknowledged is there, once, and counted once."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.faults.harness import SEED, Run, kill_processes, scaled


async def test_nothing_is_lost_or_doubled(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Goal: kills at random moments cost nothing that was acknowledged and count nothing twice."""
    kills = scaled(20, 200)
    figures = await Run(tmp_path, database_url, SEED).perform(lambda run: kill_processes(run, kills))
    with capsys.disabled():
        print(f"\nF1 kill -9: {figures}")
    assert sum(figures.faults.values()) == kills
    assert figures.acked == figures.sent > 0
    assert figures.wrong == {}


async def test_without_the_unique_key_the_harness_sees_doubles(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Goal: the harness can fail. Method: the same run on a database whose events have lost their identity."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE metering.events DROP CONSTRAINT events_identity CASCADE")
    figures = await Run(tmp_path, database_url, SEED).perform(lambda run: kill_processes(run, 2))
    with capsys.disabled():
        print(f"\nwithout the unique key: {figures}")
    assert figures.doubled > 0
    assert figures.lost == 0
