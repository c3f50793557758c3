"""How many invoices a second the end of a month makes, beside COPY of the very same rows in the same run.

Subscriptions with two meters of usage, with raw events at the edges of their periods, are closed by as many worker
processes as there are cores for, against a durable PostgreSQL on the same machine. Once for few subscriptions and once
for ten times as many: an invoice must cost the same, and the workers must not grow.
"""

from __future__ import annotations

import asyncio
import json
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import Connection, sql
from rich.console import Console
from rich.table import Table

from autorisen.cli.progress import progress
from autorisen.kit.open_runtime import open_runtime
from autorisen.kit.settings import Settings
from autorisen.ops import apply_catalog_text
from bench import ceilings
from bench.close_fill import CATALOG, DUE, fill
from bench.house import furnished

RESULTS = Path(__file__).parent / "results"
FEW, MANY = 10_000, 100_000
WORKERS = 2
LOOK_SECONDS = 0.5
TARGET_A_SECOND = 1_000
GROWTH_MAX = 0.15

# What closing writes, each table with the rows that it had not before.
WRITTEN: dict[tuple[str, str], LiteralString] = {
    ("billing", "rated_usage"): "SELECT * FROM billing.rated_usage WHERE rated_at = %(due)s ORDER BY id",
    ("subscriptions", "periods"): "SELECT * FROM subscriptions.periods WHERE ordinal = 3 ORDER BY id",
    ("billing", "invoices"): "SELECT * FROM billing.invoices ORDER BY number",
    ("billing", "invoice_lines"): "SELECT * FROM billing.invoice_lines ORDER BY id",
    ("ledger", "transactions"): "SELECT * FROM ledger.transactions ORDER BY id",
    ("ledger", "entries"): "SELECT * FROM ledger.entries ORDER BY transaction_id, position",
    ("kit", "facts"): "SELECT * FROM kit.facts WHERE recorded_at = %(due)s ORDER BY id",
    ("billing", "period_fees"): "SELECT * FROM billing.period_fees ORDER BY period_id",
    ("billing", "closings"): "SELECT * FROM billing.closings WHERE closed_at = %(due)s ORDER BY period_id",
    ("kit", "jobs"): "SELECT * FROM kit.jobs WHERE state = 'waiting' ORDER BY id",
}
# One row, whatever is done so far: a count would take longer the more there is, and the workers' cores at that.
_CLOSED = "SELECT coalesce(sum(last_number), 0)::int FROM billing.invoice_numbers WHERE series LIKE 'INV-%'"
# Everything is closed once, numbered without a gap, and in balance.
_TRUTH = """
SELECT (SELECT count(*) FROM billing.closings WHERE closed_at = %(due)s),
    (SELECT count(DISTINCT number) FROM billing.invoices WHERE status = 'open'),
    (SELECT last_number FROM billing.invoice_numbers WHERE series LIKE 'INV-%%'),
    (SELECT count(*) FROM billing.failed_closings),
    (SELECT count(*) FROM billing.invoices AS invoice WHERE total_minor <> (
        SELECT sum(amount_minor) FROM billing.invoice_lines WHERE invoice_id = invoice.id)),
    (SELECT count(*) FROM billing.invoices WHERE NOT EXISTS (
        SELECT FROM ledger.transactions WHERE reference = 'invoice:' || invoices.id || ':issued'))
"""


@dataclass(frozen=True)
class Figure:
    """One month end. `of_copy` are its seconds over those of COPY into the same tables with their indexes and checks.

    Memory is the most that one worker had resident, once a tenth of the work was done and at the end.
    """

    subscriptions: int
    seconds: float
    invoices_a_second: int
    rows: int
    rows_a_second: int
    copy_seconds: float
    of_copy: float
    copy_bare_seconds: float
    of_copy_bare: float
    memory_mb_at_a_tenth: float
    memory_mb: float


def main(*, quick: bool = False) -> None:
    """Measure, print the table, write bench/results/close.json. `quick` measures the few and writes nothing."""
    before = ceilings.machine()
    figures = [_measure(count) for count in ((FEW,) if quick else (FEW, MANY))]
    _show(figures)
    if not quick:
        _write(figures, before)


def _measure(count: int) -> Figure:
    with furnished([], 0) as (home, url, _):
        asyncio.run(_apply_catalog(Settings(home=home, database_url=url)))
        begun = time.perf_counter()
        fill(url, count)
        Console().print(f"{count:,} subscriptions filled in {time.perf_counter() - begun:,.0f} s", highlight=False)
        with psycopg.connect(url, autocommit=True) as connection, _workers(url) as workers:
            seconds, memory = _close(connection, workers, count)
            truth = connection.execute(_TRUTH, {"due": DUE}).fetchone()
            assert truth == (count, count, count, 0, 0, 0), truth
            rows, files = _export(connection, home)
            copy = _copy(connection, files, "INCLUDING ALL")
            bare = _copy(connection, files, "")
    return Figure(
        subscriptions=count,
        seconds=round(seconds, 1),
        invoices_a_second=round(count / seconds),
        rows=rows,
        rows_a_second=round(rows / seconds),
        copy_seconds=round(copy, 2),
        of_copy=round(seconds / copy, 1),
        copy_bare_seconds=round(bare, 2),
        of_copy_bare=round(seconds / bare, 1),
        memory_mb_at_a_tenth=round(memory[0], 1),
        memory_mb=round(memory[1], 1),
    )


