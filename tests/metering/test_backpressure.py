"""More bytes than the process can hold are answered with 503 and Retry-After, and nothing of them stays."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import httpx
import pytest

from autorisen.kit.problems import BodyTooLarge, Unavailable
from autorisen.kit.unit import Runtime
from autorisen.metering.decode import WEIGHT_LIMIT, decoded_weight
from autorisen.metering.ingest_queue import MEMORY_MAX, Held, Memory
from tests.factories.accounts import make_customer, make_key
from tests.factories.metering import llm_event, make_meters, usage
from tests.faults.harness import Processes

CLIENTS = 48
RESIDENT_MB_MAX = 300


def large(name: str) -> bytes:
    """A batch of more than 4 MB whose decoded form takes some ten times as much: 5,000 events of 60 decimals."""
    data = {"input_tokens": 1, "output_tokens": 1} | {f"k{number}": number * 1.5 for number in range(60)}
    events = [llm_event(f"{name}-{number}", data=data) for number in range(5_000)]
    return json.dumps(events, separators=(",", ":")).encode()


async def send_until_taken(client: httpx.AsyncClient, headers: dict[str, str], content: bytes) -> int:
    """Send the same again after each 503, as producers do. Gives how often it was put off."""
    refusals = 0
    while True:
        answer = await client.post("/api/events", content=content, headers=headers)
        if answer.status_code != 503:
            assert answer.status_code == 200, answer.text
            receipt = answer.json()
            assert receipt["accepted"] + receipt["duplicates"] == 5_000
            return refusals
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["code"] == "unavailable"
        refusals += 1
        await asyncio.sleep(0.05)


def test_memory_is_given_back_whatever_happens() -> None:
    memory = Memory(100)
    with memory.held() as held:
        held.take(60)
        with memory.held() as other:
            other.take(40)
            with pytest.raises(Unavailable, match="more bytes wait"):
                other.take(1)
        assert memory.used == 60
        held.take(40)
    assert memory.used == 0
    with pytest.raises(Unavailable), memory.held() as held:
        _take_all_and_more(held)
    assert memory.used == 0


def _take_all_and_more(held: Held) -> None:
    held.take(100)
    held.take(1)


def test_the_weight_of_a_body_bounds_what_it_becomes() -> None:
    """Goal: what fits into one request fits into memory, and a body of tiny values does not count as small."""
    assert 20 * len(large("x")) > decoded_weight(large("x")) > 8 * len(large("x"))
    assert decoded_weight(b"[" + b",".join([b"{}"] * 10_000) + b"]") > 1_280_000
    assert WEIGHT_LIMIT <= MEMORY_MAX
    with pytest.raises(BodyTooLarge, match="too many values"):
        decoded_weight(b"[" + b",".join([b"[]"] * 500_000) + b"]")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of resident memory from /proc")
async def test_many_large_bodies_at_once_stay_in_memory(runtime: Runtime, database_url: str, tmp_path: Path) -> None:
    """Goal: 48 clients of 4 MB each, 2 GB when decoded, keep a web process under 300 MB; in the end all is stored once.

    Method: a real process, whose peak the kernel tells.
    """
    await make_meters(runtime)
    async with runtime.unit() as unit:
        await make_customer(unit)
        headers = await make_key(unit, None) | {"content-type": "application/json"}
    processes = Processes(tmp_path, database_url, runtime.settings.secret_key)
    processes.start("web")
    try:
        address = f"http://127.0.0.1:{processes.port}"
        limits = httpx.Limits(max_connections=CLIENTS)
        async with httpx.AsyncClient(base_url=address, timeout=60, trust_env=False, limits=limits) as client:
            await _answers(client)
            first = large("first")
            turns = [send_until_taken(client, headers, first)]
            turns += [_send_once(client, headers, first) for _ in range(CLIENTS - 1)]
            refusals = await asyncio.gather(*turns)
            # Nothing of what was refused is kept: the next batch finds all the room there is.
            assert await send_until_taken(client, headers, large("second")) == 0
            used = await usage(client, headers, customer="acme")
        assert sum(refusals) >= CLIENTS // 2
        assert used["llm.input_tokens"] == ("10000", 10_000)
        peak = processes.peak_memory_mb("web")
        assert peak < RESIDENT_MB_MAX, f"{peak:.0f} MB"
    finally:
        processes.close()


async def _answers(client: httpx.AsyncClient) -> None:
    for _ in range(200):
        try:
            await client.get("/alive")
            return
        except httpx.TransportError:
            await asyncio.sleep(0.1)
    raise AssertionError("the web process does not answer")


async def _send_once(client: httpx.AsyncClient, headers: dict[str, str], content: bytes) -> int:
    """Send without patience. Gives whether it was put off."""
    answer = await client.post("/api/events", content=content, headers=headers)
    assert answer.status_code in {200, 503}, answer.text
    return int(answer.status_code == 503)
