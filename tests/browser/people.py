"""Who the browser tests sign in as: a customer in the middle of a month, one who has just come, an operator."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx

from autorisen.accounts import create_api_key, sign_up
from autorisen.kit.unit import Runtime
from autorisen.subscriptions import start_subscription
from tests.browser.installation import Installation
from tests.factories.accounts import PASSWORD, make_customer, make_member, make_user

BUSY = "busy@umhlanga.example"
NEW = "new@karoo.example"
OPERATOR = "operator@autorisen.example"
DAYS = 18


async def _make_busy(runtime: Runtime) -> str:
    async with runtime.unit() as unit:
        customer = await make_customer(unit, key="umhlanga-labs", name="Umhlanga Labs", email=BUSY)
        await start_subscription(unit, customer=customer, plan_key="pro", start_at=unit.now - timedelta(days=DAYS))
        await make_member(unit, customer.id, email=BUSY, name="Busy Member")
        _, secret = await create_api_key(
            unit, customer_id=customer.id, name="browser tests", scopes=["events:write", "usage:read"]
        )
    return secret


async def _make_others(runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        await sign_up(unit, email=NEW, password=PASSWORD, name="New Member", company_name="Karoo Studio")
        await make_user(unit, email=OPERATOR, name="Chief Operator", operator=True)


def _events(runtime: Runtime) -> list[dict[str, Any]]:
    """A made-up but steady use: weekdays are busier, and it grows; beyond the allowance of Pro by the end."""
    now = runtime.clock.now()
    events = []
    for day in range(DAYS):
        at = now - timedelta(days=day, minutes=5)
        runs = (150 - 3 * day) if at.weekday() < 5 else 40
        for run in range(max(runs, 5)):
            stamp = (at - timedelta(minutes=4 * run)).isoformat()
            base = {"specversion": "1.0", "source": "demo", "subject": "umhlanga-labs", "time": stamp}
            events.append(base | {"id": f"a{day}-{run}", "type": "agent.execution", "data": {"agent": "code-review"}})
            tokens = {"input_tokens": 4_000 + 37 * run, "output_tokens": 180 + run}
            events.append(base | {"id": f"l{day}-{run}", "type": "llm.completion", "data": tokens})
    return events


def _faulty(event: dict[str, Any]) -> list[dict[str, Any]]:
    """What a mistaken program sends: events that break rules, and one identity used for two contents."""
    late = [event | {"id": f"late-{number}", "time": "yesterday"} for number in range(3)]
    odd = event | {"id": "odd", "type": "llm.completion", "data": {"input_tokens": -4, "output_tokens": 1}}
    return [*late, odd, event | {"data": {"agent": "security-scan", "depth": 3}}]


def seed(installation: Installation) -> None:
    """Make the people and send the events over HTTP, as a customer's program would."""
    secret = installation.run(_make_busy)
    installation.run(_make_others)
    events = _events(installation.runtime)
    with httpx.Client(base_url=installation.base_url, headers={"Authorization": f"Bearer {secret}"}) as client:
        for first in range(0, len(events), 1000):
            answer = client.post("/api/events", json=events[first : first + 1000], timeout=60)
            assert answer.status_code == 200, answer.text
            assert answer.json()["accepted"] == len(events[first : first + 1000]), answer.text
        client.post("/api/events", json=_faulty(events[0]), timeout=60)


__all__ = ["BUSY", "NEW", "OPERATOR", "PASSWORD", "seed"]
