"""Fixtures of billing's tests."""

from __future__ import annotations

import httpx
import pytest

from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from tests.factories.billing import Shop


@pytest.fixture
def shop(runtime: Runtime, worker: Worker, client: httpx.AsyncClient, clock: FrozenClock) -> Shop:
    return Shop(runtime, worker, client, clock)
