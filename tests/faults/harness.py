"""A house of real processes to which something happens while clients send, and an outside judge of what was kept.

The judge is this process: it writes each acknowledgement to a file of its own, flushed to the disk, before it counts
it, and afterwards compares what was acknowledged with what the product stored and what its API says was used.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg

from autorisen import metering
from autorisen.kit.open_runtime import open_runtime
from autorisen.kit.settings import Settings
from autorisen.kit.unit import Runtime
from tests.factories.accounts import make_customer, make_key
from tests.factories.metering import llm_event, make_meters, usage

CLIENTS = 4
KNOWN = ("acme", "zulu")
LATE = tuple(f"late-{number}" for number in range(6))
HEAL_SECONDS = 90.0

# `make faults` sets it: the lengths of the reference, minutes in place of seconds.
IS_LONG = os.environ.get("FAULTS_LONG", "") == "1"
SEED = int(os.environ.get("FAULT_SEED", str(time.time_ns() % 1_000_000)))

T = TypeVar("T")


def scaled(short: T, long: T) -> T:
    """The size of a fault: what fits into every run of the tests, or the long form."""
    return long if IS_LONG else short


@dataclass
class Figures:
    """What a run is judged by. `unknown` are events that were sent and never answered with a receipt."""

    seed: int
    sent: int = 0
    acked: int = 0
    retried: int = 0
    lost: int = 0
    doubled: int = 0
    ghost: int = 0
    unknown: int = 0
    miscounted: int = 0
    refused: int = 0
    faults: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    recoveries: list[float] = field(default_factory=list)

    @property
    def wrong(self) -> dict[str, int]:
        """What must be nothing: acknowledged and gone, stored twice, never sent, counted otherwise than stored."""
        figures = {"lost": self.lost, "doubled": self.doubled, "ghost": self.ghost, "miscounted": self.miscounted}
        return {name: number for name, number in figures.items() if number}

    def __str__(self) -> str:
        recoveries = sorted(self.recoveries)
        took = (
            f"median {recoveries[len(recoveries) // 2]:.1f}, most {recoveries[-1]:.1f}"
            if recoveries
            else "not measured"
        )
        done = ", ".join(f"{count} {name}" for name, count in sorted(self.faults.items())) or "none"
        return (
            f"seed {self.seed}: sent {self.sent:,}, acked {self.acked:,}, retried {self.retried:,}, "
            f"answered 503 {self.refused:,}, lost {self.lost}, doubled {self.doubled}, ghost {self.ghost}, "
            f"unknown {self.unknown}, miscounted {self.miscounted}; {done}; "
            f"seconds to recover: {took}"
        )


class Processes:
    """The web and the worker process, on one port and one database."""

    def __init__(self, home: Path, database_url: str, secret_key: str = "") -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._environment = os.environ | {
            "DATABASE_URL": database_url,
            "PORT": str(self.port),
            "AUTORISEN_HOME": str(home),
            "LOG_LEVEL": "error",
        }
        if secret_key:
            self._environment["SECRET_KEY"] = secret_key
        self._log = (home / "processes.log").open("ab")
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        self._running[name] = subprocess.Popen(
            [sys.executable, "-m", "autorisen", name], env=self._environment, stdout=self._log, stderr=self._log
        )

    def peak_memory_mb(self, name: str) -> float:
        """The most that the process ever had in memory, as Linux tells."""
        status = Path(f"/proc/{self._running[name].pid}/status").read_text(encoding="utf-8")
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def kill(self, name: str) -> None:
        """End it as the kernel would when memory is short: no handler runs, nothing is finished."""
        process = self._running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def close(self) -> None:
        for name in list(self._running):
            self.kill(name)
        self._log.close()


class Run:
    """One run: furnish, send while the fault happens, heal, judge.

    `address` is where the processes find the database, when it is not where the judge does.
    """

    def __init__(self, home: Path, database_url: str, seed: int, *, address: str | None = None) -> None:
        self.dice = random.Random(seed)
        self.home = home
        self.database_url = database_url
        self.processes = Processes(home, address or database_url)
        self.figures = Figures(seed)
        self._acks = (home / "acks").open("a", encoding="utf-8")
        self._last_ack = time.monotonic()
        self._stopping = False
        self._headers: dict[str, str] = {}
        self._late = list(LATE)
        self._sent: dict[str, tuple[str, int]] = {}
        self._acked: set[str] = set()

    async def perform(self, fault: Fault) -> Figures:
        async with self._runtime() as runtime:
            await make_meters(runtime)
            async with runtime.unit() as unit:
                for key in KNOWN:
                    await make_customer(unit, key=key)
                self._headers = await make_key(unit, None)
        self.processes.start("web")
        self.processes.start("worker")
        try:
            # A client that meets what must not be ends the run at once.
            async with asyncio.TaskGroup() as group:
                for number in range(CLIENTS):
                    group.create_task(self._client(number))
                await self.acknowledged_after(time.monotonic())
                await fault(self)
                self._stopping = True
            await self._heal()
            await self._judge()
        finally:
            self.processes.close()
            self._acks.close()
        return self.figures

    @asynccontextmanager
    async def _runtime(self) -> AsyncIterator[Runtime]:
        settings = Settings(home=self.home, database_url=self.database_url)
        async with open_runtime(settings, self.database_url) as runtime:
            yield runtime

    async def make_late_customer(self) -> None:
        """Give the worker something to lose: it claims what waits for this customer."""
        if self._late:
            async with self._runtime() as runtime, runtime.unit() as unit:
                await make_customer(unit, key=self._late.pop())

    async def recover(self, since: float) -> None:
        """Wait for the first acknowledgement after `since`, and note how long that took."""
        self.figures.recoveries.append(await self.acknowledged_after(since))

    async def acknowledged_within(self, seconds: float) -> bool:
        """Whether anything is acknowledged in the next so many seconds."""
        before = self._last_ack
        await asyncio.sleep(seconds)
        return self._last_ack > before

    async def health(self) -> int:
        """The status that the health page answers with; 0 when it does not."""
        address = f"http://127.0.0.1:{self.processes.port}/services/health"
        try:
            async with httpx.AsyncClient(timeout=5.0, trust_env=False) as client:
                return (await client.get(address)).status_code
        except httpx.HTTPError:
            return 0

    async def _client(self, number: int) -> None:
        """Send batches until told to stop; each one until it is acknowledged, and some again after that."""
        dice = random.Random(f"{self.figures.seed} {number}")
        sequence = 0
        address = f"http://127.0.0.1:{self.processes.port}"
        async with httpx.AsyncClient(base_url=address, timeout=5.0, trust_env=False, headers=self._headers) as client:
            while not self._stopping:
                batch: list[dict[str, Any]] = []
                for _ in range(dice.choice((1, 3, 20, 100))):
                    event = llm_event(f"{number}-{sequence:08}", tokens=dice.randint(1, 10_000), time=None)
                    event["subject"] = dice.choice(KNOWN + LATE)
                    self._sent[event["id"]] = (event["subject"], event["data"]["input_tokens"])
                    batch.append(event)
                    sequence += 1
                self.figures.sent += len(batch)
                await self._send(client, batch)
                if dice.random() < 0.2:
                    await self._send(client, batch)

    async def _send(self, client: httpx.AsyncClient, batch: list[dict[str, object]]) -> None:
        while True:
            try:
                answer = await client.post("/api/events", json=batch)
            except httpx.HTTPError:
                self.figures.retried += 1
                await asyncio.sleep(0.05)
                continue
            if answer.status_code == 200:
                break
            assert answer.status_code == 503, f"{answer.status_code}: {answer.text}"
            assert "retry-after" in answer.headers, "503 says when to come again"
            self.figures.refused += 1
            self.figures.retried += 1
            await asyncio.sleep(0.1)
        receipt = answer.json()
        assert receipt["accepted"] + receipt["duplicates"] == len(batch), receipt
        self._acks.writelines(f"{event['id']}\n" for event in batch)
        self._acks.flush()
        os.fsync(self._acks.fileno())
        self._acked.update(str(event["id"]) for event in batch)
        self._last_ack = time.monotonic()

    async def acknowledged_after(self, instant: float) -> float:
        """Seconds until the first acknowledgement after `instant`."""
        while self._last_ack <= instant:
            assert time.monotonic() < instant + HEAL_SECONDS, "no acknowledgement: the web process is not back"
            await asyncio.sleep(0.02)
        return self._last_ack - instant

    async def _heal(self) -> None:
        while self._late:
            await self.make_late_customer()
        deadline = time.monotonic() + HEAL_SECONDS
        async with self._runtime() as runtime:
            while time.monotonic() < deadline:
                async with runtime.database.read() as tx:
                    if (await metering.event_counts(tx)).unknown_customer == 0:
                        return
                await asyncio.sleep(0.2)

    async def _judge(self) -> None:
        with psycopg.connect(self.database_url) as connection:
            stored = [row[0] for row in connection.execute("SELECT event_id FROM metering.events").fetchall()]
        self.figures.acked = len(self._acked)
        self.figures.lost = len(self._acked - set(stored))
        self.figures.doubled = len(stored) - len(set(stored))
        self.figures.ghost = len(set(stored) - self._sent.keys())
        self.figures.unknown = len(self._sent.keys() - self._acked)
        model: dict[str, int] = defaultdict(int)
        for id in set(stored) & self._sent.keys():
            subject, tokens = self._sent[id]
            model[subject] += tokens
        address = f"http://127.0.0.1:{self.processes.port}"
        async with httpx.AsyncClient(base_url=address, timeout=30.0, trust_env=False) as client:
            for subject in KNOWN + LATE:
                used = await usage(client, self._headers, customer=subject, to="2100-01-01T00:00:00Z")
                self.figures.miscounted += abs(int(used["llm.input_tokens"][0]) - model[subject])


Fault = Callable[[Run], Awaitable[None]]


async def kill_processes(run: Run, kills: int) -> None:
    """F1, F2: web and worker die by kill -9 at random moments."""
    victims = ["web", "worker"] * (kills // 2) + ["web"] * (kills % 2)
    run.dice.shuffle(victims)
    for name in victims:
        await asyncio.sleep(run.dice.uniform(0.1, 0.6))
        await run.make_late_customer()
        await asyncio.sleep(run.dice.uniform(0.0, 0.2))
        run.processes.kill(name)
        killed_at = time.monotonic()
        run.processes.start(name)
        run.figures.faults[f"kills of {name}"] += 1
        if name == "web":
            await run.recover(killed_at)