async def _apply_catalog(settings: Settings) -> None:
    async with open_runtime(settings, settings.database_url) as runtime, runtime.unit() as unit:
        await apply_catalog_text(unit, CATALOG)


@contextmanager
def _workers(url: str) -> Iterator[list[subprocess.Popen[str]]]:
    """Worker processes that are ready and wait for a word."""
    command = [sys.executable, "-m", "bench.close_worker", url]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(WORKERS)
    ]
    try:
        for each in started:
            assert each.stdout is not None
            assert each.stdout.readline() == "ready\n"
        yield started
    finally:
        for each in started:
            each.kill()
            each.wait()


def _close(
    connection: Connection, workers: Sequence[subprocess.Popen[str]], count: int
) -> tuple[float, tuple[float, float]]:
    """Seconds from the word to the last commit, and the workers' memory at a tenth of the way and at its end."""
    at_a_tenth = peak = 0.0
    begun = time.perf_counter()
    for each in workers:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    with progress("month end", "periods") as show:
        while any(each.poll() is None for each in workers):
            row = connection.execute(_CLOSED).fetchone()
            assert row is not None
            peak = max(peak, *(_resident_mb(each.pid) for each in workers))
            at_a_tenth = at_a_tenth or (peak if row[0] >= count // 10 else 0.0)
            show(row[0], count)
            _wait(workers)
        seconds = time.perf_counter() - begun
        show(count, count)
    assert all(each.returncode == 0 for each in workers)
    return seconds, (at_a_tenth, peak)


def _wait(workers: Sequence[subprocess.Popen[str]]) -> None:
    """Some time, or until all are done."""
    until = time.perf_counter() + LOOK_SECONDS
    while time.perf_counter() < until and any(each.poll() is None for each in workers):
        time.sleep(0.02)


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    try:
        lines = status.read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


def _export(connection: Connection, home: Path) -> tuple[int, dict[tuple[str, str], Path]]:
    """What was written, as files of COPY's own form, and how many rows that are."""
    rows, files = 0, {}
    for table, query in WRITTEN.items():
        files[table] = home / f"{table[0]}.{table[1]}.copy"
        cursor = psycopg.ClientCursor(connection)
        statement = cursor.mogrify(query, {"due": DUE})
        with files[table].open("wb") as file, cursor.copy(f"COPY ({statement}) TO STDOUT".encode()) as copy:
            for block in copy:
                file.write(block)
        rows += cursor.rowcount
    return rows, files


def _copy(connection: Connection, files: dict[tuple[str, str], Path], like: LiteralString) -> float:
    """Seconds to COPY the files into fresh tables of that form, one transaction each, one connection."""
    seconds = 0.0
    for (schema, name), file in files.items():
        source, target = sql.Identifier(schema, name), sql.Identifier("public", f"bench_{name}")
        connection.execute(sql.SQL("CREATE TABLE {} (LIKE {} " + like + ")").format(target, source))
        connection.execute("CHECKPOINT")
        begun = time.perf_counter()
        with (
            file.open("rb") as rows,
            connection.cursor() as cursor,
            cursor.copy(sql.SQL("COPY {} FROM STDIN").format(target)) as copy,
        ):
            while block := rows.read(1 << 17):
                copy.write(block)
        seconds += time.perf_counter() - begun
        connection.execute(sql.SQL("DROP TABLE {}").format(target))
    return seconds


def _show(figures: Sequence[Figure]) -> None:
    table = Table("subscriptions")
    for heading in ("seconds", "invoices/s", "rows/s", "times COPY", "times bare COPY", "MB at 1/10", "MB"):
        table.add_column(heading, justify="right")
    for each in figures:
        table.add_row(
            f"{each.subscriptions:,}",
            f"{each.seconds:,.1f}",
            f"{each.invoices_a_second:,}",
            f"{each.rows_a_second:,}",
            f"{each.of_copy:.1f}",
            f"{each.of_copy_bare:.1f}",
            f"{each.memory_mb_at_a_tenth:,.0f}",
            f"{each.memory_mb:,.0f}",
        )
    console = Console()
    console.print(table)
    if len(figures) > 1:
        console.print(f"an invoice of many costs {_growth(figures) + 1:.2f} times what one of few does")


def _growth(figures: Sequence[Figure]) -> float:
    """How much more an invoice costs in the last figure than in the first; 0.15 is 15 %."""
    few, many = (each.seconds / each.subscriptions for each in (figures[0], figures[-1]))
    return many / few - 1


def _write(figures: Sequence[Figure], machine: dict[str, object]) -> None:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    document = {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "machine": machine,
        "workers": WORKERS,
        "figures": [asdict(each) for each in figures],
        "growth_per_invoice": round(_growth(figures), 3),
        "targets": {"invoices_a_second": TARGET_A_SECOND, "growth_per_invoice_max": GROWTH_MAX},
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "close.json").write_text(json.dumps(document, indent=2) + "\n")
