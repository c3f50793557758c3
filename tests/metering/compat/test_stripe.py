"""Stripe's own Python client against the application, over loopback, with nothing changed but address and key."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import stripe

from autorisen.accounts import revoke_api_key
from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime
from autorisen.metering.compat.stripe.session import read_token, session_token
from tests.factories.accounts import make_key
from tests.factories.metering import usage
from tests.metering.compat.conftest import House

AT = 1772350200  # 2026-03-01T07:30:00Z
AT_TEXT = "2026-03-01T07:30:00Z"


def stripe_client(house: House, headers: dict[str, str], **options: Any) -> stripe.StripeClient:
    base = f"{house.url}/compat/stripe"
    addresses: Any = {"api": base, "meter_events": base, "files": base, "connect": base}
    return stripe.StripeClient(house.secret(headers), base_addresses=addresses, **options)


@pytest.fixture(autouse=True)
def _no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe, "enable_telemetry", False)


@pytest.fixture
def ours(house: House) -> stripe.StripeClient:
    return stripe_client(house, house.operator)


def event(id: str | None = None, tokens: str = "10", **fields: Any) -> Any:
    payload = {"stripe_customer_id": "acme", "input_tokens": tokens, "output_tokens": "1", "zip": "0081"}
    given = {"event_name": "llm.completion", "payload": payload, "identifier": id, "timestamp": AT} | fields
    return {name: value for name, value in given.items() if value is not None}


async def test_v1_events_count_once(ours: stripe.StripeClient, client: httpx.AsyncClient, house: House) -> None:
    create = ours.v1.billing.meter_events.create
    stored = await asyncio.to_thread(create, event("one", "25"))
    assert (stored.object, stored.identifier, stored.timestamp) == ("billing.meter_event", "one", AT)
    assert stored.payload["input_tokens"] == "25"
    assert stored.livemode is False
    again = await asyncio.to_thread(create, event("one", "25"))
    assert again.identifier == "one", "the same again is no error: it may be a retry"
    with pytest.raises(stripe.InvalidRequestError, match="already exists with identifier") as refused:
        await asyncio.to_thread(create, event("one", "26"))
    assert refused.value.http_status == 400
    assert refused.value.headers is not None
    assert refused.value.headers["stripe-should-retry"] == "false"
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("25", 1)
    kept = (await client.get("/api/events", headers=house.acme.headers)).json()["events"][0]
    assert kept["data"] == {"input_tokens": 25, "output_tokens": 1, "zip": "0081"}


async def test_one_request_counts_once_however_often_it_is_sent(
    ours: stripe.StripeClient, client: httpx.AsyncClient, house: House
) -> None:
    """Without an identifier the idempotency key of the request stands in, as Stripe's clients repeat it."""
    create = ours.v1.billing.meter_events.create
    first = await asyncio.to_thread(create, event(), {"idempotency_key": "request-1"})
    repeated = await asyncio.to_thread(create, event(), {"idempotency_key": "request-1"})
    assert first.identifier == repeated.identifier
    other = await asyncio.to_thread(create, event())
    assert other.identifier != first.identifier
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("20", 2)


async def test_v2_events_count_once(ours: stripe.StripeClient, client: httpx.AsyncClient, house: House) -> None:
    create = ours.v2.billing.meter_events.create
    stored = await asyncio.to_thread(create, event("one", "25", timestamp=AT_TEXT))
    assert (stored.object, stored.identifier) == ("v2.billing.meter_event", "one")
    assert stored.timestamp == "2026-03-01T07:30:00.000Z"
    await asyncio.to_thread(create, event("two", "0.5", timestamp=None))
    await asyncio.to_thread(ours.v1.billing.meter_events.create, event("one", "25"))
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("25.5", 2), "one id in both versions"


