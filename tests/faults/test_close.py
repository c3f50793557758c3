"""Month end: who closes a month dies by kill -9 in the middle of it, again and again; then two at once finish it.

The judge is the database and the audit: each period closed once, numbers without a gap, no unexplained cent.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from autorisen import billing
from autorisen.billing.number_invoice import invoice_number
from autorisen.billing.tax import TAX_ZONE
from autorisen.kit.clock import SystemClock
from autorisen.kit.open_runtime import open_runtime
from autorisen.kit.settings import Settings
from tests.factories.closing import closed_once, numbers, run_agents, subscribers
from tests.faults.harness import SEED, scaled

# Somebody else's transaction that has begun to write.
WRITES = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_xid IS NOT NULL
"""
CLOSED = "SELECT count(*) FROM billing.closings"


def close_run(database_url: str, home: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {"DATABASE_URL": database_url, "AUTORISEN_HOME": str(home)}
    command = [sys.executable, "-m", "autorisen", "close", "run"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill_while_it_writes(process: subprocess.Popen[bytes], judge: psycopg.Connection, dice: random.Random) -> bool:
    """Kill it at some moment of a transaction that writes. False when it was done before."""
    until = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < until:
        row = judge.execute(WRITES).fetchone()
        if row is not None and row[0]:
            time.sleep(dice.uniform(0, 0.2))
            process.send_signal(signal.SIGKILL)
            return process.wait() == -signal.SIGKILL
        time.sleep(0.005)
    return False


async def test_a_month_end_that_is_killed_goes_on_where_it_was(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Goal: no kill at any moment, and no second worker, closes a period twice, skips one, or leaves a gap."""
    count, kills, dice = scaled(600, 6_000), scaled(3, 20), random.Random(SEED)
    began_at = SystemClock().now() - timedelta(days=33)
    killed = 0
    seen: list[int] = []
    async with open_runtime(Settings(home=tmp_path, database_url=database_url), database_url) as runtime:
        found = await subscribers(runtime, count, plans=("pro", "free", "enterprise"), start_at=began_at)
        for each in found[:20]:
            await run_agents(runtime, each.customer, 2_003, at=began_at + timedelta(days=4))
        with psycopg.connect(database_url, autocommit=True) as judge:
            while killed < kills and kill_while_it_writes(close_run(database_url, tmp_path), judge, dice):
                killed += 1
                row = judge.execute(CLOSED).fetchone()
                assert row is not None
                seen.append(row[0])
        workers = [close_run(database_url, tmp_path) for _ in range(2)]
        assert [await asyncio.to_thread(each.wait, 120) for each in workers] == [0, 0]
        async with runtime.database.read() as tx:
            assert await closed_once(tx) == count
            issued = await numbers(tx)
            progress = await billing.read_progress(tx, runtime.settings, runtime.clock.now())
        report = await billing.audit(runtime, actor="tests")
    with capsys.disabled():
        print(f"\nmonth end: seed {SEED}, {count:,} periods, {killed} kills after {seen} were closed")
    assert (progress.due, progress.failed) == (0, 0)
    billed = len([each for place, each in enumerate(found) if place % 3 != 1])
    assert issued == [
        invoice_number(SystemClock().now().astimezone(TAX_ZONE).year, number) for number in range(1, billed + 1)
    ]
    assert report.findings == 0, report.document
    assert killed
