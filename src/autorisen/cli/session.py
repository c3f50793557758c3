"""How a command gets a runtime: read the settings, start or join the database, run one coroutine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from autorisen.kit.open_runtime import database_server, open_runtime
from autorisen.kit.settings import Settings, load_settings
from autorisen.kit.unit import Runtime

T = TypeVar("T")


def with_runtime(action: Callable[[Runtime], Awaitable[T]], settings: Settings | None = None) -> T:
    """Run `action` on an open runtime. Works beside a running installation and without one."""
    settings = settings or load_settings()

    async def run(url: str) -> T:
        async with open_runtime(settings, url) as runtime:
            return await action(runtime)

    with database_server(settings) as url:
        return asyncio.run(run(url))
