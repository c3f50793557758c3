"""`autorisen events`: what a person sees of a backfill, and what a kill leaves of it."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from autorisen import accounts
from autorisen.kit.unit import Runtime
from tests.architecture.source_tree import REPOSITORY
from tests.cli.conftest import Command
from tests.factories.accounts import make_customer
from tests.factories.metering import make_meters

KILLS = int(os.environ.get("FAULT_KILLS", "4"))
SEED = int(os.environ.get("FAULT_SEED", str(time.time_ns() % 1_000_000)))
MAP = ["--map", "time=at", "--map", "data.input_tokens=n", "--map", "data.output_tokens=n", "--type", "llm.completion"]


async def make_house(runtime: Runtime) -> accounts.Customer:
    await make_meters(runtime)
    async with runtime.unit() as unit:
        return await make_customer(unit, key="acme")


def write(path: Path, rows: int, start: datetime = datetime(2026, 2, 1, tzinfo=UTC)) -> Path:
    with path.open("w") as file:
        file.write("at,n\n")
        file.writelines(f"{(start + timedelta(seconds=number)).isoformat()},{number % 97}\n" for number in range(rows))
    return path


async def test_a_backfill_as_a_person_sees_it(command: Command, runtime: Runtime, tmp_path: Path) -> None:
    await make_house(runtime)
    assert "No backfill yet" in (await command("events", "backfills")).output
    path = str(write(tmp_path / "usage.csv", 3))
    words = ["events", "backfill", path, *MAP, "--tag", "february"]
    told = await command(*words, "--subject", "acme", "--dry-run")
    assert told.exit_code == 0, told.output
    assert "Usage from 2026-02-01 00:00 to 2026-02-01 00:00 UTC" in told.output
    assert "llm.input_tokens" in told.output
    assert "february: 3 rows: would be 3 accepted, 0 duplicate, 0 in conflict, 0 rejected." in told.output
    assert "To do it takes about" in told.output
    assert "No backfill yet" in (await command("events", "backfills")).output
    done = await command(*words, "--subject", "acme")
    assert "february: 3 rows: 3 accepted, 0 duplicate, 0 in conflict, 0 rejected." in done.output
    assert "usage.csv: 3 of 3 rows" in done.output
    listed = (await command("events", "backfills")).output
    assert "february" in listed
    assert "command line" in listed
    again = await command(*words, "--subject", "acme")
    assert again.exit_code == 0
    assert "february: done already, on 20" in again.output


async def test_dry_runs_name_who_is_unknown_and_what_is_refused(
    command: Command, runtime: Runtime, tmp_path: Path
) -> None:
    await make_house(runtime)
    path = tmp_path / "usage.csv"
    path.write_text("at,n\n" + "2026-02-01T00:00:00Z,many\n" * 8 + "2026-02-01T00:00:00Z,1\n")
    told = await command("events", "backfill", str(path), *MAP, "--subject", "nobody", "--dry-run")
    assert told.exit_code == 1
    assert "1 subject(s) are no customer's: nobody." in told.output
    assert "No customer's usage and no invoice would change." in told.output
    assert "row 1: /data/input_tokens must be a number" in told.output
    assert "and 3 more; --rejected FILE writes all of them" in told.output


@pytest.mark.parametrize(
    "more, status, message",
    [
        (["--stretch", "long"], 2, "is not a number"),
        (["--map", "time"], 2, "is not ATTRIBUTE=COLUMN"),
        (["--shift-to", "noon"], 2, "is no time like"),
        (["--format", "xls"], 2, "xls"),
    ],
)
async def test_options_that_are_wrong(
    command: Command, tmp_path: Path, more: list[str], status: int, message: str
) -> None:
    done = await command("events", "import", str(write(tmp_path / "usage.csv", 1)), *more)
    assert done.exit_code == status
    assert message in done.output


@pytest.mark.faults
async def test_killed_again_and_again(runtime: Runtime, database_url: str, tmp_path: Path) -> None:
    """Goal: whenever kill -9 comes, the same command goes on, and in the end every row counts once."""
    rows = 120_000
    customer = await make_house(runtime)
    path, rejected = write(tmp_path / "usage.csv", rows), tmp_path / "rejected.csv"
    with path.open("a") as file:
        file.write("2026-02-01T00:00:00Z,many\n" * 3)
    words = ["events", "backfill", str(path), *MAP, "--subject", "acme", "--rejected", str(rejected)]
    killed = await kill_at_random(runtime, words, "SELECT max(next_row) FROM metering.backfills", rows)
    told = await run_to_its_end(runtime, words)
    print(f"seed {SEED}: killed at rows {killed}")
    assert f"{rows + 3:,} rows" in told
    assert f"{rows:,} accepted, 0 duplicate, 0 in conflict, 3 rejected." in told
    assert len(rejected.read_text().splitlines()) == 4
    with psycopg.connect(database_url) as connection:
        counted = connection.execute(
            "SELECT sum(quantity), sum(rollups.events) FROM metering.rollups"
            " JOIN metering.meters ON rollups.meter = coalesce(meters.series, meters.key)"
            " WHERE customer_id = %s AND meters.key = %s",
            [customer.id, "llm.input_tokens"],
        ).fetchone()
        events = connection.execute("SELECT count(*), count(DISTINCT event_id) FROM metering.events").fetchone()
    assert counted == (sum(number % 97 for number in range(rows)), rows)
    assert events == (rows, rows)


async def test_a_backfill_is_taken_back_after_a_look(command: Command, runtime: Runtime, tmp_path: Path) -> None:
    await make_house(runtime)
    path = write(tmp_path / "usage.csv", 5)
    await command("events", "backfill", str(path), *MAP, "--subject", "acme", "--tag", "one", "--yes")
    looked = await command("events", "revert", "one", "--dry-run")
    assert "acme" in looked.output, looked.output
    assert "done" in (await command("events", "backfills")).output
    assert (await command("events", "revert", "one")).output.endswith("one: 5 events were taken back.\n")
    assert "reverted" in (await command("events", "backfills")).output
    assert (await command("events", "revert", "one")).exit_code == 1


async def start(runtime: Runtime, words: list[str]) -> asyncio.subprocess.Process:
    environment = os.environ | {
        "DATABASE_URL": runtime.database.url,
        "AUTORISEN_HOME": str(runtime.settings.home),
        "SECRET_KEY": runtime.settings.secret_key,
    }
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "autorisen", *words, cwd=REPOSITORY, env=environment, stdout=PIPE, stderr=DEVNULL
    )


async def run_to_its_end(runtime: Runtime, words: list[str]) -> str:
    told, _ = await (await start(runtime, words)).communicate()
    return told.decode()


async def kill_at_random(runtime: Runtime, words: list[str], progress: str, end: int) -> list[int]:
    """Start it again and again, and kill it each time when it has moved on; give how far it was."""
    dice = random.Random(SEED)
    reached = [0]
    while len(reached) <= KILLS and reached[-1] < end:
        process = await start(runtime, words)
        deadline = time.monotonic() + 60
        while process.returncode is None and read_number(runtime, progress) <= reached[-1]:
            assert time.monotonic() < deadline, "it does not move"
            await asyncio.sleep(0.01)
        await asyncio.sleep(dice.uniform(0, 0.15))
        if process.returncode is None:
            process.kill()
        await process.wait()
        reached.append(read_number(runtime, progress))
    return reached[1:]


def read_number(runtime: Runtime, query: str) -> int:
    with psycopg.connect(runtime.database.url) as connection:
        row = connection.execute(query.encode()).fetchone()
    return int(row[0] or 0) if row else 0
