"""What this machine can do at most, measured beside the product: flushes, commits, COPY, the bare insert."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import AsyncConnection

from autorisen.kit.clock import SystemClock
from autorisen.kit.ids import Ids
from autorisen.metering import store
from autorisen.metering.decode import new_event
from autorisen.metering.model import OPERATOR, Arrival


def flushes_a_second(seconds: float = 1.0) -> float:
    """8 KiB written and flushed to the disk, one after the other."""
    with tempfile.NamedTemporaryFile() as file:
        count, begun = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - begun) < seconds:
            os.pwrite(file.fileno(), b"\0" * 8192, 0)
            os.fdatasync(file.fileno()) if hasattr(os, "fdatasync") else os.fsync(file.fileno())
            count += 1
    return count / elapsed


def copy_rows_a_second(url: str, rows: int = 400_000) -> float:
    """Rows of the same shape by COPY into a table without indexes, 20,000 a transaction, one connection."""
    at = datetime.now(UTC).isoformat()
    line = (
        f"{OPERATOR}\tbench\t%s\tllm.completion\tcustomer-1\t{OPERATOR}\t{at}\tt\t{OPERATOR}\t"
        f'{{"input_tokens":1234,"output_tokens":56}}\t\\N\n'
    )
    ids = Ids(SystemClock())
    blocks = ["".join(line % ids.new() for _ in range(20_000)).encode() for _ in range(4)]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE public.bench_copy (LIKE metering.events)")
        begun = time.perf_counter()
        for number in range(rows // 20_000):
            with connection.cursor().copy("COPY public.bench_copy FROM STDIN") as copy:
                copy.write(blocks[number % len(blocks)])
        elapsed = time.perf_counter() - begun
        connection.execute("DROP TABLE public.bench_copy")
    return rows / elapsed


async def commits_a_second(url: str, clients: int, seconds: float = 3.0) -> float:
    """One row inserted and committed at a time into a table with a primary key."""
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("CREATE TABLE IF NOT EXISTS public.bench_commit (id uuid PRIMARY KEY, note text)")
    ids = Ids(SystemClock())
    end = time.perf_counter() + seconds

    async def client() -> int:
        count = 0
        async with await AsyncConnection.connect(url, autocommit=True) as connection:
            while time.perf_counter() < end:
                await connection.execute(
                    "INSERT INTO public.bench_commit VALUES (%s, 'x') ON CONFLICT DO NOTHING", [ids.new()]
                )
                count += 1
        return count

    counts = await asyncio.gather(*(client() for _ in range(clients)))
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("DROP TABLE public.bench_commit")
    return sum(counts) / seconds


async def insert_rows_a_second(url: str, size: int, clients: int, batches: int) -> float:
    """The product's own idempotent insert, `size` new rows a transaction, without HTTP, JSON or rollups."""
    ids = Ids(SystemClock())
    now = datetime.now(UTC)
    stamp = now.isoformat()

    def batch() -> list[Arrival]:
        return [
            Arrival(str(OPERATOR), "", new_event(_attributes(str(ids.new()))), stamp, (), 0, 0) for _ in range(size)
        ]

    work = [batch() for _ in range(batches)]
    begun = time.perf_counter()

    async def client() -> None:
        async with await AsyncConnection.connect(url) as connection:
            while work:
                rows = work.pop()
                async with connection.transaction():
                    await store.insert_events(connection, rows, ids.new(), now)

    await asyncio.gather(*(client() for _ in range(clients)))
    return size * batches / (time.perf_counter() - begun)


def _attributes(id: str) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": id,
        "source": "ceiling",
        "type": "llm.completion",
        "subject": "customer-1",
        "time": "2026-01-01T00:00:00Z",
        "data": {"input_tokens": 1234, "output_tokens": 56},
    }


def machine() -> dict[str, object]:
    """What the figures were taken on, without names or paths."""
    load = os.getloadavg()[0]
    memory = (
        next(
            (line.split()[1] for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal")),
            "0",
        )
        if Path("/proc/meminfo").exists()
        else "0"
    )
    return {"cores": os.cpu_count(), "memory_gb": round(int(memory) / 1024**2), "load": round(load, 1)}
