"""The door for deliveries, over HTTP: what is genuine is stored once and answered; nothing else leaves a trace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from autorisen.app import create_app
from autorisen.kit.clock import SandboxClock
from autorisen.kit.database import Database
from autorisen.kit.unit import Runtime
from autorisen.payments.api import WEBHOOK_BYTES_MAX
from autorisen.payments.inbox.receive_webhook import DELIVERIES
from tests.factories.payments import WEBHOOK, a_checkout, a_customer, count, event_body, signed, the_payment


@pytest.fixture
async def delivery(runtime: Runtime) -> tuple[dict[str, str], bytes]:
    """A genuine delivery about a checkout that exists."""
    checkout = await a_checkout(runtime, await a_customer(runtime))
    return signed(runtime, event_body(checkout, await the_payment(runtime)))


POISON = (b"", b"not json", b"[]", b"null", b"\xff\xfe", b"[" * 10_000, b'{"type": 1}', b'{"type":"x"}' + b" " * 999)


def refused() -> float:
    return float(DELIVERIES.labels("sandbox", "refused")._value.get())


async def test_a_genuine_delivery_is_stored_before_it_is_answered(
    runtime: Runtime, client: httpx.AsyncClient, delivery: tuple[dict[str, str], bytes]
) -> None:
    headers, body = delivery
    answer = await client.post(WEBHOOK, headers=headers, content=body)
    assert (answer.status_code, answer.json()) == (200, {"status": "received"})
    assert await count(runtime, "payments.deliveries") == 1
    assert (await the_payment(runtime)).status == "pending", "it takes effect later, in a job"


async def test_a_repeated_delivery_is_a_success_without_effect(
    runtime: Runtime, client: httpx.AsyncClient, delivery: tuple[dict[str, str], bytes]
) -> None:
    """The sender never heard our 2xx, so it sends the same again, up to four times."""
    headers, body = delivery
    for times in range(1, 5):
        answer = await client.post(WEBHOOK, headers=headers, content=body)
        assert (answer.status_code, answer.json()["status"]) == (200, "received" if times == 1 else "duplicate")
        assert await count(runtime, "payments.deliveries") == 1
        assert await count(runtime, f"payments.deliveries WHERE duplicates = {times - 1}") == 1
    assert await count(runtime, "kit.jobs WHERE kind = 'payments.apply_delivery'") == 1


async def test_duplicates_at_the_same_time_are_stored_once(
    runtime: Runtime, client: httpx.AsyncClient, delivery: tuple[dict[str, str], bytes]
) -> None:
    headers, body = delivery
    answers = await asyncio.gather(*[client.post(WEBHOOK, headers=headers, content=body) for _ in range(8)])
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.json()["status"] for answer in answers) == [*["duplicate"] * 7, "received"]
    assert await count(runtime, "payments.deliveries") == 1
    assert await count(runtime, "kit.jobs WHERE kind = 'payments.apply_delivery'") == 1


async def test_stale_and_future_deliveries_are_refused(runtime: Runtime, client: httpx.AsyncClient) -> None:
    for seconds in (-301, 301, -86_400, 86_400):
        headers, body = signed(runtime, b"{}", seconds=seconds)
        answer = await client.post(WEBHOOK, headers=headers, content=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "forged_delivery")
    assert await count(runtime, "payments.deliveries") == 0


async def test_a_stale_delivery_is_judged_by_real_time(runtime: Runtime, client: httpx.AsyncClient) -> None:
    """A simulated month must not make the sandbox's own signatures stale."""
    headers, body = signed(runtime, b"{}")
    assert isinstance(runtime.clock, SandboxClock)
    runtime.clock.set_offset(timedelta(days=31))
    assert (await client.post(WEBHOOK, headers=headers, content=body)).status_code == 200


