"""The interface's own tests need the application but no database: theirs is never opened."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from autorisen.kit.clock import FrozenClock, SandboxClock
from autorisen.kit.database import Database
from autorisen.kit.ids import seeded_ids
from autorisen.kit.settings import Settings
from autorisen.kit.unit import Runtime


@pytest.fixture
def runtime(settings: Settings, clock: FrozenClock) -> Runtime:
    async def deliver_webhook(url: str, headers: Mapping[str, str], body: bytes) -> int:
        raise AssertionError(f"no page of the interface posts to {url}")

    database = Database("postgresql:///never-opened", max_size=1)
    return Runtime(settings, database, SandboxClock(clock), clock, seeded_ids(clock, 7), deliver_webhook)
