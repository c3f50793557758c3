"""Commands on the database and the key of the test's own runtime."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from typer.testing import CliRunner, Result

from autorisen.cli import command_line
from autorisen.kit.unit import Runtime

Command = Callable[..., Awaitable[Result]]


@pytest.fixture
def command(runtime: Runtime, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Call `autorisen` with these words, and with `typed` on its standard input, which is no terminal."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("AUTORISEN_HOME", str(runtime.settings.home))
    monkeypatch.setenv("SECRET_KEY", runtime.settings.secret_key)

    async def call(*words: str, typed: str = "") -> Result:
        # In a thread: a command runs an event loop of its own.
        return await asyncio.to_thread(CliRunner().invoke, command_line(), list(words), input=typed)

    return call
