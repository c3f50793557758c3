"""The web process and the worker process: start, serve, stop gracefully on SIGINT and SIGTERM."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from autorisen.kit.logs import configure_logs
from autorisen.kit.open_runtime import database_server, make_runtime, open_runtime
from autorisen.kit.ports import bind
from autorisen.kit.settings import Settings
from autorisen.kit.spare_collections import spare_collections
from autorisen.kit.work import Registry, Worker

if TYPE_CHECKING:
    import uvicorn

GRACE_SECONDS = 10
PARENT_POLL_SECONDS = 0.5


def serve_web(
    settings: Settings, *, fd: int | None = None, parent: int | None = None, wait_for: int | None = None
) -> int:
    """Serve until told to stop. `fd` is a bound socket of the supervisor; without one the port is bound here.

    `wait_for` is a pipe of the supervisor: nothing begins before it gives a byte. Raises `PortTaken`.
    """
    # Each process loads its own half only: the worker must not wait for the pages, nor the web for the jobs.
    import uvicorn  # noqa: PLC0415 -- see above

    from autorisen.app import create_app  # noqa: PLC0415 -- see above

    configure_logs(level=settings.log_level, log_format=settings.log_format, process="web")
    listener = bind(settings.host, settings.port) if fd is None else socket.socket(fileno=fd)
    if not _may_go_on(wait_for):
        return 0
    # uvicorn raises the signal again once it has stopped; by then there is nothing more to do.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    with database_server(settings) as url:
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(make_runtime(settings, url)),
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        # uvloop where there is one; `asyncio.run` would take the standard library's loop, which is slower.
        spare_collections()
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(_serve(server, listener, parent))
    return 0


async def _serve(server: uvicorn.Server, listener: socket.socket, parent: int | None) -> None:
    def stop() -> None:
        server.should_exit = True

    watch = asyncio.create_task(_stop_without(parent, stop))
    await server.serve(sockets=[listener])
    watch.cancel()


def serve_worker(settings: Settings, *, parent: int | None = None, wait_for: int | None = None) -> int:
    """Work until told to stop; what is being performed then is finished first. `wait_for` as in `serve_web`."""
    from autorisen.worker import registry  # noqa: PLC0415 -- see serve_web

    configure_logs(level=settings.log_level, log_format=settings.log_format, process="worker")
    if not _may_go_on(wait_for):
        return 0
    with database_server(settings) as url:
        spare_collections()
        asyncio.run(_work(settings, url, registry(), parent))
    return 0


async def _work(settings: Settings, url: str, registry: Registry, parent: int | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    watch = asyncio.create_task(_stop_without(parent, stop.set))
    async with open_runtime(settings, url) as runtime:
        await Worker(runtime, registry).run(stop)
    watch.cancel()
    with suppress(asyncio.CancelledError):
        await watch


def _may_go_on(wait_for: int | None) -> bool:
    """Wait for the supervisor's word. False when it closed the pipe without one, or was interrupted."""
    if wait_for is None:
        return True
    try:
        return os.read(wait_for, 1) != b""
    except KeyboardInterrupt:
        return False
    finally:
        os.close(wait_for)


async def _stop_without(parent: int | None, stop: Callable[[], object]) -> None:
    """Stop when the supervisor is gone: nobody would ever stop this process otherwise."""
    if parent is None:
        return
    while os.getppid() == parent:  # noqa: ASYNC110 -- the system has no event for the end of a parent
        await asyncio.sleep(PARENT_POLL_SECONDS)
    stop()
