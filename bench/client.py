"""What `record` of the client costs, beside a bare SQLite insert of the same bytes in the same run.

Both commit each event on its own, to a file of the same kind (WAL). Rounds take turns, so that other load on the
machine meets both. CPU time says what the machine is kept busy; wall time what the caller waits.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from autorisen.client import Client, Durability
from bench.ceilings import machine

RESULTS = Path(__file__).parent / "results"
ROUNDS = 15
EVENTS = 1_000
DATA = {"input_tokens": 1234, "output_tokens": 56, "model": "small"}
TARGET_US = 50


@dataclass(frozen=True)
class Figure:
    """Microseconds per event: the median of the rounds, and the quickest one, which other load disturbed least."""

    name: str
    wall_us: float
    cpu_us: float
    best_wall_us: float
    best_cpu_us: float


def main() -> None:
    """Measure, print the table, write bench/results/client.json."""
    with tempfile.TemporaryDirectory(prefix="autorisen-bench-") as folder:
        figures = _measure(Path(folder))
    bare, process = figures[0], figures[1]
    document = {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "figures": [asdict(figure) for figure in figures],
        "ratio_wall": round(process.wall_us / bare.wall_us, 2),
        "ratio_cpu": round(process.cpu_us / bare.cpu_us, 2),
        "target_us": TARGET_US,
    }
    _print(figures, document)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "client.json").write_text(json.dumps(document, indent=2) + "\n")


def _measure(folder: Path) -> list[Figure]:
    with ExitStack() as stack:
        url = stack.enter_context(_edge())

        def client(name: str, durability: Durability = "process", *, sending: bool = False) -> Client:
            spool = folder / f"{name}.db"
            made = Client(url, "k", source="bench", spool=spool, durability=durability, sending=sending)
            stack.callback(made.close, 0.0)
            return made

        recorded = client("record")
        sent = client("sent", sending=True)
        power = client("power", "power")
        shared = client("shared", "power")
        body = _body_of(recorded)
        work: dict[str, Callable[[], None]] = {
            "bare insert, survives kill -9": _bare(folder / "bare.db", body, "NORMAL"),
            "record, survives kill -9": lambda: _record(recorded, EVENTS),
            "record and send at the same time": lambda: _record_and_send(sent),
            "bare insert, survives a power cut": _bare(folder / "flushed.db", body, "FULL"),
            "record, survives a power cut": lambda: _record(power, EVENTS),
            "the same, 8 threads": lambda: _record_from_threads(shared, 8),
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in work}
        for number in range(ROUNDS + 1):
            for name, run in work.items():
                wall, cpu = time.perf_counter(), time.process_time()
                run()
                if number:  # the first round warms
                    taken[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return [_figure(name, rounds) for name, rounds in taken.items()]


def _figure(name: str, rounds: list[tuple[float, float]]) -> Figure:
    walls, cpus = ([seconds / EVENTS * 1e6 for seconds in each] for each in zip(*rounds, strict=True))
    figures = (statistics.median(walls), statistics.median(cpus), min(walls), min(cpus))
    return Figure(name, *(round(figure, 1) for figure in figures))


def _body_of(client: Client) -> bytes:
    client.record("llm.completion", "customer-1", DATA)
    [row] = client._spool.run(lambda connection: connection.execute("SELECT body FROM events").fetchall())
    return bytes(row[0])


def _bare(path: Path, body: bytes, synchronous: str) -> Callable[[], None]:
    """The same bytes by one statement, committed on its own: what SQLite asks for it."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    connection.execute("CREATE TABLE events (number INTEGER PRIMARY KEY, source TEXT, hour INT, at INT, body BLOB)")

    def run() -> None:
        for number in range(EVENTS):
            connection.execute(
                "INSERT INTO events (source, hour, at, body) VALUES (?, ?, ?, ?)", ("bench", 500_000, number, body)
            )

    return run


def _record(client: Client, count: int) -> None:
    for _ in range(count):
        client.record("llm.completion", "customer-1", DATA)


def _record_and_send(client: Client) -> None:
    _record(client, EVENTS)
    assert client.flush(60)


def _record_from_threads(client: Client, count: int) -> None:
    threads = [threading.Thread(target=_record, args=(client, EVENTS // count)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


_EDGE = """
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        count = self.rfile.read(int(self.headers["Content-Length"])).count(b'"specversion"')
        told = b'{"accepted":%d,"duplicates":0,"conflicts":0,"rejected":0,"results":[]}' % count
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)
    def log_message(self, *_): pass
server = HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


@contextmanager
def _edge() -> Iterator[str]:
    """Takes everything, in a process of its own, so that its work is not counted as the client's."""
    process = subprocess.Popen([sys.executable, "-c", _EDGE], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _print(figures: list[Figure], document: dict[str, object]) -> None:
    table = Table(
        "per event",
        "wall us",
        "CPU us",
        "best wall",
        "best CPU",
        title=f"autorisen.client, target {TARGET_US} us a record",
    )
    for figure in figures:
        table.add_row(figure.name, *(str(value) for value in list(asdict(figure).values())[1:]))
    console = Console()
    console.print(table)
    console.print(f"record / bare insert: wall {document['ratio_wall']}, CPU {document['ratio_cpu']}")
