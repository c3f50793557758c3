"""Meters and events for tests."""

from __future__ import annotations

from typing import Any

import httpx

from autorisen.kit.unit import Runtime
from autorisen.metering import Aggregation, MeterDefinition, apply_meters

METERS = [
    MeterDefinition("agent.execution", "Agent executions", "executions", "agent.execution", Aggregation.COUNT),
    MeterDefinition("llm.input_tokens", "Input tokens", "tokens", "llm.completion", Aggregation.SUM, ("input_tokens",)),
    MeterDefinition(
        "llm.output_tokens", "Output tokens", "tokens", "llm.completion", Aggregation.SUM, ("output_tokens",)
    ),
]


async def make_meters(runtime: Runtime) -> None:
    """The meters of the shipped catalog."""
    async with runtime.unit() as unit:
        await apply_meters(unit, METERS)


def llm_event(id: str, *, tokens: Any = 10, **attributes: Any) -> dict[str, Any]:
    """A completion of `tokens` prompt tokens and one generated token, as sent; attributes of None are left out."""
    event = {
        "specversion": "1.0",
        "id": id,
        "source": "tests",
        "type": "llm.completion",
        "subject": "acme",
        "time": "2026-03-01T07:30:00Z",
        "data": {"input_tokens": tokens, "output_tokens": 1},
    } | attributes
    return {name: value for name, value in event.items() if value is not None}


async def send(client: httpx.AsyncClient, headers: dict[str, str], events: Any) -> dict[str, Any]:
    """Send events and give the receipt, which must be a 200."""
    answer = await client.post("/api/events", json=events, headers=headers)
    assert answer.status_code == 200, answer.text
    receipt: dict[str, Any] = answer.json()
    return receipt


async def usage(client: httpx.AsyncClient, headers: dict[str, str], **query: str) -> dict[str, tuple[str, int]]:
    """Quantity and number of events per meter, in the whole of 2026 unless told otherwise."""
    params = {"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"} | query
    answer = await client.get("/api/usage", params=params, headers=headers)
    assert answer.status_code == 200, answer.text
    return {each["meter"]: (each["quantity"], each["events"]) for each in answer.json()["meters"]}
