"""The real application on a port of its own, for the clients that others publish."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from openmeter import Client
from openmeter.models import Event

from autorisen.kit.unit import Runtime
from tests.factories.accounts import Tenant, make_key, make_tenant
from tests.factories.metering import make_meters


@dataclass(frozen=True)
class House:
    """Two tenants and an operator with keys of all scopes, the shipped meters, and where the application listens."""

    url: str
    acme: Tenant
    zulu: Tenant
    operator: dict[str, str]

    @staticmethod
    def secret(headers: dict[str, str]) -> str:
        """The key itself, as a foreign client takes it."""
        return headers["Authorization"].removeprefix("Bearer ")


@pytest.fixture
async def url(app: FastAPI) -> AsyncIterator[str]:
    """Where the application of this test listens; foreign clients block, so tests call them in threads."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_config=None, ws="none"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 -- uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving


@pytest.fixture
async def house(runtime: Runtime, url: str) -> House:
    await make_meters(runtime)
    async with runtime.unit() as unit:
        return House(url, await make_tenant(unit, "acme"), await make_tenant(unit, "zulu"), await make_key(unit, None))


@pytest.fixture
def openmeter(house: House) -> Iterator[Client]:
    """OpenMeter's client with a key of acme."""
    with Client(endpoint=f"{house.url}/compat/openmeter", token=house.secret(house.acme.headers)) as client:
        yield client


def openmeter_event(id: str, tokens: Any = 10, **attributes: Any) -> Event:
    """An event of their client at half past seven, the clock being at eight."""
    given = {
        "id": id,
        "source": "chat",
        "specversion": "1.0",
        "type": "llm.completion",
        "subject": "acme",
        "time": datetime(2026, 3, 1, 7, 30, tzinfo=UTC),
    }
    return Event({**given, "data": {"input_tokens": tokens, "output_tokens": 1}, **attributes})