async def test_a_forged_delivery_is_counted_and_not_stored(
    runtime: Runtime, client: httpx.AsyncClient, delivery: tuple[dict[str, str], bytes]
) -> None:
    headers, body = delivery
    forgeries = {
        "another secret": signed(runtime, body, secret=b"somebody else's secret of 32 byt"),
        "truncated": (headers, body[:-20]),
        "changed": (headers, body.replace(b"52900", b"00001")),
        "reordered": (headers, bytes(reversed(body))),
        "empty": (headers, b""),
        "unsigned": ({"content-type": "application/json"}, body),
        "another id": (headers | {"webhook-id": "sev_other"}, body),
        "another signature": (headers | {"webhook-signature": "v1,AAAA"}, body),
    }
    for fault, (forged_headers, forged_body) in forgeries.items():
        before = refused()
        answer = await client.post(WEBHOOK, headers=forged_headers, content=forged_body)
        assert (answer.status_code, answer.json()["code"]) == (400, "forged_delivery"), fault
        assert answer.headers["content-type"] == "application/problem+json"
        assert refused() == before + 1
    assert await count(runtime, "payments.deliveries") == 0
    assert await count(runtime, "kit.jobs WHERE kind = 'payments.apply_delivery'") == 0


async def test_a_genuine_poison_body_is_kept_for_a_person(runtime: Runtime, client: httpx.AsyncClient) -> None:
    for number, body in enumerate(POISON, start=1):
        headers, raw = signed(runtime, body, event_id=f"sev_{number}")
        assert (await client.post(WEBHOOK, headers=headers, content=raw)).status_code == 200
        assert await count(runtime, "payments.deliveries") == number


async def test_a_type_that_could_break_a_log_is_refused(runtime: Runtime, client: httpx.AsyncClient) -> None:
    headers, raw = signed(runtime, {"type": "payment\n\x1b[31m"})
    assert (await client.post(WEBHOOK, headers=headers, content=raw)).status_code == 400


async def test_a_body_beyond_the_limit_is_refused(runtime: Runtime, client: httpx.AsyncClient) -> None:
    headers, raw = signed(runtime, b"x" * (WEBHOOK_BYTES_MAX + 1))
    answer = await client.post(WEBHOOK, headers=headers, content=raw)
    assert (answer.status_code, answer.json()["limit_bytes"]) == (413, WEBHOOK_BYTES_MAX)
    headers, raw = signed(runtime, b"x" * WEBHOOK_BYTES_MAX)
    assert (await client.post(WEBHOOK, headers=headers, content=raw)).status_code == 200


async def test_a_body_that_hides_its_length_is_refused_while_it_arrives(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 8_192

    answer = await client.post(WEBHOOK, content=endless())
    assert answer.status_code == 413


async def test_an_unknown_gateway_is_not_found(client: httpx.AsyncClient) -> None:
    for name in ("stripe", "%00", "x%2Fy", "SANDBOX"):
        assert (await client.post(f"/api/payments/webhooks/{name}", content=b"{}")).status_code == 404


async def test_the_alias_finds_the_gateway_by_how_it_signs(
    runtime: Runtime, client: httpx.AsyncClient, delivery: tuple[dict[str, str], bytes]
) -> None:
    headers, body = delivery
    assert (await client.post("/api/payment/webhook", headers=headers, content=body)).status_code == 200
    assert (await client.post("/api/payment/webhook", content=body)).status_code == 404


async def test_a_browser_of_another_site_matters_as_little_as_any_stranger(
    client: httpx.AsyncClient, delivery: tuple[dict[str, str], bytes]
) -> None:
    """Webhooks are exempt from the same-origin check, because a signature stands in for it."""
    headers, body = delivery
    foreign = {"origin": "https://evil.example", "sec-fetch-site": "cross-site", "cookie": "a=b"}
    assert (await client.post(WEBHOOK, headers=headers | foreign, content=body)).status_code == 200
    assert (await client.post(WEBHOOK, headers=foreign, content=body)).status_code == 400


async def test_in_production_there_is_no_sandbox(runtime: Runtime) -> None:
    settings = replace(runtime.settings, environment="production", smtp_url="smtp://localhost")
    production = create_app(replace(runtime, settings=settings))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(production), base_url="https://testserver") as client:
        headers, body = signed(runtime, b"{}")
        assert (await client.post(WEBHOOK, headers=headers, content=body)).status_code == 404
        assert (await client.get("/sandbox/checkout/sco_1")).status_code == 404


async def test_what_can_not_be_stored_is_sent_again(runtime: Runtime) -> None:
    """No 2xx without a commit: the gateway keeps the delivery until the database is back."""
    gone = Database("postgresql://nobody@127.0.0.1:1/none", wait_seconds=0.2)
    app = create_app(replace(runtime, database=gone))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://testserver") as client:
        headers, body = signed(runtime, b"{}")
        answer = await client.post(WEBHOOK, headers=headers, content=body)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
