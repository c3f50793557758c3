"""Web and worker die by kill -9 while events arrive: what was acknowledged is there, once, and counted once."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psycopg
import pytest

from tests.faults.harness import Run

KILLS = int(os.environ.get("FAULT_KILLS", "20"))
SEED = int(os.environ.get("FAULT_SEED", str(time.time_ns() % 1_000_000)))


async def test_nothing_is_lost_or_doubled(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Goal: 20 kills at random moments cost nothing that was acknowledged and count nothing twice."""
    figures = await Run(tmp_path, database_url, SEED).perform(KILLS)
    with capsys.disabled():
        print(f"\n{figures}")
    assert sum(figures.kills.values()) == KILLS
    assert figures.acked == figures.sent > 0
    assert (figures.lost, figures.doubled, figures.ghost, figures.miscounted) == (0, 0, 0, 0)


async def test_without_the_unique_key_the_harness_sees_doubles(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Goal: the harness can fail. Method: the same run on a database whose events have lost their identity."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE metering.events DROP CONSTRAINT events_identity")
    figures = await Run(tmp_path, database_url, SEED).perform(2)
    with capsys.disabled():
        print(f"\nwithout the unique key: {figures}")
    assert figures.doubled > 0
    assert figures.miscounted > 0
    assert figures.lost == 0
