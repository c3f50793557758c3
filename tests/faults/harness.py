"""A house of real processes that are killed at random while clients send, and an outside judge of what was kept.

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
from dataclasses import dataclass, field
from pathlib import Path

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


@dataclass
class Figures:
    """What a run is judged by."""

    seed: int
    sent: int = 0
    acked: int = 0
    retried: int = 0
    lost: int = 0
    doubled: int = 0
    ghost: int = 0
    miscounted: int = 0
    kills: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    recoveries: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        recoveries = sorted(self.recoveries) or [0.0]
        killed = ", ".join(f"{count} {name}" for name, count in sorted(self.kills.items())) or "none"
        return (
            f"seed {self.seed}: sent {self.sent:,}, acked {self.acked:,}, retried {self.retried:,}, lost {self.lost}, "
            f"doubled {self.doubled}, ghost {self.ghost}, miscounted {self.miscounted}, kills {killed}, "
            f"seconds to recover: median {recoveries[len(recoveries) // 2]:.1f}, most {recoveries[-1]:.1f}"
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
    """One run: furnish, send and kill, heal, judge."""

    def __init__(self, home: Path, database_url: str, seed: int) -> None:
        self._random = random.Random(seed)
        self._home = home
        self._database_url = database_url
        self._processes = Processes(home, database_url)
        self._acks = (home / "acks").open("a", encoding="utf-8")
        self._last_ack = time.monotonic()
        self._stopping = False
        self._headers: dict[str, str] = {}
        self._sent: dict[str, tuple[str, int]] = {}
        self._acked: set[str] = set()
        self.figures = Figures(seed)

    async def perform(self, kills: int) -> Figures:
        settings = Settings(home=self._home, database_url=self._database_url)
        async with open_runtime(settings, self._database_url) as runtime:
            await self._furnish(runtime)
            self._processes.start("web")
            self._processes.start("worker")
            try:
                clients = [asyncio.create_task(self._client(number)) for number in range(CLIENTS)]
                await self._kill_at_random(runtime, kills)
                self._stopping = True
                await asyncio.gather(*clients)
                await self._heal(runtime)
                await self._judge()
            finally:
                self._processes.close()
                self._acks.close()
        return self.figures

    async def _furnish(self, runtime: Runtime) -> None:
        await make_meters(runtime)
        async with runtime.unit() as unit:
            for key in KNOWN:
                await make_customer(unit, key=key)
            self._headers = await make_key(unit, None)

    async def _client(self, number: int) -> None:
        """Send batches until told to stop; each one until it is acknowledged, and some again after that."""
        dice = random.Random(f"{self.figures.seed} {number}")
        sequence = 0
        address = f"http://127.0.0.1:{self._processes.port}"
        async with httpx.AsyncClient(base_url=address, timeout=5.0, trust_env=False, headers=self._headers) as client:
            while not self._stopping:
                batch = []
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
            self.figures.retried += 1
            await asyncio.sleep(0.1)
        receipt = answer.json()
        assert receipt["accepted"] + receipt["duplicates"] == len(batch), receipt
        self._acks.writelines(f"{event['id']}\n" for event in batch)
        self._acks.flush()
        os.fsync(self._acks.fileno())
        self._acked.update(str(event["id"]) for event in batch)
        self._last_ack = time.monotonic()

    async def _kill_at_random(self, runtime: Runtime, kills: int) -> None:
        await self._acknowledged_after(time.monotonic())
        late = list(LATE)
        victims = ["web", "worker"] * (kills // 2) + ["web"] * (kills % 2)
        self._random.shuffle(victims)
        for name in victims:
            await asyncio.sleep(self._random.uniform(0.1, 0.6))
            if late:
                # The worker has something to lose: it claims what waits for this customer.
                async with runtime.unit() as unit:
                    await make_customer(unit, key=late.pop())
                await asyncio.sleep(self._random.uniform(0.0, 0.2))
            self._processes.kill(name)
            killed_at = time.monotonic()
            self._processes.start(name)
            self.figures.kills[name] += 1
            if name == "web":
                self.figures.recoveries.append(await self._acknowledged_after(killed_at))
        for key in late:
            async with runtime.unit() as unit:
                await make_customer(unit, key=key)

    async def _acknowledged_after(self, instant: float) -> float:
        """Seconds until the first acknowledgement after `instant`."""
        while self._last_ack <= instant:
            assert time.monotonic() < instant + HEAL_SECONDS, "no acknowledgement: the web process is not back"
            await asyncio.sleep(0.02)
        return self._last_ack - instant

    async def _heal(self, runtime: Runtime) -> None:
        deadline = time.monotonic() + HEAL_SECONDS
        while time.monotonic() < deadline:
            async with runtime.database.read() as tx:
                if (await metering.event_counts(tx)).unknown_customer == 0:
                    return
            await asyncio.sleep(0.2)

    async def _judge(self) -> None:
        with psycopg.connect(self._database_url) as connection:
            stored = [row[0] for row in connection.execute("SELECT event_id FROM metering.events").fetchall()]
        self.figures.acked = len(self._acked)
        self.figures.lost = len(self._acked - set(stored))
        self.figures.doubled = len(stored) - len(set(stored))
        self.figures.ghost = len(set(stored) - self._sent.keys())
        model: dict[str, int] = defaultdict(int)
        for id in self._acked:
            subject, tokens = self._sent[id]
            model[subject] += tokens
        address = f"http://127.0.0.1:{self._processes.port}"
        async with httpx.AsyncClient(base_url=address, timeout=30.0, trust_env=False) as client:
            for subject in KNOWN + LATE:
                used = await usage(client, self._headers, customer=subject, to="2100-01-01T00:00:00Z")
                self.figures.miscounted += abs(int(used["llm.input_tokens"][0]) - model[subject])
