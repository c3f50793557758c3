"""Keys of customers with quotas, and what they ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from autorisen.kit.unit import Unit
from tests.factories.accounts import make_customer, make_key, make_member
from tests.factories.subscriptions import subscribe

RUNS = "agent.execution"
TOKENS = "llm.output_tokens"


@dataclass(frozen=True)
class World:
    """A customer on Free (50 runs, 50,000 output tokens), one on Pro, one without a plan, and their keys."""

    customer_id: str
    own: dict[str, str]
    reader: dict[str, str]
    pro: dict[str, str]
    bare: dict[str, str]
    operator: dict[str, str]


async def make_world(unit: Unit) -> World:
    customer, _ = await subscribe(unit, plan_key="free")
    pro, _ = await subscribe(unit, plan_key="pro", key="grand")
    bare = await make_customer(unit, key="bare")
    await make_member(unit, customer.id)
    return World(
        customer.public_id,
        await make_key(unit, customer.id, ["events:write", "usage:read"]),
        await make_key(unit, customer.id, ["usage:read"]),
        await make_key(unit, pro.id, ["events:write", "usage:read"]),
        await make_key(unit, bare.id, ["events:write", "usage:read"]),
        await make_key(unit, None, ["events:write", "usage:read"]),
    )


class Caller:
    """One key's requests."""

    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self.client, self.headers = client, headers

    async def hold(self, quantity: object, *, key: str = "k", meter: str = TOKENS, **more: object) -> httpx.Response:
        body = {"meter": meter, "quantity": quantity, "key": key, "expires_in_seconds": 60} | more
        return await self.client.post("/api/holds", headers=self.headers, json=body)

    async def held(self, quantity: object, **more: Any) -> str:
        answer = await self.hold(quantity, **more)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def draw(self, id: str, quantity: object, sequence: object) -> httpx.Response:
        body = {"quantity": quantity, "sequence": sequence}
        return await self.client.post(f"/api/holds/{id}/draw", headers=self.headers, json=body)

    async def settle(self, id: str, quantity: object, **more: object) -> httpx.Response:
        return await self.client.post(
            f"/api/holds/{id}/settle", headers=self.headers, json={"quantity": quantity} | more
        )

    async def release(self, id: str) -> httpx.Response:
        return await self.client.post(f"/api/holds/{id}/release", headers=self.headers)

    async def read(self, id: str) -> httpx.Response:
        return await self.client.get(f"/api/holds/{id}", headers=self.headers)

    async def quota(self, meter: str = TOKENS, **more: str) -> dict[str, Any]:
        answer = await self.client.get("/api/quota", headers=self.headers, params={"meter": meter} | more)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


def numbers(quota: dict[str, Any]) -> tuple[str, ...]:
    return tuple(quota[name] for name in ("included", "used", "held", "left"))
