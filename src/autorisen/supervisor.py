"""`autorisen up`: one process that owns the database, starts web and worker, and restarts what dies."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console

from autorisen.kit.embedded_postgres import EmbeddedPostgres
from autorisen.kit.open_runtime import embedded_server, with_secret_key
from autorisen.kit.ports import PortTaken, bind, reachable
from autorisen.kit.schema_revision import is_up_to_date
from autorisen.kit.settings import Settings

HEALTHY_SECONDS = 60.0
STOP_SECONDS = 15.0
SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
STABLE_SECONDS = 10.0  # A process that lived this long starts again at once.
POLL_SECONDS = 0.1
OWN_FILES = ("postgres.lock", "postgres.log", "postgres.log.1", "demo.json", "secret_key", "processes.json")
OWN_FOLDERS = ("postgres", "postgres.new", "logs")


class NotStarted(Exception):
    """The start failed for a reason that the message tells."""


@dataclass
class Child:
    """One supervised process. `pause` grows while it keeps dying young."""

    name: str
    arguments: list[str]
    log_path: Path
    pass_fds: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause: float = SHORTEST_PAUSE
    start_at: float = field(default=0.0)

    def start(self, *, wait_for: int | None = None) -> None:
        """Start the process. With `wait_for` it loads its code, and goes on when that pipe says so."""
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        wait = () if wait_for is None else ("--wait-for", str(wait_for))
        with self.log_path.open("ab") as log:
            # In our process group: a kill -9 of the group takes it along, and Ctrl-C reaches it as it reaches us.
            self.process = subprocess.Popen(
                [sys.executable, "-m", "autorisen", *self.arguments, *wait, "--parent", str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=self.pass_fds if wait_for is None else (*self.pass_fds, wait_for),
            )
        self.started_at = time.monotonic()

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def died(self) -> None:
        """Decide when it starts again."""
        lived = time.monotonic() - self.started_at
        self.pause = SHORTEST_PAUSE if lived > STABLE_SECONDS else min(self.pause * 2, LONGEST_PAUSE)
        self.start_at = time.monotonic() + self.pause
        self.process = None


class Supervisor:
    """Starts and keeps one installation running until it is told to stop."""

    def __init__(self, settings: Settings, *, demo: bool | None = None) -> None:
        self._settings = with_secret_key(settings)
        self._demo = settings.is_sandbox and (settings.is_embedded if demo is None else demo)
        self._console = Console(highlight=False, soft_wrap=True)
        self._server: EmbeddedPostgres | None = None
        self._listener: socket.socket | None = None
        self._children: list[Child] = []
        self._announced = False

    def run(self) -> int:
        """Run until SIGINT or SIGTERM. Gives the exit code: 0 stopped, 1 failed, 2 cannot start like this."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _interrupt)
        try:
            self._start()
            self._watch()
        except PortTaken as error:
            self._console.print(f"[red]{error}[/]")
            return 2
        except NotStarted as error:
            self._console.print(f"[red]{error}[/]")
            return 1
        except KeyboardInterrupt:
            self._console.print("\nStopping ...")
            return 0
        finally:
            self._stop()

    def _start(self) -> None:
        begin = time.monotonic()
        settings = self._settings
        self._listener = bind(settings.host, settings.port)
        demo = self._seeded()
        with self._children_loading():
            url = self._start_database()
            self._migrate(url)
            if self._demo and not demo["api_key"]:
                self._seed_demo("--no-usage")
            self._write_processes()
        self._wait_until_healthy()
        self._console.print(f"[green]autorisen answers[/] after {time.monotonic() - begin:.1f} s")
        if self._demo and not demo["complete"]:
            self._seed_demo("--no-accounts")
        self._print_welcome()

    @contextmanager
    def _children_loading(self) -> Iterator[None]:
        """Web and worker load their code, which takes longest, while the database starts; then they may use it."""
        assert self._listener is not None, "the port is bound first"
        logs, fd = self._settings.home / "logs", self._listener.fileno()
        self._children = [
            Child("web", ["web", "--fd", str(fd)], logs / "web.log", pass_fds=(fd,)),
            Child("worker", ["worker"], logs / "worker.log"),
        ]
        ready, go = os.pipe()
        try:
            for child in self._children:
                child.start(wait_for=ready)
            yield
            os.write(go, b"go"[: len(self._children)])
        finally:  # Without the word, the closed pipe tells them to end.
            os.close(ready)
            os.close(go)

    def _start_database(self) -> str:
        if not self._settings.is_embedded:
            return self._settings.database_url
        first = not (self._settings.home / "postgres").exists()
        self._console.print("Making the database ..." if first else "Starting the database ...")
        self._server = embedded_server(self._settings)
        self._server.start()
        if not self._server.owned:
            raise PortTaken(
                f"autorisen already runs on the data in {self._settings.home}. Stop it first, "
                "or use other data with AUTORISEN_HOME=another-folder."
            )
        return self._server.url()

    def _migrate(self, url: str) -> None:
        if is_up_to_date(url):
            return
        from autorisen.kit.migrate import current_revision, head_revision, migrate  # noqa: PLC0415 -- slow to load

        if self._settings.is_embedded or self._settings.allow_migrations:
            migrate(url)
            return
        at, needed = current_revision(url), head_revision()
        if at != needed:
            raise NotStarted(
                f"The database is at revision {at or 'none'}, this release needs {needed}. "
                "Run `ALLOW_MIGRATIONS=1 autorisen db migrate` first."
            )

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + HEALTHY_SECONDS
        while time.monotonic() < deadline:
            if self._healthy():
                return
            dead = next((child for child in self._children if not child.alive), None)
            if dead is not None:
                raise NotStarted(f"The {dead.name} process ended at its start.\n{_tail(dead.log_path)}")
            time.sleep(POLL_SECONDS)
        raise NotStarted(f"No healthy answer within {HEALTHY_SECONDS:.0f} s; see {self._settings.home / 'logs'}")

    def _healthy(self) -> bool:
        connection = http.client.HTTPConnection(reachable(self._settings.host), self._settings.port, timeout=3)
        try:
            connection.request("GET", "/api/health")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _seeded(self) -> Mapping[str, Any]:
        """How far the demo is: its key is made last of the accounts, which come before the first healthy answer."""
        path = self._settings.home / "demo.json"
        nothing = {"api_key": "", "complete": False}
        return nothing | json.loads(path.read_text(encoding="utf-8")) if path.exists() else nothing

    def _seed_demo(self, part: str) -> None:
        done = subprocess.run([sys.executable, "-m", "autorisen", "demo", "seed", part], check=False)
        if done.returncode != 0:
            self._console.print("[yellow]The demo could not be seeded; autorisen runs without it.[/]")

    def _watch(self) -> NoReturn:
        while True:
            time.sleep(POLL_SECONDS)
            if self._server is not None and not self._server.is_running():
                self._console.print("[yellow]The database ended; starting it again.[/]")
                self._server.start()
            for child in self._children:
                self._revive(child)

    def _revive(self, child: Child) -> None:
        if child.process is not None and not child.alive:
            code = child.process.returncode
            child.died()
            self._console.print(f"[yellow]The {child.name} process ended ({code}); starting it again.[/]")
        if child.process is None and time.monotonic() >= child.start_at:
            child.start()
            self._write_processes()

    def _stop(self) -> None:
        # From here on a second Ctrl-C must not interrupt the stop; web and worker get it too and hurry.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for child in self._children:
            if child.process is not None and child.alive:
                child.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in self._children:
            if child.process is None:
                continue
            try:
                child.process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
        if self._server is not None:
            self._server.stop()
        if self._listener is not None:
            self._listener.close()
        if self._announced:  # Otherwise the file is another supervisor's.
            (self._settings.home / "processes.json").unlink(missing_ok=True)

    def _write_processes(self) -> None:
        """The process ids, for people who look and for tests that kill."""
        pids = {child.name: child.process.pid for child in self._children if child.process is not None}
        path = self._settings.home / "processes.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".tmp")
        draft.write_text(json.dumps({"supervisor": os.getpid(), **pids}))
        draft.replace(path)
        self._announced = True

    def _print_welcome(self) -> None:
        say = self._console.print
        say(f"\n[bold]autorisen is ready:[/] {self._settings.base_url}")
        demo_path = self._settings.home / "demo.json"
        if self._demo and demo_path.exists():
            demo = json.loads(demo_path.read_text())
            for who in ("customer", "operator"):
                say(f"  {who + ':':<10} {demo[who]['email']}   password: {demo[who]['password']}")
            say(f"  {'API key:':<10} {demo['api_key']}   (the operator's: all customers, all scopes)")
        say(f"Logs are in {self._settings.home / 'logs'}. Ctrl-C stops everything; the data is kept.\n")


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _tail(path: Path, lines: int = 20) -> str:
    if not path.exists():
        return ""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def forget_home(settings: Settings) -> None:
    """Delete what autorisen keeps under AUTORISEN_HOME, and nothing else. Raises BlockingIOError while it runs."""
    home = settings.home
    with (home / "postgres.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for name in OWN_FOLDERS:
            shutil.rmtree(home / name, ignore_errors=True)
        for name in OWN_FILES:
            (home / name).unlink(missing_ok=True)
    if not any(home.iterdir()):
        home.rmdir()
