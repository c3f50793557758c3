"""Backfills as a whole: their tags, who may run one, what is kept of each, and what happens when something breaks."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path
from typing import Any

import psycopg
import pytest

from autorisen.kit.unit import Runtime
from autorisen.metering import (
    Backfill,
    BackfillOptions,
    BackfillReport,
    BackfillState,
    RowCounts,
    backfill_file,
    list_backfills,
    open_file,
)
from autorisen.metering.backfills.backfill_file import alone
from autorisen.metering.errors import BackfillBusy, BackfillStopped, BackfillTaken, InvalidBackfill
from tests.factories.accounts import make_customer
from tests.factories.metering import make_meters

OPTIONS = BackfillOptions(columns={"time": "at", "data.input_tokens": "n"}, type="llm.completion", subject="acme")
OTHER = BackfillOptions(columns={"time": "at", "data.input_tokens": "m"}, type="llm.completion", subject="acme")


async def make_house(runtime: Runtime) -> None:
    await make_meters(runtime)
    async with runtime.unit() as unit:
        await make_customer(unit, key="acme")


def write(path: Path, rows: int, *, n: int = 1) -> Path:
    lines = [f"2026-02-01T00:00:{second % 60:02}Z,{n},2,1" for second in range(rows)]
    path.write_text("\n".join(["at,n,m,data.output_tokens", *lines]) + "\n")
    return path


async def backfill(runtime: Runtime, path: Path, options: BackfillOptions = OPTIONS, **more: Any) -> BackfillReport:
    columns = dict(options.columns) | {"data.output_tokens": "data.output_tokens"}
    options = BackfillOptions(columns=columns, type=options.type, subject=options.subject)
    return await backfill_file(runtime, open_file(path), options, actor="tests", **more)


async def interrupt(runtime: Runtime, path: Path, **more: Any) -> None:
    """Stop after the first commit."""

    def die(rows: int, total: int) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        await backfill(runtime, path, on_progress=die, rows_a_commit=4, **more)


async def listed(runtime: Runtime) -> list[Backfill]:
    async with runtime.database.read() as tx:
        return await list_backfills(tx)


async def test_what_is_kept_of_a_backfill(runtime: Runtime, tmp_path: Path) -> None:
    await make_house(runtime)
    await interrupt(runtime, write(tmp_path / "usage.csv", 10))
    (begun,) = await listed(runtime)
    assert (begun.state, begun.next_row, begun.rows, begun.finished_at) == (BackfillState.RUNNING, 4, 10, None)
    await backfill(runtime, tmp_path / "usage.csv")
    (kept,) = await listed(runtime)
    assert (kept.tag, kept.actor, kept.file_name) == ("usage.csv 2026-03-01", "tests", "usage.csv")
    assert (kept.state, kept.counts, kept.events) == (BackfillState.DONE, RowCounts(accepted=10), 10)
    assert kept.finished_at == runtime.clock.now()
    assert kept.options == {
        "map": {"time": "at", "data.input_tokens": "n", "data.output_tokens": "data.output_tokens"},
        "type": "llm.completion",
        "source": "import",
        "subject": "acme",
    }
    async with runtime.database.read() as tx:
        batches = await (await tx.execute("SELECT backfill_id, accepted FROM metering.batches ORDER BY id")).fetchall()
    assert batches == [(kept.id, 4), (kept.id, 6)]


async def test_a_tag_names_one_backfill(runtime: Runtime, tmp_path: Path) -> None:
    await make_house(runtime)
    path = write(tmp_path / "usage.csv", 3)
    await backfill(runtime, path, tag="february")
    assert (await backfill(runtime, path)).tag == "february"
    with pytest.raises(BackfillTaken, match="'february' already"):
        await backfill(runtime, path, tag="again")
    other = write(tmp_path / "other.csv", 4)
    with pytest.raises(BackfillTaken, match=r"backfill of usage.csv with another content \(done\)"):
        await backfill(runtime, other, tag="february")
    for tag in ("", "x" * 121, "two\nlines"):
        with pytest.raises(InvalidBackfill, match="--tag must be"):
            await backfill(runtime, other, tag=tag)


async def test_names_of_the_same_day_are_told_apart(runtime: Runtime, tmp_path: Path) -> None:
    await make_house(runtime)
    for n, tag in ((1, "usage.csv 2026-03-01"), (2, "usage.csv 2026-03-01 (2)"), (3, "usage.csv 2026-03-01 (3)")):
        assert (await backfill(runtime, write(tmp_path / "usage.csv", 3, n=n))).tag == tag


async def test_a_file_that_changed_since_it_stopped(runtime: Runtime, tmp_path: Path) -> None:
    """Goal: rows that are in can't count again under another identity without somebody's word."""
    await make_house(runtime)
    path = write(tmp_path / "usage.csv", 10)
    await interrupt(runtime, path)
    write(path, 11)
    with pytest.raises(BackfillTaken, match=r"stopped at row 5 of usage.csv, with another content.*revert"):
        await backfill(runtime, path)
    write(path, 10)
    with pytest.raises(BackfillTaken, match="with other options"):
        await backfill(runtime, path, OTHER)
    assert (await backfill(runtime, path)).resumed_at == 4
    write(path, 11)
    assert (await backfill(runtime, path, tag="the longer one")).counts.accepted == 11


async def test_a_file_that_is_written_to_meanwhile(runtime: Runtime, tmp_path: Path) -> None:
    await make_house(runtime)
    path = write(tmp_path / "usage.csv", 10)

    def grow(rows: int, total: int) -> None:
        with path.open("a") as file:
            file.write("2026-02-01T00:00:00Z,1,2,1\n")

    with pytest.raises(InvalidBackfill, match="was changed while it was read"):
        await backfill(runtime, path, on_progress=grow)
    assert [each.state for each in await listed(runtime)] == [BackfillState.RUNNING]


async def test_two_at_once(runtime: Runtime, tmp_path: Path) -> None:
    """Goal: the second one says so at once; without the lock, the row it is at still decides, and nothing doubles."""
    await make_house(runtime)
    path = write(tmp_path / "usage.csv", 40)
    together = await asyncio.gather(
        *(backfill(runtime, path, rows_a_commit=3) for _ in range(3)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in together) == ["BackfillBusy", "BackfillBusy", "BackfillReport"]
    (kept,) = await listed(runtime)
    assert kept.counts == RowCounts(accepted=40)

    second = write(tmp_path / "second.csv", 40, n=2)
    overtaken = False

    def overtake(rows: int, total: int) -> None:
        nonlocal overtaken
        if not overtaken:
            overtaken = True
            with psycopg.connect(runtime.database.url) as connection:
                connection.execute(
                    "UPDATE metering.backfills SET next_row = 5, duplicates = 2 WHERE file_name = 'second.csv'"
                )

    with pytest.raises(BackfillBusy, match=r"another process took second.csv further"):
        await backfill(runtime, second, rows_a_commit=3, on_progress=overtake)


async def test_the_lock_goes_with_its_process(runtime: Runtime) -> None:
    async with alone(runtime, b"1" * 16, "one"):
        with pytest.raises(BackfillBusy, match="another process is at one"):
            async with alone(runtime, b"1" * 16, "one"):
                pass
        async with alone(runtime, b"2" * 16, "two"):
            pass
    async with alone(runtime, b"1" * 16, "one"):
        pass


async def test_a_full_disk(runtime: Runtime, tmp_path: Path) -> None:
    """Goal: it says what is wrong, keeps what is stored, and the same command goes on."""
    await make_house(runtime)
    path = write(tmp_path / "usage.csv", 10)
    fill = """
        CREATE FUNCTION public.full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF (SELECT count(*) FROM metering.batches) >= 2 THEN
                RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER full_disk BEFORE INSERT ON metering.batches FOR EACH ROW EXECUTE FUNCTION public.full_disk();
    """
    with psycopg.connect(runtime.database.url) as connection:
        connection.execute(fill)
    with pytest.raises(BackfillStopped, match=r"usage.csv stopped: could not extend file: No space left.*to go on"):
        await backfill(runtime, path, rows_a_commit=3)
    with psycopg.connect(runtime.database.url) as connection:
        connection.execute("DROP FUNCTION public.full_disk CASCADE")
    report = await backfill(runtime, path, rows_a_commit=3)
    assert (report.resumed_at, report.counts) == (6, RowCounts(accepted=10))


async def test_rejected_rows_in_a_file_of_their_own(runtime: Runtime, tmp_path: Path) -> None:
    """Goal: each row that does not count is there once with its number, also when a kill came before the commit."""
    await make_house(runtime)
    path, rejected = tmp_path / "usage.csv", tmp_path / "rejected.csv"
    lines = [f"2026-02-01T00:00:00Z,{'many' if number % 2 else number},2,1" for number in range(10)]
    path.write_text("\n".join(["at,n,m,data.output_tokens", *lines]))
    await interrupt(runtime, path, rejected=rejected)
    with rejected.open("a") as file:
        file.write("6,x,rejected,of a commit that never came\n")
    report = await backfill(runtime, path, rejected=rejected)
    assert report.counts == RowCounts(accepted=5, rejected=5)
    with rejected.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["row"] for row in rows] == ["2", "4", "6", "8", "10"]
    assert {row["reason"] for row in rows} == {
        "/data/input_tokens must be a number from 0 to below 10^18 with at most 12 decimals"
    }
    assert [each.row for each in report.first_refusals] == [6, 8, 10]
    with pytest.raises(InvalidBackfill, match="can't hold the rejected rows"):
        await backfill(runtime, write(tmp_path / "other.csv", 2), rejected=tmp_path)
