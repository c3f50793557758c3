"""Backfilling files: golden totals of real data, idempotence, resumption, and files that are wrong."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime
from autorisen.metering import (
    EXAMPLE_COLUMNS,
    BackfillOptions,
    BackfillReport,
    RowCounts,
    apply_meters,
    backfill_file,
    example_file,
    open_file,
)
from autorisen.metering.errors import InvalidBackfill
from tests.factories.accounts import make_customer, make_key
from tests.factories.metering import METERS, make_meters, usage


async def make_house(runtime: Runtime) -> dict[str, str]:
    await make_meters(runtime)
    async with runtime.unit() as unit:
        await make_customer(unit, key="acme")
        return await make_key(unit, None)


async def backfill(runtime: Runtime, path: Path, options: BackfillOptions, **more: Any) -> BackfillReport:
    return await backfill_file(runtime, open_file(path), options, actor="tests", **more)


class Killed(Exception):
    """Stands for the end of the process between two commits."""


@pytest.mark.parametrize(
    "name, totals",
    [
        ("code", ("8819", 18_059_974, 245_896)),
        ("conv", ("19366", 22_361_870, 4_088_665)),
    ],
)
async def test_golden_totals_of_the_real_traces(
    runtime: Runtime, client: httpx.AsyncClient, name: str, totals: tuple[str, int, int]
) -> None:
    """Goal: a real trace, shifted and stretched, interrupted and imported again, gives its published totals."""
    operator = await make_house(runtime)
    async with runtime.unit() as unit:
        await apply_meters(unit, [*METERS, METERS[0].__class__("llm.requests", "Requests", "requests", *COUNT)])
    options = BackfillOptions(
        columns=EXAMPLE_COLUMNS,
        type="llm.completion",
        subject="acme",
        shift_to=datetime(2026, 2, 1, tzinfo=UTC),
        stretch=Decimal(600),
    )

    def die(rows: int, total: int) -> None:
        assert total == int(totals[0])
        if rows >= 10:
            raise Killed

    with pytest.raises(Killed):
        await backfill(runtime, example_file(name), options, on_progress=die, rows_a_commit=2_000)
    report = await backfill(runtime, example_file(name), options)
    rows = int(totals[0])
    assert (report.rows, report.counts, report.resumed_at) == (rows, RowCounts(accepted=rows), 2_000)
    again = await backfill(runtime, example_file(name), options)
    assert (again.rows, again.counts, again.done_before) == (rows, RowCounts(accepted=rows), runtime.clock.now())
    used = await usage(client, operator, customer="acme")
    assert used["llm.requests"] == (totals[0], int(totals[0]))
    assert used["llm.input_tokens"][0] == str(totals[1])
    assert used["llm.output_tokens"][0] == str(totals[2])


COUNT = ("llm.completion", METERS[0].aggregation)


async def test_shift_and_stretch_move_time_exactly() -> None:
    first = datetime(2023, 11, 16, 18, 15, 46, 680590, tzinfo=UTC)
    options = BackfillOptions(shift_to=datetime(2026, 3, 1, tzinfo=UTC), stretch=Decimal("1.5"))
    assert options.place(first, first) == datetime(2026, 3, 1, tzinfo=UTC)
    assert options.place(first + timedelta(microseconds=2), first) == datetime(2026, 3, 1, 0, 0, 0, 3, tzinfo=UTC)
    assert not BackfillOptions().moves_time


async def test_the_name_of_the_file_does_not_matter(runtime: Runtime, tmp_path: Path) -> None:
    await make_house(runtime)
    content = b"when,who,in,out\n2026-02-01 10:00:00,acme,5,1\n2026-02-01T12:00:00+02:00,acme,7,1"
    (tmp_path / "one.csv").write_bytes(content)
    (tmp_path / "two.csv.gz").write_bytes(gzip.compress(content))
    options = BackfillOptions(
        columns={"time": "when", "subject": "who", "data.input_tokens": "in", "data.output_tokens": "out"},
        type="llm.completion",
    )
    assert (await backfill(runtime, tmp_path / "one.csv", options)).counts.accepted == 2
    assert (await backfill(runtime, tmp_path / "two.csv.gz", options)).done_before is not None


async def test_bad_rows_are_reported_and_the_others_count(
    runtime: Runtime, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    operator = await make_house(runtime)
    lines = [
        {"id": "1", "data": {"input_tokens": 1, "output_tokens": 1}, "time": "2026-02-01T00:00:00Z"},
        {"id": "2", "data": {"input_tokens": "many", "output_tokens": 1}},
        {"data": {"input_tokens": 2, "output_tokens": 1}, "subject": "acme", "time": "2026-02-01T00:00:00Z"},
    ]
    path = tmp_path / "usage.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines) + '\n{"broken": \n\n[1]\n')
    report = await backfill(runtime, path, BackfillOptions(type="llm.completion", subject="acme"))
    assert (report.rows, report.counts.accepted, report.counts.rejected) == (5, 2, 3)
    assert report.first_refusals[0].row == 2
    assert report.first_refusals[0].reason.startswith("/data/input_tokens")
    assert (await usage(client, operator, customer="acme"))["llm.input_tokens"] == ("3", 2)


@pytest.mark.parametrize(
    "content, columns, message",
    [
        (b"a,b\n1,2\n", {"time": "c"}, "c is no column of the file; it has a, b"),
        (b"", {"time": "c"}, "it has none"),
        (b"a\n\xff\n", {"time": "a"}, "is not UTF-8"),
        (None, {}, "there is no file usage.csv"),
    ],
)
async def test_a_file_that_is_wrong_as_a_whole(
    runtime: Runtime, tmp_path: Path, content: bytes | None, columns: dict[str, str], message: str
) -> None:
    path = tmp_path / "usage.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidBackfill) as refused:
        await backfill(runtime, path, BackfillOptions(columns=columns))
    assert message in refused.value.detail


async def test_a_broken_gzip_file(runtime: Runtime, tmp_path: Path) -> None:
    path = tmp_path / "usage.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" * 1000)[:-20])
    with pytest.raises(InvalidBackfill):
        await backfill(runtime, path, BackfillOptions())


def test_options_that_can_not_be(clock: FrozenClock) -> None:
    with pytest.raises(InvalidBackfill):
        BackfillOptions(columns={"tokens": "a"})
    with pytest.raises(InvalidBackfill):
        BackfillOptions(stretch=Decimal(0))