@pytest.mark.parametrize(
    "fields, parameter",
    [
        ({"tokens": "-1"}, "payload[input_tokens]"),
        ({"tokens": "many"}, "payload[input_tokens]"),
        ({"event_name": ""}, "event_name"),
        ({"payload": {"input_tokens": "1", "output_tokens": "1"}}, "payload[stripe_customer_id]"),
        ({"timestamp": "soon"}, "timestamp"),
        ({"timestamp": 999_999_999_999}, "timestamp"),
        ({"id": "x" * 300}, "identifier"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_what_is_wrong_is_named_as_stripe_names_it(
    ours: stripe.StripeClient, client: httpx.AsyncClient, house: House, fields: dict[str, Any], parameter: str
) -> None:
    sent = event(**{"id": "bad"} | fields)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await asyncio.to_thread(ours.v1.billing.meter_events.create, sent)
    assert (refused.value.http_status, refused.value.param) == (400, parameter)
    assert refused.value.request_id
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("0", 0)


async def test_the_stream_takes_what_its_session_allows(
    ours: stripe.StripeClient, client: httpx.AsyncClient, house: House
) -> None:
    session = await asyncio.to_thread(ours.v2.billing.meter_event_session.create)
    assert session.object == "v2.billing.meter_event_session"
    stream = stripe_client(house, {"Authorization": f"Bearer {session.authentication_token}"})
    good = [event(f"s{number}", "3", timestamp=AT_TEXT) for number in range(3)]
    events: Any = {"events": [*good, event("bad", "-1", timestamp=AT_TEXT)]}
    await asyncio.to_thread(stream.v2.billing.meter_event_stream.create, events)
    await asyncio.to_thread(stream.v2.billing.meter_event_stream.create, events)
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("9", 3)
    rejected = (await client.get("/api/events/rejected", headers=house.operator)).json()["events"]
    assert [(each["id"], each["field"]) for each in rejected] == [("bad", "/data/input_tokens")]


async def test_a_session_ends(house: House, ours: stripe.StripeClient, clock: FrozenClock, runtime: Runtime) -> None:
    """After 15 minutes, and with the key that made it; the token itself opens nothing else."""
    async with runtime.unit() as unit:
        headers = await make_key(unit, house.acme.customer.id, ["events:write"])
    short = await asyncio.to_thread(stripe_client(house, headers).v2.billing.meter_event_session.create)
    stream = stripe_client(house, {"Authorization": f"Bearer {short.authentication_token}"})
    events: Any = {"events": [event("one", timestamp=AT_TEXT)]}
    await asyncio.to_thread(stream.v2.billing.meter_event_stream.create, events)
    with pytest.raises(stripe.AuthenticationError):
        await asyncio.to_thread(stream.v1.billing.meter_events.create, event("two"))

    async with runtime.unit() as unit:
        token = read_token(runtime.settings.secret_key, short.authentication_token)
        assert token is not None
        await revoke_api_key(unit, key_id=token.key_id, customer_id=house.acme.customer.id, actor="tests")
    with pytest.raises(stripe.AuthenticationError, match="does not hold any more"):
        await asyncio.to_thread(stream.v2.billing.meter_event_stream.create, events)

    session = await asyncio.to_thread(ours.v2.billing.meter_event_session.create)
    stream = stripe_client(house, {"Authorization": f"Bearer {session.authentication_token}"})
    clock.advance(timedelta(minutes=15))
    with pytest.raises(stripe.TemporarySessionExpiredError) as refused:
        await asyncio.to_thread(stream.v2.billing.meter_event_stream.create, events)
    assert refused.value.code == "billing_meter_event_session_expired"


async def test_a_session_cannot_be_made_up(house: House, ours: stripe.StripeClient, runtime: Runtime) -> None:
    session = await asyncio.to_thread(ours.v2.billing.meter_event_session.create)
    known = read_token(runtime.settings.secret_key, session.authentication_token)
    assert known is not None
    forged = [
        session_token("another secret key of another house", known),
        session.authentication_token[:-1],
        session.authentication_token.replace("mes_", ""),
        "mes_.",
        "mes_ünsinn.x",
    ]
    assert [read_token(runtime.settings.secret_key, text) for text in forged] == [None] * 5
    stream = stripe_client(house, {"Authorization": f"Bearer {forged[0]}"})
    with pytest.raises(stripe.AuthenticationError):
        await asyncio.to_thread(stream.v2.billing.meter_event_stream.create, {"events": []})


async def test_keys_are_held_to_their_customer(house: House, client: httpx.AsyncClient) -> None:
    zulu = stripe_client(house, house.zulu.headers)
    with pytest.raises(stripe.InvalidRequestError, match="not yours") as refused:
        await asyncio.to_thread(zulu.v1.billing.meter_events.create, event("one"))
    assert refused.value.param == "payload[stripe_customer_id]"
    stranger = stripe_client(house, {"Authorization": "Bearer sk_test_nonsense"})
    with pytest.raises(stripe.AuthenticationError):
        await asyncio.to_thread(stranger.v1.billing.meter_events.create, event("one"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"event_name",
        b"event_name=a&event_name[b]=c",
        b"payload[value=1",
        b"event_name=%ff",
        b"a=1&" * 500,
        "event_name=ü".encode(),
        b"payload[a][b]=1&event_name=x",
        quote("payload[stripe_customer_id]").encode() + b"=acme",
        b"event_name=x&timestamp=99999999999999999999",
    ],
)
async def test_forms_that_are_none_are_refused(client: httpx.AsyncClient, house: House, body: bytes) -> None:
    answer = await client.post("/compat/stripe/v1/billing/meter_events", content=body, headers=house.operator)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"events": {}}', b'{"events": [', b"\xff\xfe"])
async def test_streams_that_are_none_are_refused(client: httpx.AsyncClient, house: House, body: bytes) -> None:
    made = await client.post("/compat/stripe/v2/billing/meter_event_session", json={}, headers=house.operator)
    headers = {"Authorization": f"Bearer {made.json()['authentication_token']}"}
    answer = await client.post("/compat/stripe/v2/billing/meter_event_stream", content=body, headers=headers)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_a_cancelled_event_counts_no_more(
    ours: stripe.StripeClient, client: httpx.AsyncClient, house: House, version: str
) -> None:
    for identifier in ("one", "two"):
        await asyncio.to_thread(ours.v1.billing.meter_events.create, event(identifier, "25"))
    adjust = getattr(ours, version).billing.meter_event_adjustments.create
    wanted = {"event_name": "llm.completion", "type": "cancel", "cancel": {"identifier": "one"}}
    for _ in range(2):  # cancelled again it stays cancelled
        made = await asyncio.to_thread(adjust, wanted)
        assert (made.status, made.type, made.cancel.identifier) == ("complete", "cancel", "one")
        assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("25", 1)
    params = {"source": "stripe", "id": "one"}
    (kept,) = (await client.get("/api/events/corrections", params=params, headers=house.operator)).json()["corrections"]
    assert (kept["kind"], kept["reason"]) == ("void", "cancelled by a meter event adjustment")
    assert kept["by"].startswith("key_")


@pytest.mark.parametrize(
    "change, parameter",
    [
        ({"cancel": {"identifier": "other"}}, None),
        ({"event_name": "agent.execution"}, None),
        ({"type": "amend"}, "type"),
        ({"cancel": {"id": "one"}}, "cancel[identifier]"),
        ({"event_name": ""}, "event_name"),
        ({"reason": "x"}, "reason"),
    ],
)
async def test_what_can_not_be_cancelled_changes_nothing(
    ours: stripe.StripeClient, client: httpx.AsyncClient, house: House, change: dict[str, Any], parameter: str | None
) -> None:
    await asyncio.to_thread(ours.v1.billing.meter_events.create, event("one", "25"))
    wanted: Any = {"event_name": "llm.completion", "type": "cancel", "cancel": {"identifier": "one"}} | change
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await asyncio.to_thread(ours.v1.billing.meter_event_adjustments.create, wanted)
    assert refused.value.param == parameter
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("25", 1)


async def test_customers_cancel_nothing(client: httpx.AsyncClient, house: House) -> None:
    """Cancelling takes money back, so it is for operators: also of events that the customer's own key has sent."""
    acme = stripe_client(house, house.acme.headers)
    await asyncio.to_thread(acme.v1.billing.meter_events.create, event("one", "25"))
    wanted: Any = {"event_name": "llm.completion", "type": "cancel", "cancel": {"identifier": "one"}}
    with pytest.raises(stripe.PermissionError):
        await asyncio.to_thread(acme.v1.billing.meter_event_adjustments.create, wanted)
    assert (await usage(client, house.acme.headers))["llm.input_tokens"] == ("25", 1)
