"""How many events a second come in through HTTP, beside the ceilings of the same machine in the same run.

Client, web process and PostgreSQL share the machine; every event is new, stored, rolled up and committed (fsync on)
before its answer.
"""

from __future__ import annotations

import asyncio
import json
import platform
import subprocess
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from autorisen.kit.clock import SystemClock
from autorisen.kit.ids import Ids
from bench import ceilings
from bench.house import CUSTOMERS, House, house

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Load:
    """`requests` requests of `size` events each, from `clients` connections."""

    size: int
    clients: int
    requests: int


@dataclass(frozen=True)
class Figure:
    """What one load reached."""

    size: int
    clients: int
    events: int
    seconds: float
    events_a_second: float
    p50_ms: float
    p99_ms: float


LOADS = (Load(1, 32, 12_000), Load(100, 8, 2_000), Load(1_000, 8, 400))


def main() -> None:
    """Measure, print the table, write bench/results/ingest.json."""
    with house() as home:
        _warm(home)
        before = ceilings.machine()
        figures = [_measure(home, load) for load in LOADS]
        memory = home.memory_mb()
        limits = {
            "flushes_a_second": ceilings.flushes_a_second(),
            "copy_rows_a_second": ceilings.copy_rows_a_second(home.database_url),
            "single_row_commits_a_second_1": asyncio.run(ceilings.commits_a_second(home.database_url, 1)),
            "single_row_commits_a_second_32": asyncio.run(ceilings.commits_a_second(home.database_url, 32)),
            "own_insert_rows_a_second_1000x8": asyncio.run(
                ceilings.insert_rows_a_second(home.database_url, 1_000, 8, 150)
            ),
        }
    _show(figures, limits)
    _write(figures, limits, before, memory)


def _warm(home: House) -> None:
    _measure(home, Load(100, 4, 40))
    _measure(home, Load(1, 8, 200))


def _bodies(load: Load) -> list[bytes]:
    ids = Ids(SystemClock())
    stamp = datetime.now(UTC).isoformat()
    bodies = []
    for number in range(load.requests):
        events = [
            {
                "specversion": "1.0",
                "id": str(ids.new()),
                "source": "bench",
                "type": "llm.completion",
                "subject": f"customer-{number % CUSTOMERS}",
                "time": stamp,
                "data": {"input_tokens": 100 + number % 4000, "output_tokens": 56, "model": "a"},
            }
            for _ in range(load.size)
        ]
        bodies.append(json.dumps(events if load.size > 1 else events[0], separators=(",", ":")).encode())
    return bodies


def _measure(home: House, load: Load) -> Figure:
    bodies = _bodies(load)
    before = home.stored()
    took, seconds = asyncio.run(_send(home, bodies, load.clients))
    stored = home.stored() - before
    assert stored == load.size * load.requests, f"{stored} stored of {load.size * load.requests} sent"
    took.sort()
    return Figure(
        load.size,
        load.clients,
        stored,
        round(seconds, 2),
        round(stored / seconds),
        round(took[len(took) // 2] * 1000, 1),
        round(took[len(took) * 99 // 100] * 1000, 1),
    )


async def _send(home: House, bodies: list[bytes], clients: int) -> tuple[list[float], float]:
    """Send all bodies over kept connections. Gives the seconds of each request and of the whole."""
    waiting = iter(bodies)
    took: list[float] = []
    head = (
        f"POST /api/events HTTP/1.1\r\nHost: 127.0.0.1:{home.port}\r\nAuthorization: Bearer {home.key}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    ).encode()

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", home.port)
        for body in waiting:
            begun = time.perf_counter()
            writer.write(head + str(len(body)).encode() + b"\r\n\r\n" + body)
            status, answer = await _answer(reader)
            assert status == 200, answer
            took.append(time.perf_counter() - begun)
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return took, time.perf_counter() - begun


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
    return int(head[9:12]), await reader.readexactly(length)


def _show(figures: list[Figure], limits: dict[str, float]) -> None:
    copy, insert = limits["copy_rows_a_second"], limits["own_insert_rows_a_second_1000x8"]
    commits = limits["single_row_commits_a_second_32"]
    console = Console()
    table = Table("batch", "clients", "events/s", "p50 ms", "p99 ms", "of COPY", "of own insert", "of single commits")
    for each in figures:
        rate = each.events_a_second
        table.add_row(
            f"{each.size:,}", str(each.clients), f"{rate:,.0f}", f"{each.p50_ms:,.1f}", f"{each.p99_ms:,.1f}",
            f"{rate / copy:.2f}", f"{rate / insert:.2f}", f"{rate / commits:.2f}",
        )  # fmt: skip
    console.print(table)
    limits_table = Table("ceiling of this machine, same run", "a second")
    for name, value in limits.items():
        limits_table.add_row(name.removesuffix("_a_second").replace("_", " "), f"{value:,.0f}")
    console.print(limits_table)


def _write(
    figures: list[Figure], limits: dict[str, float], machine: dict[str, object], memory_mb: float | None
) -> None:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    document = {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "machine": machine,
        "web_memory_mb": memory_mb and round(memory_mb),
        "figures": [asdict(each) for each in figures],
        "ceilings": {name: round(value) for name, value in limits.items()},
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "ingest.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
