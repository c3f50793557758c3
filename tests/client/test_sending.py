"""Against the real application over real HTTP: what is recorded arrives, whatever happens on the way."""

from __future__ import annotations

import asyncio
import multiprocessing
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import httpx

from autorisen.client import AsyncClient, Client, MissingEvent
from tests.architecture.source_tree import REPOSITORY
from tests.client.conftest import Connect, House
from tests.client.producer import START, NearStart

TOKENS = {"input_tokens": 7, "output_tokens": 1}


async def test_recorded_events_are_counted(house: House, connect: Connect) -> None:
    client = connect(house.url, house.key)
    ids = [client.record("llm.completion", "acme", TOKENS) for _ in range(2500)]
    assert ids == sorted(set(ids))
    assert await asyncio.to_thread(client.flush, 30)
    assert sorted(await house.stored()) == ids
    assert await house.used() == 2500 * 7
    status = client.status()
    assert (status.pending, status.sent, status.dead, status.last_error, status.stopped) == (0, 2500, 0, None, False)


async def test_a_server_that_was_away_gets_everything(house: House, connect: Connect) -> None:
    await house.close()
    client = connect(house.url, house.key)
    ids = [client.record("llm.completion", "acme", TOKENS) for _ in range(10)]
    assert not await asyncio.to_thread(client.flush, 0.5)
    status = client.status()
    assert status.pending == 10
    assert status.oldest_pending_seconds is not None
    assert "no answer" in (status.last_error or "")
    await house.open()
    assert await asyncio.to_thread(client.flush, 30)
    assert sorted(await house.stored()) == sorted(ids)
    assert client.status().last_error is None


async def test_the_next_client_sends_what_the_last_one_left(house: House, connect: Connect) -> None:
    with Client(
        house.url,
        house.key,
        source="tests",
        spool=connect(house.url, sending=False)._path,
        clock=NearStart(),
        sending=False,
    ) as first:
        id = first.record("llm.completion", "acme", TOKENS)
    assert await house.stored() == []
    assert await asyncio.to_thread(connect(house.url, house.key).flush, 30)
    assert await house.stored() == [id]


async def test_what_the_server_refuses_is_kept_with_its_reason(house: House, connect: Connect) -> None:
    said: list[str] = []
    client = connect(house.url, house.key, on_error=said.append, sending=False)
    client.record("llm.completion", "acme", TOKENS, id="taken")
    client.record("llm.completion", "acme", {"input_tokens": 8, "output_tokens": 1}, id="taken")
    client.record("llm.completion", "acme", {"input_tokens": -1, "output_tokens": 1}, id="negative")
    client.record("llm.completion", "acme", TOKENS, id="good")
    client.resume()
    assert await asyncio.to_thread(client.flush, 30)
    conflict, rejected = client.dead_letters()
    assert (conflict.fate, conflict.event["id"], conflict.event["data"]) == (
        "conflict",
        "taken",
        {"input_tokens": 8, "output_tokens": 1},
    )
    assert (rejected.fate, rejected.event["id"]) == ("rejected", "negative")
    assert "/data/input_tokens" in rejected.reason
    assert "first one counts" in conflict.reason
    assert [dead.number for dead in client.dead_letters(after=conflict.number)] == [rejected.number]
    assert said
    assert await house.used() == 14
    status = client.status()
    assert (status.pending, status.sent, status.dead) == (0, 2, 2)


async def test_dead_events_can_be_sent_again_or_dropped(house: House, connect: Connect) -> None:
    client = connect(house.url, house.key)
    client.record("llm.completion", "acme", {"input_tokens": -1, "output_tokens": 1})
    assert await asyncio.to_thread(client.flush, 30)
    assert client.retry_dead() == 1
    assert client.status().dead == 0
    assert await asyncio.to_thread(client.flush, 30)
    [dead] = client.dead_letters()
    assert client.drop_dead([dead.number, 999]) == 1
    assert client.dead_letters() == []
    assert client.retry_dead() == 0


async def test_a_wrong_key_stops_sending_and_not_recording(house: House, connect: Connect) -> None:
    said: list[str] = []
    client = connect(house.url, "ark_wrong", on_error=said.append)
    client.record("llm.completion", "acme", TOKENS)
    assert not await asyncio.to_thread(client.flush, 30)
    assert client.status().stopped
    client.record("llm.completion", "acme", TOKENS)
    status = client.status()
    assert (status.pending, status.dead) == (2, 0)
    assert status.last_error is not None
    assert "401" in status.last_error
    assert len(said) == 1
    await asyncio.to_thread(client.resume, house.key)
    assert await asyncio.to_thread(client.flush, 30)
    assert await house.used() == 14


async def test_the_async_client_does_the_same(house: House, tmp_path: Path) -> None:
    async with AsyncClient(
        house.url, house.key, source="tests", spool=tmp_path / "s.db", clock=NearStart(), durability="power"
    ) as client:
        ids = await asyncio.gather(*(client.record("llm.completion", "acme", TOKENS) for _ in range(40)))
        assert await client.flush(30)
        assert (await client.status()).sent == 40
        assert await client.dead_letters() == []
        assert await client.retry_dead() == await client.drop_dead([1]) == 0
        [total] = await client.control_totals()
        assert total.acked == 40
    assert sorted(await house.stored()) == sorted(ids)


