"""Payments for tests: customers who pay, cards on file, and deliveries as the sandbox would sign them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from autorisen import accounts, payments
from autorisen.kit.ids import public_id
from autorisen.kit.money import Money
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Registry, Worker
from autorisen.payments import Payment, payments_for, standard_webhooks, start_checkout
from autorisen.payments.sandbox.gateway import webhook_secret

SUCCEEDS = "4242 4242 4242 4242"
DECLINED = "4000 0000 0000 0002"
INSUFFICIENT_FUNDS = "4000 0000 0000 9995"
NEEDS_STEP = "4000 0025 0000 3155"
FAILS_LATER = "4000 0000 0000 0341"
DISPUTED = "4000 0000 0000 0259"
DISPUTE_WON = "4000 0000 0000 2685"
DISPUTE_LOST = "4000 0000 0000 0267"
ALL_CARDS = (
    SUCCEEDS,
    DECLINED,
    INSUFFICIENT_FUNDS,
    NEEDS_STEP,
    FAILS_LATER,
    DISPUTED,
    DISPUTE_WON,
    DISPUTE_LOST,
)

PRICE = Money(52_900, "ZAR")
WEBHOOK = "/api/payments/webhooks/sandbox"


def registry() -> Registry:
    """The work of payments alone; who else listens to its facts is left out."""
    told = (payments.PaymentSucceeded, payments.PaymentFailed, payments.PaymentRefunded, payments.PaymentDisputed)
    silent = dict.fromkeys((*told, payments.PaymentMethodSaved, accounts.CustomerCreated), ())
    return Registry(
        payments.JOBS, {**silent, payments.DeliveryParked: (payments.on_delivery_parked,)}, payments.SCHEDULE
    )


async def a_customer(runtime: Runtime, key: str = "acme") -> UUID:
    """A customer of the platform."""
    async with runtime.unit() as unit:
        customer = await accounts.create_customer(
            unit, key=key, name="Acme (Pty) Ltd", email=f"billing@{key}.example", country="ZA", currency="ZAR"
        )
    return customer.id


@dataclass(frozen=True)
class OpenCheckout:
    """A checkout that was started, and where its pages are."""

    customer_id: UUID
    reference: str
    id: str
    path: str
    provider_id: str


async def a_checkout(
    runtime: Runtime, customer_id: UUID, reference: str = "order:1", amount: Money = PRICE
) -> OpenCheckout:
    checkout = await start_checkout(
        runtime,
        customer_id=customer_id,
        reference=reference,
        amount=amount,
        description="Autorisen Pro, March 2026",
        return_url="/app/billing",
    )
    path = httpx.URL(checkout.url).path
    return OpenCheckout(customer_id, reference, public_id("chk", checkout.id), path, path.rpartition("/")[2])


async def pay(client: httpx.AsyncClient, checkout: OpenCheckout, number: str = SUCCEEDS) -> httpx.Response:
    """Type a test card into the hosted page."""
    form = {"number": number, "expiry": "12/30", "cvc": "123"}
    return await client.post(f"{checkout.path}/pay", data=form)


async def a_saved_card(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, *, key: str = "acme", number: str = SUCCEEDS
) -> UUID:
    """A customer who has paid once, so that the card is on file."""
    customer_id = await a_customer(runtime, key)
    checkout = await a_checkout(runtime, customer_id, f"order:first-{key}")
    await pay(client, checkout, number)
    await worker.drain()
    return customer_id


async def the_payment(runtime: Runtime, reference: str = "order:1") -> Payment:
    """The newest attempt for a reference."""
    async with runtime.database.read() as tx:
        return (await payments_for(tx, reference))[-1]


async def facts(runtime: Runtime, name: str) -> list[dict[str, Any]]:
    """The recorded facts of one name, the oldest first."""
    async with runtime.database.read() as tx:
        rows = await tx.execute("SELECT payload FROM kit.facts WHERE name = %s ORDER BY recorded_at, id", (name,))
        return [row[0] for row in await rows.fetchall()]


async def count(runtime: Runtime, table: str) -> int:
    """How many rows a table has. `table` is a constant of the test."""
    async with runtime.database.read() as tx:
        row = await (await tx.execute(f"SELECT count(*) FROM {table}".encode())).fetchone()
    assert row is not None
    return int(row[0])


def event_body(checkout: OpenCheckout, of: Payment, /, **changes: Any) -> dict[str, Any]:
    """What the sandbox says when a checkout is paid. A change of None leaves the field out."""
    data = {
        "payment": checkout.provider_id,
        "merchant_payment_id": str(of.id),
        "reference": of.reference,
        "amount_minor": of.amount.minor,
        "currency": of.amount.currency,
        "refunded_minor": of.refunded_minor,
    }
    body: dict[str, Any] = {"id": "sev_1", "type": "payment.succeeded", "mode": "test"}
    outer = {name: value for name, value in changes.items() if name not in data}
    inner = {name: value for name, value in changes.items() if name in data}
    body["data"] = {name: value for name, value in (data | inner).items() if value is not None}
    return {name: value for name, value in (body | outer).items() if value is not None}


def signed(
    runtime: Runtime, body: bytes | dict[str, Any], *, event_id: str = "sev_1", seconds: int = 0, secret: bytes = b""
) -> tuple[dict[str, str], bytes]:
    """Headers and raw body of a delivery, signed `seconds` from now."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    at = runtime.wall.now().timestamp() + seconds
    moment = type(runtime.wall.now()).fromtimestamp(at, tz=runtime.wall.now().tzinfo)
    headers = standard_webhooks.sign(secret or webhook_secret(runtime.settings), event_id=event_id, at=moment, body=raw)
    return {**headers, "content-type": "application/json"}, raw
