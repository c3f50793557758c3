"""The sandbox as a sender: it signs anew each time, retries until it is accepted, and then stops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import httpx
import pytest

from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker, enqueue
from autorisen.payments import standard_webhooks
from autorisen.payments.sandbox.deliver_event import DELIVERY_RETRY
from autorisen.payments.sandbox.gateway import webhook_secret
from autorisen.payments.sandbox.provider import DELIVER_KIND
from tests.factories.payments import a_checkout, a_customer, count, facts, pay, registry, the_payment


async def test_our_2xx_may_be_lost_and_nothing_counts_twice(runtime: Runtime, client: httpx.AsyncClient) -> None:
    """Goal: at-least-once senders. Method: the first three answers to a delivered webhook get lost on the way back."""
    calls: list[Mapping[str, str]] = []

    async def loses_answers(url: str, headers: Mapping[str, str], body: bytes) -> int:
        status = await runtime.deliver_webhook(url, headers, body)
        calls.append(headers)
        return 504 if len(calls) <= 3 else status

    lossy = replace(runtime, deliver_webhook=loses_answers)
    checkout = await a_checkout(runtime, await a_customer(runtime))
    await pay(client, checkout)
    for _ in range(6):
        await Worker(lossy, registry()).drain()
        async with runtime.unit() as unit:
            await unit.tx.execute("UPDATE kit.jobs SET due_at = %s", (unit.now,))
    assert len(calls) == 4
    assert len({headers["webhook-id"] for headers in calls}) == 1
    assert (await the_payment(runtime)).status == "succeeded"
    assert len(await facts(runtime, "PaymentSucceeded")) == 1
    assert await count(runtime, "payments.deliveries WHERE duplicates = 3") == 1
    assert await count(runtime, "sandbox.events WHERE attempts = 4 AND last_status = 200") == 1


@pytest.mark.parametrize("status", [199, 301, 400, 410, 500])
async def test_only_2xx_is_a_success(runtime: Runtime, client: httpx.AsyncClient, status: int) -> None:
    async def answers(url: str, headers: Mapping[str, str], body: bytes) -> int:
        assert url == "https://testserver/api/payments/webhooks/sandbox"
        secret = webhook_secret(runtime.settings)
        assert standard_webhooks.verify([secret], headers, body, at=runtime.wall.now()) == headers["webhook-id"]
        return status

    checkout = await a_checkout(runtime, await a_customer(runtime))
    await pay(client, checkout)
    await Worker(replace(runtime, deliver_webhook=answers), registry()).drain()
    assert await count(runtime, f"sandbox.events WHERE delivered_at IS NULL AND last_status = {status}") == 1
    assert await count(runtime, "kit.jobs WHERE last_error LIKE 'NotAccepted%'") == 1


async def test_a_merchant_that_is_away_is_tried_again(runtime: Runtime, client: httpx.AsyncClient) -> None:
    async def is_away(url: str, headers: Mapping[str, str], body: bytes) -> int:
        raise httpx.ConnectError("connection refused")

    checkout = await a_checkout(runtime, await a_customer(runtime))
    await pay(client, checkout)
    await Worker(replace(runtime, deliver_webhook=is_away), registry()).drain()
    assert await count(runtime, "kit.jobs WHERE last_error LIKE 'ConnectError%' AND state = 'waiting'") == 1


async def test_an_event_that_is_delivered_or_gone_ends_its_job(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker
) -> None:
    checkout = await a_checkout(runtime, await a_customer(runtime))
    await pay(client, checkout)
    await worker.drain()
    async with runtime.unit() as unit:
        row = await (await unit.tx.execute("SELECT id FROM sandbox.events")).fetchone()
        assert row is not None
        await enqueue(unit, DELIVER_KIND, {"event_id": row[0]})
        await enqueue(unit, DELIVER_KIND, {"event_id": "sev_none"})
    await worker.drain()
    assert await count(runtime, "sandbox.events WHERE attempts = 1") == 1
    assert await count(runtime, "kit.jobs") == 0


def test_the_sender_gives_up_after_about_three_days() -> None:
    waited = sum(DELIVERY_RETRY.delay(attempt, 0).total_seconds() for attempt in range(1, DELIVERY_RETRY.attempts))
    assert 1 <= waited / 86_400 <= 4
