"""How a command gets a runtime: read the settings, start or join the database, run one coroutine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

import httpx

from autorisen.kit.logs import configure_logs
from autorisen.kit.open_runtime import database_server, open_runtime
from autorisen.kit.problems import Conflict
from autorisen.kit.schema_revision import is_up_to_date
from autorisen.kit.settings import Settings, load_settings
from autorisen.kit.unit import Runtime

T = TypeVar("T")


@asynccontextmanager
async def in_process(runtime: Runtime) -> AsyncIterator[tuple[Runtime, httpx.AsyncClient]]:
    """The runtime with webhooks delivered within this process, and a browser on the same app.

    So the sandbox's webhooks arrive when no web process runs, and when this shell knows nothing of its port.
    """
    from autorisen.app import create_app

    async def deliver(url: str, headers: Mapping[str, str], body: bytes) -> int:
        return (await browser.post(url, headers=dict(headers), content=body)).status_code

    runtime = replace(runtime, deliver_webhook=deliver)
    transport = httpx.ASGITransport(create_app(runtime))
    async with httpx.AsyncClient(transport=transport, base_url=runtime.settings.base_url) as browser:
        yield runtime, browser


class NotMigrated(Conflict):
    """The database lacks tables that this release needs, or has ones of a newer release."""

    code, title = "not_migrated", "The database does not fit this release"


def with_runtime(action: Callable[[Runtime], Awaitable[T]], settings: Settings | None = None) -> T:
    """Run `action` on an open runtime. Works beside a running installation and without one."""
    settings = settings or load_settings()
    # On a terminal the command's own words are enough; what failed for good still shows.
    configure_logs(level="error", log_format=settings.log_format, process="cli")

    async def run(url: str) -> T:
        async with open_runtime(settings, url) as runtime:
            return await action(runtime)

    with database_server(settings) as url:
        if not is_up_to_date(url):
            raise NotMigrated("Run `autorisen db migrate` first; `autorisen db status` shows why.")
        return asyncio.run(run(url))
