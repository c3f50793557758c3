"""How many rows a second a backfill takes in, from CSV and Parquet, beside COPY in the same run.

The command runs as a process of its own on a durable database; every row is new, checked, stored, rolled up, committed.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from arro3.io import infer_csv_schema, read_csv, write_parquet
from rich.console import Console
from rich.table import Table

from bench import ceilings
from bench.house import CUSTOMERS, furnished

RESULTS = Path(__file__).parent / "results"
ROWS = 1_000_000
MAP = {
    "time": "at",
    "subject": "customer",
    "data.input_tokens": "prompt",
    "data.output_tokens": "generated",
    "data.model": "model",
}


@dataclass(frozen=True)
class Figure:
    """What one run reached, start of the process included; `memory_mb` is its peak."""

    file: str
    rows: int
    seconds: float
    rows_a_second: int
    of_copy: float
    memory_mb: int


def main() -> None:
    """Measure, print the table, write bench/results/backfill.json."""
    before = ceilings.machine()
    with furnished() as (home, url, _):
        copy = ceilings.copy_rows_a_second(url)
        csv_file = _write_csv(home / "usage.csv")
        other = _write_csv(home / "other.csv", year=2025)
        schema = infer_csv_schema(other, max_records=100, has_header=True)
        parquet = home / "usage.parquet"
        write_parquet(read_csv(other, schema, has_header=True), parquet)
        figures = [
            _measure("CSV, dry run", csv_file, home, url, copy, "--dry-run"),
            _measure("CSV", csv_file, home, url, copy),
            _measure("Parquet", parquet, home, url, copy),
        ]
    table = Table("file", "rows", "seconds", "rows/s", "of COPY", "memory MB")
    for each in figures:
        table.add_row(
            each.file,
            f"{each.rows:,}",
            f"{each.seconds:,.1f}",
            f"{each.rows_a_second:,}",
            f"{each.of_copy:.2f}",
            f"{each.memory_mb:,}",
        )
    console = Console()
    console.print(table)
    console.print(f"COPY into an unindexed table, same run: {copy:,.0f} rows/s")
    _write(figures, copy, before)


def _write_csv(path: Path, year: int = 2026) -> Path:
    start = datetime(year, 1, 1, tzinfo=UTC)
    with path.open("w") as file:
        file.write("at,customer,prompt,generated,model\n")
        for number in range(ROWS):
            at = (start + timedelta(seconds=number * 2)).isoformat()
            file.write(f"{at},customer-{number % CUSTOMERS},{number % 5000},{number % 300},m{number % 7}\n")
    return path


def _measure(name: str, path: Path, home: Path, url: str, copy: float, *more: str) -> Figure:
    words = [word for attribute, column in MAP.items() for word in ("--map", f"{attribute}={column}")]
    command = [sys.executable, "-m", "autorisen", "events", "backfill", str(path), *words, "--type", "llm.completion"]
    environment = os.environ | {"DATABASE_URL": url, "AUTORISEN_HOME": str(home), "LOG_FORMAT": "text"}
    begun = time.perf_counter()
    process = subprocess.Popen([*command, *more], env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    assert re.search(rf"{ROWS:,} accepted, 0 duplicate, 0 in conflict, 0 rejected", told), told
    rate = ROWS / seconds
    return Figure(name, ROWS, round(seconds, 1), round(rate), round(rate / copy, 2), used.ru_maxrss // 1024)


def _write(figures: list[Figure], copy: float, machine: dict[str, object]) -> None:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    document = {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "machine": machine,
        "figures": [asdict(each) for each in figures],
        "ceilings": {"copy_rows_a_second": round(copy)},
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "backfill.json").write_text(json.dumps(document, indent=2) + "\n")
