"""A customer on Free as a key sees it."""

from __future__ import annotations

import httpx
import pytest

from autorisen.kit.unit import Runtime
from tests.factories.holds import Caller, World, make_world


@pytest.fixture
async def world(runtime: Runtime) -> World:
    async with runtime.unit() as unit:
        return await make_world(unit)


@pytest.fixture
def acme(client: httpx.AsyncClient, world: World) -> Caller:
    return Caller(client, world.own)
