"""An installation under test: the real command in its own folder, on its own port."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

START_SECONDS = 120.0
STOP_SECONDS = 40.0


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], *, seconds: float = START_SECONDS, what: str) -> None:
    """Poll until the condition holds; fail with `what` when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.05)


class Installation:
    """`autorisen` in a folder. `command` is how it is called there."""

    def __init__(self, folder: Path, *, command: list[str] | None = None, port: int | None = None) -> None:
        self.folder = folder
        self.home = folder / ".autorisen"
        self.port = port or free_port()
        self.command = command or [sys.executable, "-m", "autorisen"]
        self.output = folder / f"up-{self.port}.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
        return kept | {"PORT": str(self.port)}

    def up(self, *options: str) -> None:
        """Start it in a process group of its own, as a terminal would."""
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [*self.command, "up", *options],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        """Until the welcome is printed. Fails with the output when the process ends before."""

        def ready() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, self.said()
            return "autorisen is ready" in self.said()

        wait_until(ready, what=f"a start; it said: {self.said()}")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command in the same folder, to its end."""
        return subprocess.run(
            [*self.command, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )

    def said(self) -> str:
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=10, trust_env=False)

    def is_healthy(self) -> bool:
        try:
            return self.get("/api/health").status_code == 200
        except httpx.HTTPError:
            return False

    def pids(self) -> dict[str, int]:
        found: dict[str, int] = json.loads((self.home / "processes.json").read_text())
        return found

    def database_pid(self) -> int:
        return int((self.home / "postgres" / "postmaster.pid").read_text().splitlines()[0])

    def interrupt(self) -> int:
        """Ctrl-C: SIGINT to the whole group. Gives the exit code."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(timeout=STOP_SECONDS)

    def kill_everything(self) -> None:
        """kill -9 of the whole group."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=STOP_SECONDS)
