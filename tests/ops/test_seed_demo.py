"""The demo: real input through the real verbs, with the totals that the traces are known to have."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from autorisen import accounts, billing, subscriptions
from autorisen.app import create_app
from autorisen.cli.session import in_process
from autorisen.kit.clock import FrozenClock
from autorisen.kit.ids import Ids
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from autorisen.ops.seed_demo import AGE, CUSTOMERS, DemoSecrets, load_secrets, seed_accounts, seed_usage
from autorisen.worker import registry

# Requests, prompt tokens and generated tokens of the published traces.
START = datetime(2026, 3, 1, tzinfo=UTC)
GOLDEN = {"azure-code": (8_819, 18_059_974, 245_896), "azure-conv": (19_366, 22_361_870, 4_088_665)}


@pytest.fixture
def secrets_path(runtime: Runtime) -> Path:
    return runtime.settings.home / "demo.json"


async def seed(runtime: Runtime, secrets_path: Path) -> DemoSecrets:
    then = replace(runtime, clock=FrozenClock(runtime.clock.now() - AGE))
    async with in_process(then) as (past, browser):
        await seed_accounts(past, Worker(past, registry()), browser, secrets_path)
    await seed_usage(runtime, secrets_path, lambda *_: None)
    return load_secrets(secrets_path, runtime.ids)


@pytest.fixture
async def integrator(runtime: Runtime, secrets_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A program with the demo's API key."""
    secrets = await seed(runtime, secrets_path)
    transport = httpx.ASGITransport(create_app(runtime))
    headers = {"Authorization": f"Bearer {secrets.api_key}"}
    async with httpx.AsyncClient(transport=transport, base_url="https://testserver", headers=headers) as client:
        yield client


async def usage_of(client: httpx.AsyncClient, runtime: Runtime, key: str) -> tuple[int, int, int]:
    span = {"from": (runtime.clock.now() - AGE).isoformat(), "to": runtime.clock.now().isoformat()}
    answer = await client.get("/api/usage", params={"customer": key, **span})
    assert answer.status_code == 200, answer.text
    meters = {each["meter"]: each for each in answer.json()["meters"]}
    prompts, generated = meters["llm.input_tokens"], meters["llm.output_tokens"]
    return int(prompts["events"]), int(prompts["quantity"]), int(generated["quantity"])


@pytest.mark.slow
async def test_the_golden_totals_come_back_through_the_api_however_often_it_is_seeded(
    runtime: Runtime, integrator: httpx.AsyncClient, secrets_path: Path
) -> None:
    assert {key: await usage_of(integrator, runtime, key) for key in GOLDEN} == GOLDEN
    before = load_secrets(secrets_path, runtime.ids)
    await seed(runtime, secrets_path)
    assert {key: await usage_of(integrator, runtime, key) for key in GOLDEN} == GOLDEN
    assert load_secrets(secrets_path, runtime.ids) == before
    async with runtime.database.read() as tx:
        ids = await accounts.customer_ids_by_key(tx, [demo.key for demo in CUSTOMERS])
        assert len(ids) == 2
        for customer_id in ids.values():
            subscription = await subscriptions.subscription_of(tx, customer_id)
            assert subscription is not None
            assert (subscription.plan_key, subscription.currency) == ("pro", "ZAR")
            assert abs(subscription.anchor_at - (runtime.clock.now() - AGE)).total_seconds() < 1
            paid = await billing.list_invoices(tx, customer_id=customer_id)
            assert [invoice.status for invoice in paid] == [billing.InvoiceStatus.PAID]


def test_the_secrets_are_private_and_made_once(tmp_path: Path) -> None:
    path, ids = tmp_path / "new" / "demo.json", Ids(FrozenClock(START))
    secrets = load_secrets(path, ids)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_secrets(path, ids) == secrets
    passwords = {person.password for person in (secrets.customer, secrets.second_customer, secrets.operator)}
    assert len(passwords) == 3
    assert min(map(len, passwords)) >= 16
    assert json.loads(path.read_text())["complete"] is False
