"""A house of its own for a measurement: durable embedded PostgreSQL, one web process, a customer and a key."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from autorisen import accounts, metering
from autorisen.kit.embedded_postgres import EmbeddedPostgres
from autorisen.kit.migrate import migrate
from autorisen.kit.open_runtime import open_runtime
from autorisen.kit.settings import Settings
from autorisen.metering import Aggregation, MeterDefinition

METERS = [
    MeterDefinition("llm.input_tokens", "Input tokens", "tokens", "llm.completion", Aggregation.SUM, ("input_tokens",)),
    MeterDefinition(
        "llm.output_tokens", "Output tokens", "tokens", "llm.completion", Aggregation.SUM, ("output_tokens",)
    ),
]
CUSTOMERS = 4
START_SECONDS = 30.0


@dataclass(frozen=True)
class House:
    """Where to send events, with which key, and the database behind it."""

    port: int
    key: str
    database_url: str
    web: subprocess.Popen[bytes]

    def counted(self) -> int:
        """How many events the receipts of the database count as accepted: the events themselves may be many."""
        with psycopg.connect(self.database_url) as connection:
            row = connection.execute("SELECT coalesce(sum(accepted), 0) FROM metering.batches").fetchone()
        assert row is not None
        return int(row[0])

    def forget_events(self) -> None:
        """Leave no event and no count, as after the installation."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")  # else the history defends itself
            connection.execute("TRUNCATE metering.events, metering.batches, metering.rollups CASCADE")

    def checkpoint(self) -> None:
        """Write what is dirty, so that no measurement pays for what was before it."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")

    def peak_memory_mb(self) -> float:
        """The most memory that the web process ever had resident; 0 where the system does not tell."""
        status = Path(f"/proc/{self.web.pid}/status")
        lines = status.read_text().splitlines() if status.exists() else []
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


@contextmanager
def furnished(
    meters: Sequence[MeterDefinition] = METERS, customers: int = CUSTOMERS
) -> Iterator[tuple[Path, str, str]]:
    """A durable server with meters and customers, without a web process: its folder, its address, a key."""
    with tempfile.TemporaryDirectory(prefix="autorisen-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        server = EmbeddedPostgres(home / "pg")
        server.start()
        try:
            url = server.url()
            migrate(url)
            yield home, url, asyncio.run(_furnish(Settings(home=home, database_url=url), meters, customers))
        finally:
            server.stop("fast")


@contextmanager
def house(
    module: str = "bench.web", meters: Sequence[MeterDefinition] = METERS, customers: int = CUSTOMERS
) -> Iterator[House]:
    """Durable as in production: fsync is on and every commit waits for it. `module` is run as the web process."""
    with furnished(meters, customers) as (home, url, key), _web(home, url, module) as (port, web):
        yield House(port, key, url, web)


async def _furnish(settings: Settings, meters: Sequence[MeterDefinition], customers: int) -> str:
    async with open_runtime(settings, settings.database_url) as runtime, runtime.unit() as unit:
        await metering.apply_meters(unit, meters)
        for number in range(customers):
            await accounts.create_customer(
                unit, key=f"customer-{number}", name="Bench", email="bench@example.org", country="ZA", currency="ZAR"
            )
        _, secret = await accounts.create_api_key(
            unit, customer_id=None, name="bench", scopes=["events:write", "usage:read"]
        )
        return secret


@contextmanager
def _web(home: Path, url: str, module: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "DATABASE_URL": url,
        "PORT": str(port),
        "AUTORISEN_HOME": str(home),
        "LOG_LEVEL": "warning",
        "LOG_FORMAT": "text",
    }
    web = subprocess.Popen([sys.executable, "-m", module], env=environment)
    try:
        _await_answer(port, web)
        yield port, web
    finally:
        web.terminate()
        try:
            web.wait(20)
        except subprocess.TimeoutExpired:
            web.kill()


def _await_answer(port: int, web: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and web.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the web process does not answer")
