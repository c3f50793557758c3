"""The world around the house: a PostgreSQL of the test's own, a wire that is cut, a disk that fills."""

from __future__ import annotations

import asyncio
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from urllib.parse import urlsplit

from autorisen.kit.embedded_postgres import EmbeddedPostgres
from autorisen.kit.migrate import migrate


@contextmanager
def own_postgres(folder: Path) -> Iterator[EmbeddedPostgres]:
    """A durable server, migrated, on a folder that its account may enter."""
    for each in (folder, *folder.parents[:2]):
        each.chmod(each.stat().st_mode | 0o055)
    server = EmbeddedPostgres(folder / "pg")
    server.start()
    try:
        migrate(server.url())
        yield server
    finally:
        server.stop("immediate")


class Wire:
    """A TCP address on loopback that leads to a server's unix socket, and whose connections can be reset.

    `cut_at(phase)` resets the next connection that commits: `before` the commit is passed on, `during` it (half of the
    message passed), `after` it was done and before the answer arrives; `bytes` after so many bytes of any kind.
    """

    COMMIT = b"COMMIT\0"

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._socket = f"{server.socket_dir}/.s.PGSQL.5432"
        self._server: asyncio.Server | None = None
        self._phase = ""
        self._bytes = 0
        self._cut = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> Wire:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # the transports close a turn later

    def url(self, direct: str) -> str:
        """The address of the database by this wire."""
        parts = urlsplit(direct)
        return f"postgresql://{parts.username}@127.0.0.1:{self.port}{parts.path}"

    async def cut_at(self, phase: str, size: int = 0) -> None:
        """Wait until a connection was cut in this phase."""
        self._cut.clear()
        self._bytes = size
        self._phase = phase
        await asyncio.wait_for(self._cut.wait(), 30)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            back_reader, back_writer = await asyncio.open_unix_connection(self._socket)
        except OSError:
            _reset(writer)
            return
        committed = asyncio.Event()
        pumps = [
            asyncio.create_task(self._to_server(reader, back_writer, committed)),
            asyncio.create_task(self._to_client(back_reader, writer, committed)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            _reset(writer)
            back_writer.transport.abort()
            self._tasks.discard(task)

    async def _to_server(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, committed: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(65_536):
                place = chunk.find(self.COMMIT)
                self._bytes -= len(chunk)
                if self._phase == "bytes" and self._bytes <= 0:
                    self._done()
                    return
                if place >= 0 and self._phase in ("before", "during"):
                    writer.write(chunk[:place] if self._phase == "before" else chunk[: place + 3])
                    await writer.drain()
                    self._done()
                    return
                if place >= 0 and self._phase == "after":
                    committed.set()
                writer.write(chunk)
                await writer.drain()

    async def _to_client(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, committed: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(65_536):
                if committed.is_set() and b"COMMIT" in chunk and self._phase == "after":
                    self._done()
                    return
                writer.write(chunk)
                await writer.drain()

    def _done(self) -> None:
        self._phase = ""
        self._cut.set()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST, as a host that lost power does when it is asked again."""
    peer = writer.get_extra_info("socket")
    with suppress(OSError):
        peer.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class SmallDisk:
    """A file system of its own for the folder of a server, which can be filled. Raises `OSError` where none may be."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self._folder = folder
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
        try:
            done = subprocess.run(mount, check=False, capture_output=True, text=True)
        except FileNotFoundError as error:
            raise OSError(str(error)) from error
        if done.returncode:
            raise OSError(done.stderr.strip())

    def fill(self) -> None:
        with (self._folder / "ballast").open("ab", buffering=0) as ballast, suppress(OSError):
            while True:
                ballast.write(bytes(65_536))

    def free(self) -> None:
        (self._folder / "ballast").unlink()

    def close(self) -> None:
        subprocess.run(["umount", "--lazy", str(self._folder)], check=True)
