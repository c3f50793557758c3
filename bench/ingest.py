"""What comes in through HTTP, beside the limits of the same machine in the same run; `--quick` shows that it works.

Client, web process and PostgreSQL share the machine; every event is new, stored, rolled up and committed (fsync on)
before its answer. Limits and loads take turns, so that other load on the machine meets all of them.
"""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import ceilings
from bench.growth import Flatness, fill, flatness
from bench.house import House, house
from bench.load import Load, Run, do_nothing, percentile, store

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int
    requests: dict[int, int]
    stored: int
    growth: tuple[tuple[Load, int], ...]


FULL = Plan(
    rounds=7,
    requests={1_000: 300, 100: 1_500, 1: 6_000},
    stored=20_000_000,
    growth=((Load(1_000, 8, 600), 6), (Load(1_000, 8, 1_500, "random"), 4)),
)
QUICK = Plan(
    rounds=1,
    requests={1_000: 40, 100: 100, 1: 500},
    stored=200_000,
    growth=((Load(1_000, 8, 40), 1), (Load(1_000, 8, 40, "random"), 1)),
)


@dataclass(frozen=True)
class Figure:
    """One measured number and what it has to reach: at least the target, or at most. Without one it is only told."""

    name: str
    value: float
    target: float | None = None
    at_most: bool = False

    @property
    def is_met(self) -> bool:
        return self.target is None or (self.value <= self.target if self.at_most else self.value >= self.target)


def main(*, quick: bool = False) -> None:
    """Measure, print the tables, write bench/results/ingest.json. Quick figures are no results and are only printed."""
    plan = QUICK if quick else FULL
    before = ceilings.machine()
    console = Console()
    with house() as empty, house() as full:
        for home in (empty, full):
            store(home, Load(100, 4, 40))
            store(home, Load(1, 8, 200))
        rounds = [_round(empty, plan, number, console) for number in range(plan.rounds)]
        console.print(f"{plan.stored:,} events are being stored")
        fill(full, plan.stored)
        grown = [flatness(full, empty, plan.stored, load, times) for load, times in plan.growth]
        memory = max(empty.peak_memory_mb(), full.peak_memory_mb())
    rates = {name: round(statistics.median(each[name].a_second for each in rounds)) for name in rounds[0]}
    figures = _figures(rounds, grown, memory)
    _show(console, rates, grown, figures)
    if not quick:
        _write(before, rates, grown, figures)


def _round(home: House, plan: Plan, number: int, console: Console) -> dict[str, Run]:
    """Each limit and each load once, one after the other."""
    singles = Load(1, 32, plan.requests[1])
    seconds = 1 if plan is QUICK else 4
    measured = {
        "COPY, no index": Run(ceilings.copy_rows_a_second(home.database_url), []),
        "1,000 x 8": store(home, Load(1_000, 8, plan.requests[1_000])),
        "insert by pgbench": Run(ceilings.insert_rows_a_second(home.database_url, seconds=seconds), []),
        "one row a commit by pgbench": Run(
            ceilings.insert_rows_a_second(home.database_url, rows=1, seconds=seconds), []
        ),
        "100 x 8": store(home, Load(100, 8, plan.requests[100])),
        "nothing x 32": do_nothing(home, singles),
        "1 x 32": store(home, singles),
        "flushes": Run(ceilings.flushes_a_second(0.5), []),
    }
    told = ", ".join(f"{name}: {run.a_second:,.0f}/s" for name, run in measured.items())
    console.print(f"round {number + 1} of {plan.rounds}: {told}", highlight=False)
    return measured


def _figures(rounds: list[dict[str, Run]], grown: list[Flatness], memory: float) -> list[Figure]:
    def ratio(load: str, limit: str) -> float:
        """The median of the rounds, each against the limit of its own round."""
        return round(statistics.median(each[load].a_second / each[limit].a_second for each in rounds), 3)

    took = [seconds for each in rounds for seconds in each["1,000 x 8"].seconds]
    return [
        Figure("1,000 x 8 of the insert by pgbench", ratio("1,000 x 8", "insert by pgbench"), 0.5),
        Figure("1,000 x 8 of COPY without an index", ratio("1,000 x 8", "COPY, no index"), 0.15),
        Figure("1,000 x 8, p99 in ms", round(percentile(took, 99), 1), 250, at_most=True),
        Figure("100 x 8 of the insert by pgbench", ratio("100 x 8", "insert by pgbench"), 0.25),
        Figure("1 x 32 of an endpoint that does nothing", ratio("1 x 32", "nothing x 32"), 0.6),
        Figure("1 x 32 of one row a commit by pgbench", ratio("1 x 32", "one row a commit by pgbench")),
        Figure("100 x 8 of COPY without an index", ratio("100 x 8", "COPY, no index")),
        *(
            Figure(f"{each.stored:,} stored of none, {each.ids} ids", each.ratio, 0.9 if each.ids == "ordered" else 0.8)
            for each in grown
        ),
        Figure("peak memory of the web process in MB", round(memory), 300, at_most=True),
    ]


def _show(console: Console, rates: dict[str, int], grown: list[Flatness], figures: list[Figure]) -> None:
    measured = Table("median of the rounds", "a second")
    for name, rate in rates.items():
        measured.add_row(name, f"{rate:,}")
    for each in grown:
        measured.add_row(f"1,000 x 8, {each.ids} ids, none stored", f"{each.empty:,}")
        measured.add_row(f"1,000 x 8, {each.ids} ids, {each.stored:,} stored", f"{each.full:,}")
    console.print(measured)
    table = Table("figure", "measured", "target", "met")
    for figure in figures:
        bound = f"{'at most' if figure.at_most else 'at least'} {figure.target:g}" if figure.target is not None else ""
        table.add_row(figure.name, f"{figure.value:g}", bound, ("yes" if figure.is_met else "NO") if bound else "")
    console.print(table)


def _write(machine: dict[str, object], rates: dict[str, int], grown: list[Flatness], figures: list[Figure]) -> None:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    document = {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "machine": machine,
        "a_second": rates,
        "growth": [asdict(each) for each in grown],
        "figures": [asdict(each) | {"met": each.is_met} for each in figures],
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "ingest.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
