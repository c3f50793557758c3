"""The embedded server under every account, beside other owners, and after every kind of death."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from autorisen.kit import run_unprivileged
from autorisen.kit.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another account")

OWN_IT = """
import sys, pathlib
from autorisen.kit.embedded_postgres import EmbeddedPostgres
server = EmbeddedPostgres(pathlib.Path(sys.argv[1]), durable=False)
server.start()
print(server.url(), flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that any account may pass; pytest's own is private to whoever runs it."""
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder / "pg", durable=False)
    yield server
    server.stop("immediate")


def ask(server: EmbeddedPostgres, question: str) -> object:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        cursor = connection.execute(question.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def own_elsewhere(data_dir: Path) -> subprocess.Popen[str]:
    """Another process that owns the server until its standard input closes."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWN_IT, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    assert owner.stdout.readline().startswith("postgresql://")
    return owner


def test_first_start_makes_a_utf8_database_and_the_next_keeps_the_data(server: EmbeddedPostgres) -> None:
    server.start()
    assert ask(server, "SHOW server_encoding") == "UTF8"
    assert ask(server, "SELECT lower('ÄÖÜ')") == "äöü"
    ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    assert not server.is_running()
    server.start()
    assert ask(server, "SELECT answer FROM kept") == 42


def test_it_listens_on_no_network_and_its_folders_are_private(server: EmbeddedPostgres) -> None:
    server.start()
    assert ask(server, "SHOW listen_addresses") == ""
    assert server.socket_dir.stat().st_mode & 0o777 == 0o700
    assert server.data_dir.stat().st_mode & 0o777 == 0o700
    assert len(str(server.socket_dir / ".s.PGSQL.5432")) <= 103


def test_durable_by_default_and_fast_for_tests(folder: Path, server: EmbeddedPostgres) -> None:
    server.start()
    assert ask(server, "SHOW fsync") == "off"
    durable = EmbeddedPostgres(folder / "durable")
    durable.start()
    try:
        assert ask(durable, "SHOW fsync") == "on"
        assert ask(durable, "SHOW synchronous_commit") == "on"
    finally:
        durable.stop()


def test_committed_rows_survive_a_kill(server: EmbeddedPostgres) -> None:
    server.start()
    ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    server.kill()
    assert (server.data_dir / "postmaster.pid").exists()
    server.start()
    assert ask(server, "SELECT answer FROM kept") == 42


def test_a_second_process_joins_and_leaves_without_stopping_it(server: EmbeddedPostgres) -> None:
    owner = own_elsewhere(server.data_dir)
    server.start()
    assert not server.owned
    assert ask(server, "SELECT 1") == 1
    server.stop()
    assert server.is_running()
    owner.communicate(timeout=30)
    assert not server.is_running()


def test_the_server_ends_with_its_killed_owner_and_the_next_start_recovers(server: EmbeddedPostgres) -> None:
    owner = own_elsewhere(server.data_dir)
    owner.kill()
    owner.communicate(timeout=30)
    server.start()
    assert server.owned
    assert ask(server, "SELECT 1") == 1


def test_an_orphan_that_lives_on_is_stopped(server: EmbeddedPostgres) -> None:
    """As on systems that do not tell a child when its parent dies."""
    server.start()
    orphan = int((server.data_dir / "postmaster.pid").read_text().splitlines()[0])
    assert server._lock is not None
    server._lock.close()
    heir = EmbeddedPostgres(server.data_dir, durable=False)
    heir.start()
    try:
        assert heir.owned
        assert ask(heir, "SELECT 1") == 1
        assert int((server.data_dir / "postmaster.pid").read_text().splitlines()[0]) != orphan
    finally:
        heir.stop()


def test_a_process_id_that_was_used_again_does_not_stop_the_start(server: EmbeddedPostgres) -> None:
    server.start()
    server.kill()
    pid_file = server.data_dir / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    server.start()
    assert ask(server, "SELECT 1") == 1


def test_an_interrupted_initdb_leaves_nothing_behind(server: EmbeddedPostgres) -> None:
    half_made = server.data_dir.with_name("pg.new")
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18")
    server.start()
    assert ask(server, "SELECT 1") == 1
    assert not half_made.exists()


def test_a_socket_folder_of_somebody_else_is_refused(folder: Path) -> None:
    trap = folder / "trap"
    trap.symlink_to(folder)
    server = EmbeddedPostgres(folder / "pg", socket_dir=trap, durable=False)
    with pytest.raises(EmbeddedPostgresError, match="belongs to somebody else"):
        server.start()


def test_only_the_owner_can_kill(server: EmbeddedPostgres) -> None:
    with pytest.raises(EmbeddedPostgresError, match="Only the owner"):
        server.kill()


@as_root
def test_root_hands_the_server_to_an_ordinary_account(server: EmbeddedPostgres) -> None:
    server.start()
    pid = int((server.data_dir / "postmaster.pid").read_text().splitlines()[0])
    owner = Path(f"/proc/{pid}").stat().st_uid
    assert owner != 0
    assert server.data_dir.stat().st_uid == owner


@as_root
def test_root_passes_folders_that_only_root_may_enter(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "checkout" / "pg", durable=False)
    server.start()
    try:
        assert ask(server, "SELECT 1") == 1
        assert closed.stat().st_mode & 0o777 == 0o700
    finally:
        server.stop()


@as_root
def test_an_ordinary_account_runs_it_by_itself() -> None:
    """As `nobody`, who keeps the right to read, because this Python may be where only root can."""
    nobody = pwd.getpwnam("nobody")
    home = Path(tempfile.gettempdir()) / f"autorisen-test-{os.getpid()}"
    home.mkdir(mode=0o755)
    try:
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
        become = [sys.executable, run_unprivileged.__file__, str(nobody.pw_uid), str(nobody.pw_gid), "1", "-"]
        done = subprocess.run(
            [*become, sys.executable, "-c", OWN_IT, str(home / "pg")],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"], "TMPDIR": str(home)},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert (home / "pg").stat().st_uid == nobody.pw_uid
    finally:
        shutil.rmtree(home)


def test_ctrl_c_in_the_terminal_does_not_reach_it(server: EmbeddedPostgres) -> None:
    server.start()
    pid = int((server.data_dir / "postmaster.pid").read_text().splitlines()[0])
    assert os.getpgid(pid) != os.getpgid(0)
    os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + 10
    while server.is_running() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not server.is_running()
