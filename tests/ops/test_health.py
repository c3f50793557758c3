"""Health, version and metrics, with a database and without one."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from autorisen.app import create_app
from autorisen.kit.database import Database
from autorisen.kit.embedded_postgres import EmbeddedPostgres
from autorisen.kit.unit import Runtime
from autorisen.kit.work import enqueue
from autorisen.ops.health import WORK_WAITS_TOO_LONG, Component, State, components, overall


async def test_alive_and_health_answer(client: httpx.AsyncClient) -> None:
    assert (await client.get("/alive")).json() == {"status": "alive"}
    health = await client.get("/api/health")
    assert health.status_code == 200
    assert health.json()["database"] == "up"


async def test_version_tells_the_build(runtime: Runtime) -> None:
    built = replace(runtime, settings=replace(runtime.settings, build_version="1.2.3", git_sha="abc123"))
    transport = httpx.ASGITransport(create_app(built))
    async with httpx.AsyncClient(transport=transport, base_url="https://testserver") as client:
        answer = (await client.get("/api/version")).json()
    assert answer == {"version": "1.2.3", "git_sha": "abc123", "environment": "sandbox"}


async def test_services_health_lists_parts_with_states(client: httpx.AsyncClient) -> None:
    answer = await client.get("/services/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert [part["state"] for part in answer.json()["components"]] == ["ok"] * 9


async def test_work_that_waits_too_long_degrades_the_worker(runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        due_at = unit.now - WORK_WAITS_TOO_LONG - timedelta(seconds=1)
        await enqueue(unit, "kit.send_mail", {"mail_id": unit.ids.new()}, due_at=due_at)
    parts = {part.name: part.state for part in await components(runtime)}
    assert parts["worker"] is State.DEGRADED
    assert parts["database"] is State.OK


def test_the_worst_part_decides() -> None:
    ok, bad = Component("a", State.OK, ""), Component("b", State.DEGRADED, "")
    assert overall([ok, ok]) is State.OK
    assert overall([ok, bad]) is State.DEGRADED
    assert overall([bad, Component("c", State.DOWN, "")]) is State.DOWN


async def test_without_a_database_health_is_503_within_two_seconds(runtime: Runtime, tmp_path: Path) -> None:
    nowhere = Database(EmbeddedPostgres(tmp_path / "never-started").url())
    await nowhere.open()
    transport = httpx.ASGITransport(create_app(replace(runtime, database=nowhere)))
    try:
        async with httpx.AsyncClient(transport=transport, base_url="https://testserver") as client:
            assert (await client.get("/alive")).status_code == 200
            begin = time.monotonic()
            health = await client.get("/api/health")
            assert time.monotonic() - begin < 2
            assert health.status_code == 503
            assert health.json()["code"] == "database_down"
            services = await client.get("/services/health")
            assert services.status_code == 503
            assert services.json()["components"] == [
                {"name": "database", "state": "down", "detail": "does not answer"},
            ]
            metrics = await client.get("/metrics")
            assert "autorisen_database_up 0.0" in metrics.text
            assert "autorisen_jobs" not in metrics.text
    finally:
        await nowhere.close()


@pytest.mark.parametrize(
    "line",
    [
        "autorisen_database_up 1.0",
        'autorisen_jobs{state="due"} 0.0',
        'autorisen_jobs{state="dead"} 0.0',
        "autorisen_oldest_due_job_seconds 0.0",
        "autorisen_deliveries_parked 0.0",
        "autorisen_payments_unapplied 0.0",
        "autorisen_events_stored 0.0",
    ],
)
async def test_metrics_tell_the_figures(client: httpx.AsyncClient, line: str) -> None:
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert line in answer.text.splitlines()


async def test_metrics_count_requests(client: httpx.AsyncClient) -> None:
    await client.get("/alive")
    text = (await client.get("/metrics")).text
    assert 'autorisen_http_requests_total{method="GET",route="/alive",status="200"}' in text
