"""Make the runtime of a process from its settings: database server, pool, clocks, ids, secret key."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import httpx

from autorisen.kit.clock import Clock, SandboxClock, SystemClock
from autorisen.kit.database import Database
from autorisen.kit.embedded_postgres import EmbeddedPostgres
from autorisen.kit.ids import Ids
from autorisen.kit.problems import Unavailable
from autorisen.kit.sandbox_clock import refresh
from autorisen.kit.settings import Settings
from autorisen.kit.unit import Runtime

WEBHOOK_SECONDS = 10.0


def embedded_server(settings: Settings) -> EmbeddedPostgres:
    """The embedded server of this installation, not started."""
    return EmbeddedPostgres(settings.home / "postgres")


@contextmanager
def database_server(settings: Settings) -> Iterator[str]:
    """The URL of the database, with the embedded server started, or joined, when DATABASE_URL is not set.

    Enter it in the main thread, before the event loop: the embedded server ends with the thread that started it.
    """
    if not settings.is_embedded:
        yield settings.database_url
        return
    server = embedded_server(settings)
    server.start()
    try:
        yield server.url()
    finally:
        server.stop()


def with_secret_key(settings: Settings) -> Settings:
    """Settings with the secret key; the sandbox makes its own once and keeps it under AUTORISEN_HOME."""
    if settings.secret_key:
        return settings
    path = settings.home / "secret_key"
    if not path.exists():
        settings.home.mkdir(parents=True, exist_ok=True)
        _write_once(path, Ids(SystemClock()).token(48))
    return replace(settings, secret_key=path.read_text(encoding="utf-8").strip())


def _write_once(path: Path, text: str) -> None:
    """Two that start together must end with one key: the link fails for the second. Only the owner may read it."""
    opened, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    os.close(opened)
    draft = Path(name)
    draft.write_text(text, encoding="utf-8")
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


async def deliver_over_http(url: str, headers: Mapping[str, str], body: bytes) -> int:
    """Post a webhook and give the status code. Raises httpx.HTTPError when nobody answers."""
    # The environment's proxy is for the internet; the sandbox gateway talks to this installation.
    async with httpx.AsyncClient(timeout=WEBHOOK_SECONDS, trust_env=False) as client:
        return (await client.post(url, headers=dict(headers), content=body)).status_code


def make_runtime(settings: Settings, url: str) -> Runtime:
    """A runtime whose database pool is not open yet; the web app opens it by itself."""
    wall = SystemClock()
    clock: Clock = SandboxClock(wall) if settings.is_sandbox else wall
    database = Database(url, max_size=settings.database_pool_max)
    return Runtime(with_secret_key(settings), database, clock, wall, Ids(wall), deliver_over_http)


@asynccontextmanager
async def open_runtime(settings: Settings, url: str) -> AsyncIterator[Runtime]:
    """A runtime with its pool open and its clock in step with the other processes."""
    runtime = make_runtime(settings, url)
    await runtime.database.open()
    try:
        with suppress(Unavailable):  # A worker may start before its database; it keeps trying by itself.
            await refresh(runtime)
        yield runtime
    finally:
        await runtime.database.close()
