"""The embedded server takes what the machine has, never more than the container around it may."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from autorisen.kit.embedded_postgres import EmbeddedPostgres
from autorisen.kit.postgres_settings import _sized, memory_bytes, server_settings

GB = 1024**3


@pytest.mark.parametrize(
    "memory, free, expected",
    [
        (GB // 4, GB, ("128MB", "1024MB", "128MB")),
        (8 * GB, 16 * GB, ("2048MB", "2048MB", "256MB")),
        (512 * GB, 4000 * GB, ("4096MB", "8192MB", "1024MB")),
    ],
)
def test_sizes_follow_the_machine_within_limits(memory: int, free: int, expected: tuple[str, str, str]) -> None:
    sized = _sized(memory, free)
    assert (sized["shared_buffers"], sized["max_wal_size"], sized["min_wal_size"]) == expected


def test_the_limit_of_a_container_counts(tmp_path: Path) -> None:
    limit = tmp_path / "memory.max"
    machine = memory_bytes(())
    limit.write_text("max\n")
    assert memory_bytes((limit, tmp_path / "absent")) == machine
    limit.write_text("268435456\n")
    assert memory_bytes((limit,)) == 268_435_456


def test_a_server_starts_with_them_and_stays_durable(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("sized")
    folder.chmod(0o755)
    wanted = server_settings(folder / "not" / "yet", durable=True)
    assert not {"fsync", "full_page_writes", "synchronous_commit"} & wanted.keys()
    server = EmbeddedPostgres(folder / "pg")
    server.start()
    try:
        with psycopg.connect(server.url()) as connection:
            for name in ("fsync", "full_page_writes", "synchronous_commit"):
                assert connection.execute("SELECT current_setting(%s)", [name]).fetchone() == ("on",)
            found = connection.execute("SELECT pg_size_bytes(current_setting('shared_buffers')) >> 20").fetchone()
        assert found == (int(wanted["shared_buffers"].removesuffix("MB")),)
    finally:
        server.stop("immediate")
