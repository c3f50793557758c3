"""A whole installation for browser tests: PostgreSQL, web over real HTTP, worker, sandbox gateway; in this process."""

from __future__ import annotations

import asyncio
import socket
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import uvicorn

from autorisen.app import create_app
from autorisen.kit.embedded_postgres import EmbeddedPostgres
from autorisen.kit.migrate import migrate
from autorisen.kit.open_runtime import make_runtime
from autorisen.kit.settings import Settings
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from autorisen.worker import registry
from tests.factories.catalog import apply_shipped

T = TypeVar("T")
START_SECONDS = 30


class Installation:
    """One running installation. `run` performs a coroutine on its event loop, where its database pool lives."""

    def __init__(self, settings: Settings, url: str, listener: socket.socket) -> None:
        self.runtime = make_runtime(settings, url)
        self.base_url = settings.base_url
        self._listener = listener
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)

    def start(self) -> None:
        self._thread.start()
        if not self._ready.wait(START_SECONDS):
            raise TimeoutError(f"the installation did not start in {START_SECONDS} s")

    def run(self, action: Callable[[Runtime], Awaitable[T]]) -> T:
        async def perform() -> T:
            return await action(self.runtime)

        return asyncio.run_coroutine_threadsafe(perform(), self._loop).result(timeout=60)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=30)
        self._loop.close()

    async def _serve(self) -> None:
        config = uvicorn.Config(create_app(self.runtime), log_config=None, access_log=False, lifespan="on")
        server = uvicorn.Server(config)
        web = asyncio.create_task(server.serve(sockets=[self._listener]))
        while not server.started:  # noqa: ASYNC110 -- uvicorn has no event for it
            await asyncio.sleep(0.02)
        async with self.runtime.unit() as unit:
            await apply_shipped(unit)
        worker = asyncio.create_task(Worker(self.runtime, registry()).run(self._stop))
        self._ready.set()
        await self._stop.wait()
        await worker
        server.should_exit = True
        await web


@contextmanager
def installation() -> Iterator[Installation]:
    """A fresh installation on a free port of the loopback interface, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="autorisen-browser-") as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres(Path(folder) / "pg", durable=False)
        server.start()
        listener = socket.create_server(("127.0.0.1", 0))
        try:
            migrate(server.url(), "head")
            settings = Settings(
                home=Path(folder),
                port=listener.getsockname()[1],
                secret_key="a-secret-key-for-tests-only-0123456789",
                supplier_name="Acme Agents (Pty) Ltd",
                supplier_address="1 Long Street|Cape Town|8001",
                supplier_vat_number="4123456789",
                worker_poll_milliseconds=100,
            )
            running = Installation(settings, server.url(), listener)
            running.start()
            try:
                yield running
            finally:
                running.stop()
        finally:
            listener.close()
            server.stop("immediate")
