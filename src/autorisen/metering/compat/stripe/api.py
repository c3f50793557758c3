"""Stripe's addresses for meter events."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request, Response

from autorisen import accounts
from autorisen.accounts import Principal, Scope
from autorisen.kit.http import runtime_of
from autorisen.kit.ids import public_id
from autorisen.kit.problems import NotAuthenticated
from autorisen.kit.read_body import read_body
from autorisen.metering.compat.model import Answer
from autorisen.metering.compat.send_answer import send_answer, take_in
from autorisen.metering.compat.stripe.adjustments import cancel_event, read_cancellation
from autorisen.metering.compat.stripe.errors import SessionExpired
from autorisen.metering.compat.stripe.session import LIFE, MeterEventSession, read_token, session_token
from autorisen.metering.compat.stripe.translate import (
    PREFIX,
    Raw,
    event_answer,
    moment,
    one_event,
    read_form,
    read_object,
    stream_events,
)
from autorisen.metering.ingest import Item
from autorisen.metering.intake import BODY_LIMIT, sender, store_body

router = APIRouter(prefix=PREFIX.rstrip("/"), tags=["stripe"])


def _identifier(request: Request) -> str:
    """For an event that brings none: the same for every attempt that Stripe's clients make to send one request."""
    key = request.headers.get("idempotency-key", "")
    return f"key-{key}" if key else str(runtime_of(request).ids.new())


@router.post("/v1/billing/meter_events")
async def stripe_create_meter_event(request: Request) -> Response:
    """Stripe: store one meter event (v1, a form)"""
    return await _one(request, version=1)


@router.post("/v2/billing/meter_events")
async def stripe_create_meter_event_v2(request: Request) -> Response:
    """Stripe: store one meter event (v2, JSON)"""
    return await _one(request, version=2)


async def _one(request: Request, *, version: int) -> Response:
    runtime, identifier = runtime_of(request), _identifier(request)
    sent: list[Raw] = []

    def read(body: bytes) -> list[Item]:
        raw = read_form(body) if version == 1 else read_object(body)
        sent.append(raw)
        return [one_event(raw, identifier, version)]

    items, receipt = await take_in(request, read)
    livemode = not runtime.settings.is_sandbox
    answer = event_answer(items[0], sent[0], receipt, runtime.clock.now(), version=version, livemode=livemode)
    return send_answer(answer)


@router.post("/v2/billing/meter_event_session")
async def stripe_create_meter_event_session(request: Request) -> Response:
    """Stripe: a token for the stream of meter events, for 15 minutes"""
    runtime, principal = runtime_of(request), await sender(request)
    assert principal.key_id is not None, "whoever sends has a key"
    now = runtime.wall.now()
    session = MeterEventSession(principal.key_id, principal.customer_id, now + LIFE)
    document = {
        "object": "v2.billing.meter_event_session",
        "id": public_id("bmes", runtime.ids.new()),
        "authentication_token": session_token(runtime.settings.secret_key, session),
        "created": moment(now, 2),
        "expires_at": moment(session.expires_at, 2),
        "livemode": not runtime.settings.is_sandbox,
    }
    return send_answer(Answer(200, document))


@router.post("/v2/billing/meter_event_stream")
async def stripe_create_meter_event_stream(request: Request) -> Response:
    """Stripe: store a batch of meter events under a session

    As there, 200 says that the request was read: events that can't be counted are kept and listed as rejected.
    """
    identifier = _identifier(request)
    principal = await _session_principal(request)
    await store_body(request, principal, lambda body: stream_events(body, lambda place: f"{identifier}-{place}"))
    return send_answer(Answer(200, {}))


async def _session_principal(request: Request) -> Principal:
    """Whose session it is, as long as its key holds."""
    runtime = runtime_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    session = read_token(runtime.settings.secret_key, token) if scheme.lower() == "bearer" else None
    if session is None:
        raise NotAuthenticated("send the authentication_token of a meter event session")
    now = runtime.wall.now()
    if now >= session.expires_at:
        raise SessionExpired("make a new one")
    async with runtime.database.read() as tx:
        keys = await accounts.list_api_keys(tx, session.customer_id)
    if not any(key.id == session.key_id and key.is_usable(now) for key in keys):
        raise NotAuthenticated("the key of this session does not hold any more")
    return _principal(session.key_id, session.customer_id)


def _principal(key_id: UUID, customer_id: UUID | None) -> Principal:
    scopes = frozenset((Scope.EVENTS_WRITE,))
    return Principal("key", customer_id=customer_id, is_operator=customer_id is None, scopes=scopes, key_id=key_id)


@router.post("/v1/billing/meter_event_adjustments")
async def stripe_create_meter_event_adjustment(request: Request) -> Response:
    """Stripe: cancel one meter event (v1, a form)"""
    return await _cancel(request, version=1)


@router.post("/v2/billing/meter_event_adjustments")
async def stripe_create_meter_event_adjustment_v2(request: Request) -> Response:
    """Stripe: cancel one meter event (v2, JSON)"""
    return await _cancel(request, version=2)


async def _cancel(request: Request, *, version: int) -> Response:
    runtime, principal = runtime_of(request), await sender(request)
    if not principal.is_operator:
        raise accounts.OperatorsOnly("events are cancelled with an operator's key")
    body = await read_body(request, limit=BODY_LIMIT)
    wanted = read_cancellation(read_form(body) if version == 1 else read_object(body))
    async with runtime.unit() as unit:
        await cancel_event(unit, principal, wanted)
    document: dict[str, object] = {
        "object": "billing.meter_event_adjustment",
        "cancel": {"identifier": wanted.identifier},
        "event_name": wanted.event_name,
        "livemode": not runtime.settings.is_sandbox,
        "status": "complete",
        "type": "cancel",
    }
    if version == 2:
        created, id = moment(runtime.clock.now(), 2), public_id("bmea", runtime.ids.new())
        document |= {"object": "v2.billing.meter_event_adjustment", "created": created, "id": id}
    return send_answer(Answer(200, document))