async def test_control_totals_count_each_event_once(house: House, connect: Connect) -> None:
    client = connect(house.url, house.key)
    for hours in (3, 3, 2):
        client.record("llm.completion", "acme", TOKENS, time=START - timedelta(hours=hours))
    client.record("llm.completion", "acme", {"input_tokens": -1, "output_tokens": 1}, time=START - timedelta(hours=2))
    client.record("llm.completion", "acme", TOKENS, id="twice", time=START - timedelta(hours=1))
    assert await asyncio.to_thread(client.flush, 30)
    client.record("llm.completion", "acme", TOKENS, id="twice", time=START - timedelta(hours=1))
    assert await asyncio.to_thread(client.flush, 30)
    totals = client.control_totals()
    assert [total.hour for total in totals] == [START - timedelta(hours=hours) for hours in (3, 2, 1)]
    assert [(total.events, total.acked, total.dead, total.repeated) for total in totals] == [
        (2, 2, 0, 0),
        (2, 1, 1, 0),
        (1, 1, 0, 1),
    ]
    assert {total.source for total in totals} == {"tests"}


async def test_processes_share_a_spool(house: House, connect: Connect, tmp_path: Path) -> None:
    """Each closes when it is done; what one leaves another one or the test sends."""
    code = (
        "import sys; from autorisen.client import Client; from tests.client.producer import NearStart\n"
        "with Client(*sys.argv[1:3], source=sys.argv[4], spool=sys.argv[3], clock=NearStart()) as client:\n"
        "    for _ in range(300):\n"
        "        print(client.record('llm.completion', 'acme', {'input_tokens': 7, 'output_tokens': 1}))\n"
    )
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", code, house.url, house.key, str(tmp_path / "spool.db"), name),
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
        )
        for name in ("first", "second")
    ]
    printed = [(await process.communicate())[0].decode().split() for process in processes]
    assert await asyncio.to_thread(connect(house.url, house.key).flush, 30)
    assert sorted(await house.stored()) == sorted(printed[0] + printed[1])
    assert await house.used() == 600 * 7
    assert connect(house.url, sending=False).status().sent == 600


async def test_a_fork_goes_on_with_the_same_client(house: House, connect: Connect) -> None:
    client = connect(house.url, house.key)
    client.record("llm.completion", "acme", TOKENS)

    def in_child() -> None:
        for _ in range(5):
            client.record("llm.completion", "acme", TOKENS)
        assert client.flush(30)

    child = multiprocessing.get_context("fork").Process(target=in_child)
    child.start()
    client.record("llm.completion", "acme", TOKENS)
    await asyncio.to_thread(child.join)
    assert child.exitcode == 0
    assert await asyncio.to_thread(client.flush, 30)
    assert await house.used() == 7 * 7


def test_the_transport_of_these_tests_is_real(connect: Connect) -> None:
    assert isinstance(connect("http://127.0.0.1:9", sending=False)._options["transport"], httpx.HTTPTransport)


async def test_the_server_learns_how_many_there_were(house: House, connect: Connect) -> None:
    """Goal: the real server judges the client's totals, and names what it lost."""
    client = connect(house.url, house.key)
    ids = [client.record("llm.completion", "acme", TOKENS, time=START - timedelta(hours=2)) for _ in range(3)]
    assert await asyncio.to_thread(client.flush, 10)
    assert await _told(house, 1) == [(3, 1)]
    assert client.missing_events() == []
    async with house.runtime.unit() as unit:
        await unit.tx.execute("ALTER TABLE metering.events DISABLE TRIGGER events_append_only")
        await unit.tx.execute("DELETE FROM metering.events WHERE event_id = %s", [ids[1]])
    ids.append(client.record("llm.completion", "acme", TOKENS, time=START - timedelta(hours=2)))
    assert await asyncio.to_thread(client.flush, 10)
    assert await _told(house, 2) == [(3, 1), (4, 2)]
    (missing,) = await _lost(client)
    assert (missing.id, missing.reason) == (ids[1], "unknown")
    client.record("llm.completion", "acme", {"input_tokens": -1, "output_tokens": 1}, time=START - timedelta(hours=3))
    assert await asyncio.to_thread(client.flush, 10)
    assert await _told(house, 3) == [(1, 1), (3, 1), (4, 2)]


async def _lost(client: Client) -> list[MissingEvent]:
    """What the client knows to be missing: it asks after the server has written the totals down."""
    while True:
        if found := client.missing_events():
            return found
        await asyncio.sleep(0.05)


async def _told(house: House, count: int) -> list[tuple[int, int]]:
    """Events and revisions of so many control totals."""
    while True:
        async with house.runtime.database.read() as tx:
            found = await tx.execute("SELECT events, revision FROM metering.control_totals ORDER BY hour, revision")
            rows = await found.fetchall()
        if len(rows) == count:
            return rows
        await asyncio.sleep(0.05)
