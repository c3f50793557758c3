"""However small the stretches are in which it goes through the data, a reconciliation finds the same."""

from __future__ import annotations

import asyncio
from importlib import import_module

import httpx
import pytest

from autorisen import metering, ops
from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from autorisen.metering import Scope
from tests.factories.accounts import make_key
from tests.factories.billing import Shop
from tests.factories.metering import llm_event, send

STRETCHES = [
    ("autorisen.metering.reconciliation.compare_events", "EVENTS_A_STRETCH"),
    ("autorisen.metering.reconciliation.compare_events", "BATCHES_A_STRETCH"),
    ("autorisen.metering.reconciliation.compare_events", "_HOURS_A_STRETCH"),
    ("autorisen.billing.reconciliation.compare_closings", "_CLOSINGS_AT_ONCE"),
    ("autorisen.ops.reconcile", "_CUSTOMERS_AT_ONCE"),
    ("autorisen.ops.reconcile", "_HOURS_A_REPAIR"),
]


async def find(runtime: Runtime, *, repair: bool = False) -> list[tuple[str, int, int]]:
    """By check, what was compared and what differs."""
    scope = Scope(None, runtime.clock.now())
    report = await ops.reconcile(runtime, scope=scope, actor="tests", repair=repair)
    checks = metering.reconciliation_document(report)["checks"]
    return [(check["check"], check["compared"], check["differences"]) for check in checks]


async def test_stretches_of_one_find_the_same(
    runtime: Runtime,
    worker: Worker,
    client: httpx.AsyncClient,
    clock: FrozenClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = Shop(runtime, worker, client, clock)
    for key in ("acme", "zulu"):
        await shop.use(await shop.customer(key), 3, prefix=key)
    async with runtime.unit() as unit:
        operator = await make_key(unit, None)
    hours = ["2026-03-01T06:00:00Z", "2026-03-01T07:00:00Z"]
    await send(client, operator, [llm_event(f"e{place}", time=hour) for place, hour in enumerate(hours)])
    totals = [{"source": "tests", "hour": hour, "events": 2} for hour in hours]
    await client.post("/api/control-totals", json={"totals": totals}, headers=operator)
    await shop.advance(days=32)
    async with runtime.unit() as unit:
        await unit.tx.execute("UPDATE metering.rollups SET quantity = quantity + 1")
        await unit.tx.execute("ALTER TABLE metering.batches DISABLE TRIGGER USER")
        await unit.tx.execute("UPDATE metering.batches SET accepted = accepted + 1")
        await unit.tx.execute("ALTER TABLE billing.rated_usage DISABLE TRIGGER USER")
        await unit.tx.execute("UPDATE billing.rated_usage SET quantity = quantity + 5 WHERE meter = 'agent.execution'")
    found = await find(runtime)
    assert {check: differences for check, _, differences in found} == {
        "control_totals": 2,
        "receipts": 3,
        "rollups": 6,
        "rated_usage": 2,
        "invoice_lines": 0,
    }
    for module, name in STRETCHES:
        monkeypatch.setattr(import_module(module), name, 1)
    assert await find(runtime) == found
    await find(runtime, repair=True)
    assert (await find(runtime))[2] == ("rollups", found[2][1], 0)


async def test_events_that_arrive_meanwhile_are_no_differences(
    runtime: Runtime, worker: Worker, client: httpx.AsyncClient, clock: FrozenClock
) -> None:
    """Goal: both sides of a comparison are of one moment. Without the snapshot some of these rounds differ."""
    shop = Shop(runtime, worker, client, clock)
    customer = await shop.customer()

    async def use() -> None:
        for round in range(20):
            await shop.use(customer, 20, prefix=f"round{round}")

    using = asyncio.create_task(use())
    rounds = 0
    while not using.done():
        found = await find(runtime)
        assert sum(differences for _, _, differences in found) == 0, found
        rounds += 1
    await using
    assert rounds > 1
