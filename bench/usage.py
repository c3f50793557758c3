"""How long questions about one customer's month take at 20 million stored events, in process and by HTTP.

Each is asked beside a bare SELECT that adds up the same rollups and counts the same raw events, in the same run. The
answers are checked against the raw events first, and no plan may read a large table from its beginning.
"""

from __future__ import annotations

import asyncio
import gc
import json
import platform
import statistics
import subprocess
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
from psycopg import AsyncConnection
from rich.console import Console
from rich.table import Column, Table

from autorisen.kit.database import Database
from autorisen.metering import meters
from autorisen.metering.model import Window, window
from autorisen.metering.usage import bucket_edges, store, store_usage
from autorisen.metering.usage.combine import Question
from autorisen.metering.usage_query import UsageQuestion, read_rows, usage_document
from bench import ceilings
from bench.house import House, house
from bench.usage_fill import METERS, Filled, fill
from bench.usage_questions import BARE_EVENTS, BARE_HOURS, BARE_VALUES, MONTH, QUESTIONS, RAGGED, TRUE_TOKENS, UNBOUND

RESULTS = Path(__file__).parent / "results"
EVENTS, CUSTOMERS, ROUNDS = 20_000_000, 100, 200
QUICK_EVENTS, QUICK_CUSTOMERS, QUICK_ROUNDS = 200_000, 2, 20
WARM_ROUNDS = 10
TARGET_MS = 20


@dataclass(frozen=True)
class Figure:
    """What one question took. `of_bare` is its median in process over that of the bare SELECTs."""

    customer: str
    question: str
    p50_ms: float
    p99_ms: float
    bare_p50_ms: float
    of_bare: float
    http_p50_ms: float
    http_p99_ms: float
    of_target: float | None


def main(*, quick: bool = False) -> None:
    """Measure, print the table, write bench/results/usage.json. `quick` takes a hundredth and writes nothing."""
    events, customers, rounds = (QUICK_EVENTS, QUICK_CUSTOMERS, QUICK_ROUNDS) if quick else (EVENTS, CUSTOMERS, ROUNDS)
    before = ceilings.machine()
    with house(meters=METERS, customers=customers) as home:
        begun = time.perf_counter()
        filled = fill(home.database_url, events, [f"customer-{number}" for number in range(customers)])
        fill_seconds = time.perf_counter() - begun
        Console().print(f"{events:,} events of {customers} customers stored in {fill_seconds:,.0f} s")
        figures = asyncio.run(_measure_all(home, filled, rounds))
        memory = home.peak_memory_mb()
    _show(figures, events)
    if not quick:
        _write(figures, events, customers, before, fill_seconds, memory)


async def _measure_all(home: House, filled: Filled, rounds: int) -> list[Figure]:
    # As the web process does it (serve.py).
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    database = Database(home.database_url)
    await database.open()
    figures = []
    async with (
        await AsyncConnection.connect(home.database_url, autocommit=True) as bare,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{home.port}", timeout=60) as client,
    ):
        sizes = {1: "average", 0: "largest"}
        for place in sizes:
            await _check(bare, database, filled.customers[place])
            if rounds == ROUNDS:
                await _explain(bare, filled, place)
        for place, size in sizes.items():
            for name, question in QUESTIONS.items():
                figure = await _measure(
                    f"{size} customer",
                    name,
                    _Asked(filled, place, question),
                    database=database,
                    bare=bare,
                    client=client,
                    key=home.key,
                    rounds=rounds,
                )
                figures.append(figure)
                print(f"{size} customer, {name}: p99 {figure.p99_ms:,.1f} ms, by HTTP {figure.http_p99_ms:,.1f} ms")
    await database.close()
    return figures


@dataclass(frozen=True)
class _Asked:
    filled: Filled
    place: int
    question: UsageQuestion

    @property
    def customer(self) -> UUID:
        return self.filled.customers[self.place]

    def params(self) -> httpx.QueryParams:
        asked = self.question
        given: dict[str, str | None] = {
            "customer": f"customer-{self.place}",
            "from": asked.start.isoformat(),
            "to": asked.end.isoformat(),
            "bucket": asked.bucket,
            "meter": asked.meter,
            "time_zone": asked.time_zone,
            "group_by": ",".join(asked.group_by) or None,
        }
        found: list[tuple[str, str | int | float | bool | None]]
        found = [(name, value) for name, value in given.items() if value]
        return httpx.QueryParams(found + [("where", f"{name}:{value}") for name, value in asked.only])

    def windows(self) -> list[Window]:
        asked = self.question
        if asked.bucket is None:
            return [window(asked.start, asked.end)]
        edges = bucket_edges(asked.start, asked.end, asked.bucket, ZoneInfo(asked.time_zone))
        return [window(first, last) for first, last in pairwise(edges)]


