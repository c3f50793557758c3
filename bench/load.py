"""Events sent through HTTP by many connections at once, as producers send them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

from autorisen.kit.clock import SystemClock
from autorisen.kit.ids import Ids
from bench.house import CUSTOMERS, House
from bench.web import NOTHING

EVENTS = "/api/events"
IdKind = Literal["ordered", "random"]

_ids = Ids(SystemClock())


@dataclass(frozen=True)
class Load:
    """`requests` requests of `size` events each, from `clients` connections; ids in the order of time, or random."""

    size: int
    clients: int
    requests: int
    ids: IdKind = "ordered"


@dataclass(frozen=True)
class Run:
    """What one load reached: requests or events a second, and how long each request took."""

    a_second: float
    seconds: list[float] = field(repr=False)


def store(home: House, load: Load) -> Run:
    """Send new events and see that all of them are stored."""
    before = home.counted()
    run = asyncio.run(_send(home, EVENTS, _bodies(load), load.clients))
    stored = home.counted() - before
    assert stored == load.size * load.requests, f"{stored} counted of {load.size * load.requests} sent"
    return Run(load.size * run.a_second, run.seconds)


def do_nothing(home: House, load: Load) -> Run:
    """The same requests to the endpoint that checks the key, reads the body and answers."""
    return asyncio.run(_send(home, NOTHING, _bodies(load), load.clients))


def percentile(seconds: list[float], percent: int) -> float:
    """In milliseconds."""
    return sorted(seconds)[(len(seconds) * percent - 1) // 100] * 1000


def _bodies(load: Load) -> list[bytes]:
    stamp = datetime.now(UTC).isoformat()
    new_id = _ids.new if load.ids == "ordered" else uuid4
    bodies = []
    for number in range(load.requests):
        events = [
            {
                "specversion": "1.0",
                "id": str(new_id()),
                "source": load.ids,
                "type": "llm.completion",
                "subject": f"customer-{number % CUSTOMERS}",
                "time": stamp,
                "data": {"input_tokens": 100 + number % 4000, "output_tokens": 56, "model": "a"},
            }
            for _ in range(load.size)
        ]
        bodies.append(json.dumps(events if load.size > 1 else events[0], separators=(",", ":")).encode())
    return bodies


async def _send(home: House, path: str, bodies: list[bytes], clients: int) -> Run:
    waiting: Iterator[bytes] = iter(bodies)
    took: list[float] = []
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{home.port}\r\nAuthorization: Bearer {home.key}\r\n"
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
    return Run(len(bodies) / (time.perf_counter() - begun), took)


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
    return int(head[9:12]), await reader.readexactly(length)
