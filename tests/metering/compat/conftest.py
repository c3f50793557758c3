"""The real application on a port of its own, for the clients that others publish."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import uvicorn
from fastapi import FastAPI

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
