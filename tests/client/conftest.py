"""The real application on a real port of the loopback, and clients of it with their own spool."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol, Unpack

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from autorisen.client import Client, Options
from autorisen.kit.unit import Runtime
from tests.client.edge import Edge, serving
from tests.client.producer import NearStart
from tests.factories.accounts import make_customer, make_key
from tests.factories.metering import make_meters, usage
from tests.run.installation import free_port


class House:
    """The application, which can go away and come back on its port."""

    def __init__(self, app: FastAPI, runtime: Runtime, headers: dict[str, str]) -> None:
        self.runtime = runtime
        self.headers = headers
        self.key = headers["Authorization"].removeprefix("Bearer ")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._app = app
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        config = uvicorn.Config(self._app, port=self.port, lifespan="off", log_config=None)
        self._server = uvicorn.Server(config)
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started:
            assert not self._task.done()
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        if self._server is not None and self._task is not None:
            self._server.should_exit = self._server.force_exit = True
            await self._task
            self._server = None

    async def stored(self) -> list[str]:
        """The ids of all stored events; one that is stored twice is there twice."""
        async with self.runtime.database.read() as tx:
            return [row[0] for row in await (await tx.execute("SELECT event_id FROM metering.events")).fetchall()]

    async def used(self, subject: str = "acme", meter: str = "llm.input_tokens") -> int:
        """What the product says was used."""
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as http:
            return int((await usage(http, self.headers, customer=subject))[meter][0])


@pytest.fixture
async def house(app: FastAPI, runtime: Runtime) -> AsyncIterator[House]:
    await make_meters(runtime)
    async with runtime.unit() as unit:
        await make_customer(unit)
        headers = await make_key(unit, None)
    house = House(app, runtime, headers)
    await house.open()
    yield house
    await house.close()


class Connect(Protocol):
    """Makes clients that are closed when the test ends."""

    def __call__(self, url: str, key: str = ..., **options: Unpack[Options]) -> Client: ...


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Connect]:
    with ExitStack() as open_clients:

        def connect(url: str, key: str = "a-key", **options: Unpack[Options]) -> Client:
            given: Options = {
                "clock": NearStart(),
                "interval_seconds": 0.02,
                "backoff_seconds": 0.2,
                "transport": httpx.HTTPTransport(),
            }
            client = Client(url, key, source="tests", spool=tmp_path / "spool.db", **(given | options))
            open_clients.callback(client.close, 0.2)
            return client

        yield connect


@pytest.fixture
def edge() -> Iterator[Edge]:
    with serving() as edge:
        yield edge
