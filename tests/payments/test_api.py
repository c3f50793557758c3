"""The machine interface: who sees which payments, and who may replay."""

from __future__ import annotations

from uuid import UUID

import httpx
import pytest

from autorisen.kit.ids import public_id
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from autorisen.payments import list_deliveries
from tests.factories.accounts import make_key
from tests.factories.payments import WEBHOOK, a_checkout, a_saved_card, pay, signed


@pytest.fixture
async def acme(runtime: Runtime, client: httpx.AsyncClient, worker: Worker) -> UUID:
    return await a_saved_card(runtime, client, worker)


async def key(runtime: Runtime, customer_id: UUID | None, *scopes: str) -> dict[str, str]:
    async with runtime.unit() as unit:
        return await make_key(unit, customer_id, scopes or ("billing:read",))


async def test_a_customer_sees_its_payments_and_cards(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, acme: UUID
) -> None:
    other = await a_saved_card(runtime, client, worker, key="other")
    answer = await client.get("/api/payments", headers=await key(runtime, acme))
    (payment,) = answer.json()["payments"]
    assert payment["id"].startswith("pay_")
    assert (payment["customer_id"], payment["reference"]) == (public_id("cus", acme), "order:first-acme")
    assert (payment["status"], payment["amount_minor"], payment["currency"]) == ("succeeded", 52_900, "ZAR")
    cards = (await client.get("/api/payment-methods", headers=await key(runtime, other))).json()["payment_methods"]
    assert [(card["brand"], card["last4"], card["is_default"]) for card in cards] == [("visa", "4242", True)]
    assert "token" not in cards[0]
    everybody = (await client.get("/api/payments", headers=await key(runtime, None))).json()
    assert [each["customer_id"] for each in everybody["payments"]] == [public_id("cus", id) for id in (other, acme)]


async def test_the_list_has_pages(runtime: Runtime, client: httpx.AsyncClient, worker: Worker, acme: UUID) -> None:
    for number in range(3):
        await pay(client, await a_checkout(runtime, acme, f"order:{number}"))
    headers = await key(runtime, acme)
    first = (await client.get("/api/payments?limit=3", headers=headers)).json()
    rest = (await client.get(f"/api/payments?limit=3&after={first['next']}", headers=headers)).json()
    references = [each["reference"] for each in first["payments"] + rest["payments"]]
    assert references == ["order:2", "order:1", "order:0", "order:first-acme"]
    assert rest["next"] is None


async def test_bad_requests_name_the_field(runtime: Runtime, client: httpx.AsyncClient, acme: UUID) -> None:
    headers = await key(runtime, acme)
    for query, field in (("after=no", "query/after"), ("limit=0", "query/limit"), ("limit=x", "query/limit")):
        answer = await client.get(f"/api/payments?{query}", headers=headers)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert (await client.get("/api/payments?unknown=1", headers=headers)).status_code == 422
    assert (await client.get("/api/payments")).status_code == 401
    assert (await client.get("/api/payments", headers=await key(runtime, acme, "usage:read"))).status_code == 403
    assert (await client.get("/api/payment-methods", headers=await key(runtime, None))).status_code == 403


async def test_an_operator_replays_a_parked_delivery(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, acme: UUID
) -> None:
    headers, raw = signed(runtime, b"poison", event_id="sev_poison")
    await client.post(WEBHOOK, headers=headers, content=raw)
    await worker.drain()
    async with runtime.database.read() as tx:
        newest = (await list_deliveries(tx))[0]
    path = f"/api/deliveries/{newest.public_id}/replay"
    admin = await key(runtime, None, "admin")
    assert (await client.post(path)).status_code == 401
    assert (await client.post(path, headers=await key(runtime, acme, "admin"))).status_code == 403
    assert (await client.post(path, headers=await key(runtime, None))).status_code == 403
    answer = await client.post(path, headers=admin)
    assert (answer.status_code, answer.json()) == (202, {"status": "received"})
    assert (await client.post(path, headers=admin)).status_code == 409
    assert (await client.post(f"/api/deliveries/{public_id('whd', acme)}/replay", headers=admin)).status_code == 404
    assert (await client.post("/api/deliveries/whd_no/replay", headers=admin)).status_code == 404
    await worker.drain()
    async with runtime.database.read() as tx:
        again = (await list_deliveries(tx))[0]
        audited = await (await tx.execute("SELECT action FROM accounts.audit ORDER BY id DESC LIMIT 1")).fetchone()
    assert (again.status, again.replays) == ("parked", 1)
    assert audited == ("delivery.replayed",)
