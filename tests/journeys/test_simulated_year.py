"""A simulated year: nothing is billed twice or skipped, every line explains itself, the same seed bills the same bytes.

A few customers for a season in every run of the tests; 500 for a whole year by `make year`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx
import psycopg
from fastapi import FastAPI

from autorisen.app import equip
from autorisen.kit.clock import FrozenClock, SandboxClock
from autorisen.kit.database import Database
from autorisen.kit.embedded_postgres import EmbeddedPostgres
from autorisen.kit.ids import seeded_ids
from autorisen.kit.settings import Settings
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from autorisen.worker import registry
from tests.conftest import START
from tests.journeys.simulated_year import live
from tests.journeys.year_checks import documents, require_explained, require_previewed, require_whole
from tests.journeys.year_model import Year
from tests.journeys.year_revenue import require_revenue

CUSTOMERS, DAYS = (500, 365) if os.environ.get("YEAR_LONG") else (10, 80)
SEED = int(os.environ.get("YEAR_SEED", "20260301"))


@asynccontextmanager
async def lived(
    name: str, postgres: EmbeddedPostgres, template: str, settings: Settings, routes: FastAPI
) -> AsyncIterator[Year]:
    """A year in a database of its own, from the same beginning."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    database = Database(postgres.url(name), max_size=10)
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


async def test_a_year_of_random_customers_is_billed_whole_and_twice_the_same(
    postgres: EmbeddedPostgres, template: str, settings: Settings, routes: FastAPI
) -> None:
    async with lived("year_one", postgres, template, settings, routes) as year:
        counts = await require_whole(year)
        counts["lines"] = await require_explained(year)
        counts["previewed"] = await require_previewed(year)
        counts |= await require_revenue(year)
        first = await documents(year)
    print(f"seed {SEED}: {CUSTOMERS} customers, {DAYS} days: {counts}")
    print("; ".join(f"{path} {status}: {times}" for (path, status), times in sorted(year.answers.items())))
    assert counts["invoices"] > CUSTOMERS
    assert counts["adjustments"] > 0
    assert counts["discounts"] > 0
    assert min(counts["topped_up"], counts["drawn"], counts["previewed"]) > 0
    assert min(counts["customers_new"], counts["customers_lost"]) > 0
    assert counts["addons"] > 0
    async with lived("year_two", postgres, template, settings, routes) as year:
        assert await documents(year) == first
