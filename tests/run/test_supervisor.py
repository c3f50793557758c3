"""`autorisen up`: what dies starts again, Ctrl-C stops it in order, a kill -9 leaves nothing to mend."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.run.installation import Installation, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for the tests of this file, which leave it running."""
    installation = Installation(tmp_path_factory.mktemp("installation"))
    installation.up("--no-demo")
    try:
        installation.wait_until_ready()
        yield installation
    finally:
        installation.kill_everything()


def is_gone(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    if status.exists() and "\nState:\tZ" in status.read_text():
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_it_answers_and_says_where(running: Installation) -> None:
    assert running.get("/api/health").json()["status"] == "ok"
    assert f"http://127.0.0.1:{running.port}" in running.said()


def test_services_health_lists_every_part(running: Installation) -> None:
    answer = running.get("/services/health").json()
    names = {"database", "storage", "worker", "queue", "webhooks", "payments", "events", "reconciliation", "audit"}
    assert {part["name"] for part in answer["components"]} == names


def test_a_taken_port_says_what_to_do(running: Installation, tmp_path: Path) -> None:
    second = Installation(tmp_path, port=running.port)
    done = second.run("up", "--no-demo")
    assert done.returncode == 2
    assert f"Port {running.port} is taken" in done.stdout
    assert f"PORT={running.port + 1}" in done.stdout
    assert not (second.home / "postgres").exists()


def test_the_same_data_twice_says_what_to_do(running: Installation) -> None:
    second = Installation(running.folder)
    done = second.run("up", "--no-demo")
    assert done.returncode == 2
    assert "already runs on the data" in done.stdout
    assert running.is_healthy()


def test_commands_join_the_running_installation(running: Installation) -> None:
    done = running.run("db", "status")
    assert done.returncode == 0, done.stderr
    assert running.is_healthy()


def test_reset_refuses_while_it_runs(running: Installation) -> None:
    done = running.run("reset", "--yes")
    assert done.returncode == 2
    assert "stop it first" in done.stderr
    assert running.is_healthy()


@pytest.mark.parametrize("name", ["web", "worker"])
def test_a_killed_process_starts_again(running: Installation, name: str) -> None:
    before = running.pids()
    os.kill(before[name], signal.SIGKILL)
    wait_until(lambda: running.pids()[name] != before[name], what=f"a new {name} process")
    wait_until(running.is_healthy, what="a healthy answer")
    assert running.pids()["supervisor"] == before["supervisor"]


def test_a_killed_database_starts_again(running: Installation) -> None:
    before = running.database_pid()
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: running.is_healthy() and running.database_pid() != before, what="a new database server")


def start_again(installation: Installation) -> None:
    installation.output.unlink()
    installation.up("--no-demo")
    installation.wait_until_ready()


def test_ctrl_c_stops_all_of_it_and_the_next_start_has_the_data(running: Installation) -> None:
    pids = [*running.pids().values(), running.database_pid()]
    key = (running.home / "secret_key").read_text()
    assert running.interrupt() == 0, running.said()
    assert all(is_gone(pid) for pid in pids)
    assert not (running.home / "postgres" / "postmaster.pid").exists()
    start_again(running)
    assert "Starting the database" in running.said()
    assert (running.home / "secret_key").read_text() == key


def test_after_a_kill_of_everything_the_next_start_recovers(running: Installation) -> None:
    pids = running.pids()
    running.kill_everything()
    wait_until(lambda: all(is_gone(pid) for pid in pids.values()), what="the end of the group")
    with pytest.raises(httpx.HTTPError):
        running.get("/alive")
    start_again(running)
    assert running.is_healthy()


def test_reset_forgets_what_is_ours_and_nothing_else(running: Installation) -> None:
    assert running.interrupt() == 0, running.said()
    (running.home / "keep.txt").write_text("not ours")
    done = running.run("reset", "--yes")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in running.home.iterdir()] == ["keep.txt"]
