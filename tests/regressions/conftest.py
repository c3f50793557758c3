"""Fixtures of the regression tests."""

from __future__ import annotations

import httpx
import pytest

from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from tests.factories.accounts import make_key
from tests.factories.billing import Shop


@pytest.fixture
async def shop(runtime: Runtime, worker: Worker, client: httpx.AsyncClient, clock: FrozenClock) -> Shop:
    """The platform, whose client carries a key of the operator."""
    async with runtime.unit() as unit:
        client.headers.update(await make_key(unit, None))
    return Shop(runtime, worker, client, clock)
