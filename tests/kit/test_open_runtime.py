"""How a process gets its runtime from its settings."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from autorisen.kit.clock import SandboxClock, SystemClock
from autorisen.kit.open_runtime import database_server, make_runtime, open_runtime, with_secret_key
from autorisen.kit.settings import Settings


def test_a_given_database_is_used_as_it_is() -> None:
    with database_server(Settings(database_url="postgresql://elsewhere/db")) as url:
        assert url == "postgresql://elsewhere/db"


def test_the_sandbox_makes_one_private_key_and_keeps_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "new")
    key = with_secret_key(settings).secret_key
    assert len(key) >= 32
    assert with_secret_key(settings).secret_key == key
    path = settings.home / "secret_key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in settings.home.iterdir()] == ["secret_key"]


def test_processes_that_start_together_agree_on_the_key(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with ThreadPoolExecutor(4) as pool:
        keys = {each.secret_key for each in pool.map(with_secret_key, [settings] * 8)}
    assert len(keys) == 1


def test_a_given_key_is_kept(tmp_path: Path) -> None:
    assert with_secret_key(Settings(home=tmp_path, secret_key="given")).secret_key == "given"
    assert list(tmp_path.iterdir()) == []


def test_only_the_sandbox_has_a_clock_that_moves(settings: Settings) -> None:
    assert isinstance(make_runtime(settings, "postgresql://elsewhere/db").clock, SandboxClock)
    production = replace(settings, environment="production", smtp_url="smtp://localhost")
    assert isinstance(make_runtime(production, "postgresql://elsewhere/db").clock, SystemClock)


async def test_an_open_runtime_reaches_its_database(settings: Settings, database_url: str) -> None:
    async with open_runtime(settings, database_url) as runtime:
        assert await runtime.database.is_reachable()


async def test_it_opens_while_the_database_is_away(settings: Settings, tmp_path: Path) -> None:
    nowhere = f"postgresql://autorisen@/autorisen?host={tmp_path}"
    async with open_runtime(settings, nowhere) as runtime:
        assert not await runtime.database.is_reachable()
