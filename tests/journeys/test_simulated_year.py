"""A simulated year: nothing is billed twice or skipped, every line explains itself, the same seed bills the same bytes.

A few customers for a season in every run of the tests; 500 for a whole year by `make year`. It is lived twice at the
same time, in two processes: whatever differs between them, hashes and their order too, must not reach a document.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from multiprocessing import get_context
from time import monotonic

import httpx
import psycopg
import structlog
from fastapi import FastAPI

from autorisen.app import create_app, equip
from autorisen.kit.clock import FrozenClock, SandboxClock
from autorisen.kit.database import Database
from autorisen.kit.embedded_postgres import EmbeddedPostgres
from autorisen.kit.ids import seeded_ids
from autorisen.kit.open_runtime import make_runtime
from autorisen.kit.settings import Settings
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from autorisen.worker import registry
from tests.conftest import START
from tests.journeys.simulated_year import live
from tests.journeys.year_checks import documents, require_explained, require_previewed, require_whole
from tests.journeys.year_model import Year
from tests.journeys.year_revenue import require_revenue

IS_LONG = bool(os.environ.get("YEAR_LONG"))
CUSTOMERS, DAYS = (500, 365) if IS_LONG else (10, 80)
SEED = int(os.environ.get("YEAR_SEED", "20260301"))


@asynccontextmanager
async def lived(url: str, settings: Settings, routes: FastAPI) -> AsyncIterator[Year]:
    """A year in a database of its own, from the same beginning."""
    database = Database(url, max_size=10)
    await database.open()
    clock = FrozenClock(START)
    transport = httpx.ASGITransport(routes)

    async def deliver_webhook(url: str, headers: Mapping[str, str], body: bytes) -> int:
        async with httpx.AsyncClient(transport=transport) as gateway:
            return (await gateway.post(url, headers=dict(headers), content=body)).status_code

    runtime = Runtime(settings, database, SandboxClock(clock), clock, seeded_ids(clock, SEED), deliver_webhook)
    equip(routes, runtime)
    async with httpx.AsyncClient(transport=transport, base_url="https://testserver") as client:
        yield await live(runtime, Worker(runtime, registry()), client, seed=SEED, customers=CUSTOMERS, days=DAYS)
    await database.close()


def be_quiet() -> None:
    """A year has millions of requests and jobs; only what goes wrong is of interest."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def live_again(url: str, settings: Settings) -> dict[str, str]:
    """The same year in this other process; gives its documents."""
    be_quiet()

    async def again() -> dict[str, str]:
        async with lived(url, settings, create_app(make_runtime(Settings(), "postgresql://"))) as year:
            return await documents(year)

    return asyncio.run(again())


async def test_a_year_of_random_customers_is_billed_whole_and_twice_the_same(
    postgres: EmbeddedPostgres, template: str, settings: Settings, routes: FastAPI
) -> None:
    be_quiet()
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as server:
        for name in ("year_one", "year_two"):
            server.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    with ProcessPoolExecutor(1, get_context("spawn")) as other:
        again = other.submit(live_again, postgres.url("year_two"), settings)
        began_at = monotonic()
        async with lived(postgres.url("year_one"), settings, routes) as year:
            tell(f"lived, {year.events} events", began_at)
            counts = await require_whole(year)
            tell("whole", began_at)
            counts["lines"] = await require_explained(year)
            tell("explained", began_at)
            counts["previewed"] = await require_previewed(year)
            counts |= await require_revenue(year)
            first = await documents(year)
        tell("documents made", began_at)
        second = again.result()
    print(f"seed {SEED}: {CUSTOMERS} customers, {DAYS} days: {counts}")
    print("; ".join(f"{path} {status}: {times}" for (path, status), times in sorted(year.answers.items())))
    assert second == first
    assert len(first) == 2 * counts["invoices"]
    assert counts["invoices"] > CUSTOMERS
    assert counts["adjustments"] > 0
    assert counts["discounts"] > 0
    assert min(counts["topped_up"], counts["drawn"], counts["previewed"]) > 0
    assert min(counts["customers_new"], counts["customers_lost"]) > 0
    assert counts["addons"] > 0


def tell(what: str, began_at: float) -> None:
    print(f"after {monotonic() - began_at:,.0f} s: {what}", flush=True)