async def _measure(
    customer: str,
    name: str,
    asked: _Asked,
    *,
    database: Database,
    bare: AsyncConnection[Any],
    client: httpx.AsyncClient,
    key: str,
    rounds: int,
) -> Figure:
    async def in_process() -> None:
        async with database.read(snapshot=True) as tx:
            usage_document(asked.customer, asked.question, await read_rows(tx, asked.customer, asked.question))

    async def by_http() -> None:
        params, headers = asked.params(), {"Authorization": f"Bearer {key}"}
        answer = await client.get("/api/usage", params=params, headers=headers)
        assert answer.status_code == 200, answer.text

    reads = _bare_reads(asked)

    async def by_select() -> None:
        for statement, values in reads:
            await (await bare.execute(statement, values)).fetchall()

    own, other, web = await _times([in_process, by_select, by_http], rounds)
    p50, p99 = _quantiles(own)
    bare_p50, _ = _quantiles(other)
    http_p50, http_p99 = _quantiles(web)
    ratio = None if name in UNBOUND else round(p99 / TARGET_MS, 2)
    return Figure(customer, name, p50, p99, bare_p50, round(p50 / bare_p50, 1), http_p50, http_p99, ratio)


async def _times(calls: Sequence[Callable[[], Awaitable[None]]], rounds: int) -> list[list[float]]:
    """Milliseconds of each call, taken in turns, so that what else the machine does meets all of them."""
    found: list[list[float]] = [[] for _ in calls]
    for number in range(WARM_ROUNDS + rounds):
        for place, call in enumerate(calls):
            begun = time.perf_counter()
            await call()
            if number >= WARM_ROUNDS:
                found[place].append((time.perf_counter() - begun) * 1000)
    return found


def _quantiles(times: list[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return round(cuts[49], 2), round(cuts[98], 2)


def _bare_reads(asked: _Asked) -> list[tuple[str, dict[str, object]]]:
    """The bare SELECTs that read what the question has to read."""
    windows = asked.windows()
    whole = [each for each in windows if each.hours_start < each.hours_end]
    series = [name for key, name in asked.filled.series.items() if asked.question.meter in (None, key)]
    edges = [(each.head_start, each.hours_start) for each in windows if each.head_start < each.hours_start]
    edges += [(each.hours_end, each.tail_end) for each in windows if each.hours_end < each.tail_end]
    values: dict[str, object] = {"customer": asked.customer, "series": series}
    reads: list[tuple[str, dict[str, object]]] = []
    if whole:
        span = values | {"start": whole[0].hours_start, "end": whole[-1].hours_end}
        reads.append((BARE_HOURS, span))
        if asked.question.meter in (None, "people"):
            reads.append((BARE_VALUES, span | {"series": [asked.filled.series["people"]]}))
    if edges:
        starts, ends = zip(*edges, strict=True)
        reads.append((BARE_EVENTS, values | {"starts": list(starts), "ends": list(ends)}))
    return reads


async def _check(bare: AsyncConnection[Any], database: Database, customer: UUID) -> None:
    """The answers are those of the raw events."""
    for start, end in (MONTH, RAGGED):
        async with database.read(snapshot=True) as tx:
            rows = await read_rows(tx, customer, UsageQuestion(start, end))
            assert {row.meter.key for row in rows} == {each.key for each in await meters(tx)}
        found = {row.meter.key: row.total for row in rows}
        values: dict[str, object] = {"customer": customer, "start": start, "end": end}
        truth = await (await bare.execute(TRUE_TOKENS, values)).fetchone()
        assert truth == (found["input"].quantity, found["calls"].events, found["people"].quantity), (truth, found)


async def _explain(bare: AsyncConnection[Any], filled: Filled, place: int) -> None:
    """Whatever is asked, no large table is read from its beginning."""
    known = await store.select_meters(bare)
    for name, question in QUESTIONS.items():
        asked = _Asked(filled, place, question)
        chosen = tuple(meter for meter in known if question.meter in (None, meter.definition.key))
        parts = Question(chosen, tuple(asked.windows()), question.group_by, question.only)
        values = store_usage.values_of(asked.customer, parts)
        plan = await (await bare.execute(f"EXPLAIN {store_usage.SELECT_PARTS}", values)).fetchall()
        scans = [line for (line,) in plan if "Seq Scan" in line and "corrections" not in line]
        assert not scans, (name, scans)


def _show(figures: list[Figure], events: int) -> None:
    table = Table(
        Column("question", no_wrap=True),
        "p50 ms",
        "p99 ms",
        "bare p50",
        "of bare",
        "HTTP p50",
        "HTTP p99",
        "p99 of target",
    )
    customer = ""
    for each in figures:
        if each.customer != customer:
            table.add_section()
            table.add_row(each.customer)
            customer = each.customer
        table.add_row(
            each.question,
            *(f"{number:,.1f}" for number in (each.p50_ms, each.p99_ms, each.bare_p50_ms, each.of_bare)),
            f"{each.http_p50_ms:,.1f}",
            f"{each.http_p99_ms:,.1f}",
            "" if each.of_target is None else f"{each.of_target:.2f}",
        )
    console = Console(width=140)
    console.print(table)
    console.print(f"One customer's month at {events:,} stored events; the target is {TARGET_MS} ms at p99.")


def _write(
    figures: list[Figure],
    events: int,
    customers: int,
    machine: dict[str, object],
    fill_seconds: float,
    memory: float,
) -> None:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    document = {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "machine": machine,
        "events": events,
        "customers": customers,
        "fill_seconds": round(fill_seconds),
        "web_memory_mb": round(memory),
        "target_p99_ms": TARGET_MS,
        "figures": [asdict(each) for each in figures],
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "usage.json").write_text(json.dumps(document, indent=2) + "\n")
