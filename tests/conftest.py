"""Fixtures of all tests: a real PostgreSQL, a runtime on a fresh database, the app, the worker. No mocks."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import httpx
import hypothesis
import psycopg
import pytest
import structlog
from fastapi import FastAPI

from autorisen.app import create_app, equip
from autorisen.kit.clock import FrozenClock, SandboxClock
from autorisen.kit.database import Database
from autorisen.kit.embedded_postgres import EmbeddedPostgres
from autorisen.kit.ids import seeded_ids
from autorisen.kit.migrate import migrate
from autorisen.kit.open_runtime import make_runtime
from autorisen.kit.settings import Settings
from autorisen.kit.unit import Runtime, Unit
from autorisen.kit.work import Worker
from autorisen.worker import registry

pytest_plugins = ["tests.architecture.rendered_templates"]

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
_numbers = itertools.count(1)

# For `make mutants`: the same few examples each time, and no test that fails for being slow.
hypothesis.settings.register_profile(
    "mutants", max_examples=25, derandomize=True, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--without-database", action="store_true", help="leave out the tests that need PostgreSQL")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--without-database"):
        return
    needy = [item for item in items if "postgres" in getattr(item, "fixturenames", ())]
    items[:] = [item for item in items if item not in needy]
    config.hook.pytest_deselected(items=needy)


def _fast_folder() -> str | None:
    """Memory, where there is room: each test copies a database, which takes 0.06 s there and 1.5 s on a busy disk."""
    memory = Path("/dev/shm")  # noqa: S108 -- a private folder is made in it
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2_000_000_000:
        return str(memory)
    return None


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """One server for this test process, without fsync; its databases go with it."""
    with tempfile.TemporaryDirectory(prefix="autorisen-test-", dir=_fast_folder()) as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres(Path(folder) / "pg", durable=False)
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres) -> str:
    """A database with all migrations, made once; each test gets a copy."""
    name = "template_migrated"
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    migrate(postgres.url(name))
    return name


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, template: str) -> Iterator[str]:
    """A fresh migrated database of this test alone."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        yield postgres.url(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def clock() -> FrozenClock:
    """Real time, standing still: moves sessions and leases as well as business time."""
    return FrozenClock(START)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path,
        public_url="https://testserver",
        secret_key="a-secret-key-for-tests-only-0123456789",
        supplier_name="Acme Agents (Pty) Ltd",
        supplier_address="1 Long Street|Cape Town|8001",
        supplier_vat_number="4123456789",
    )


@pytest.fixture(scope="session")
def routes() -> FastAPI:
    """The application without a database, built once: its routes take longer than a small test."""
    return create_app(make_runtime(Settings(), "postgresql://"))


@pytest.fixture
async def runtime(database_url: str, settings: Settings, clock: FrozenClock, routes: FastAPI) -> AsyncIterator[Runtime]:
    database = Database(database_url, max_size=10)
    await database.open()

    async def deliver_webhook(url: str, headers: Mapping[str, str], body: bytes) -> int:
        transport = httpx.ASGITransport(routes)
        async with httpx.AsyncClient(transport=transport) as client:
            return (await client.post(url, headers=dict(headers), content=body)).status_code

    made = Runtime(settings, database, SandboxClock(clock), clock, seeded_ids(clock, 7), deliver_webhook)
    equip(routes, made)
    yield made
    await database.close()


@pytest.fixture
async def unit(runtime: Runtime) -> AsyncIterator[Unit]:
    """An open unit of work, committed when the test ends."""
    async with runtime.unit() as unit:
        yield unit


@pytest.fixture
def worker(runtime: Runtime) -> Worker:
    return Worker(runtime, registry())


@pytest.fixture
def app(runtime: Runtime, routes: FastAPI) -> FastAPI:
    """The application on the runtime of this test."""
    return routes


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A browser-like client over ASGI: keeps cookies, says where it comes from, does not follow redirects."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    origin = {"Origin": "https://testserver"}
    async with httpx.AsyncClient(transport=transport, base_url="https://testserver", headers=origin) as client:
        yield client


# Settings of the developer's shell must not change a test.
for _variable in ("DATABASE_URL", "PORT", "PUBLIC_URL", "SECRET_KEY", "AUTORISEN_ENV", "AUTORISEN_HOME"):
    os.environ.pop(_variable, None)

# As in kit.logs: the rich tracebacks of structlog's default take minutes over the stack of a whole app.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)


@pytest.fixture(autouse=True)
def _logs_stay_as_they_are() -> Iterator[None]:
    """Commands that a test runs in this process set up logging of their own: what they would hide, others look for."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
