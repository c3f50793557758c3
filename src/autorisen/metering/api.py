"""Machine interface of metering: send events, read usage, list events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from autorisen import accounts
from autorisen.accounts import Principal
from autorisen.kit.http import RuntimeDep
from autorisen.kit.problems import FieldError, InvalidInput, UnsupportedMediaType
from autorisen.kit.read_body import ACCEPTED
from autorisen.metering import usage
from autorisen.metering.decode import Form, decode_body
from autorisen.metering.errors import InvalidEvent
from autorisen.metering.ingest import Item
from autorisen.metering.intake import BODY_LIMIT, media_type, sender, store_body
from autorisen.metering.query import (
    event_cursor,
    event_document,
    stretch,
    usage_document,
    usage_question,
    visible_customer,
)

router = APIRouter(tags=["metering"])

_FORMS: dict[str, Form] = {
    "application/json": "either",
    "application/cloudevents+json": "one",
    "application/cloudevents-batch+json": "batch",
}
_EVENT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "subject"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1, "maxLength": 256},
        "source": {"type": "string", "minLength": 1, "maxLength": 256},
        "type": {"type": "string", "minLength": 1, "maxLength": 256},
        "subject": {"type": "string", "minLength": 1, "maxLength": 256, "description": "customer key or cus_ id"},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "data": {"type": "object"},
    },
}
_BATCH_SCHEMA: dict[str, Any] = {"type": "array", "maxItems": 10_000, "items": _EVENT_SCHEMA}
_SCHEMAS = {"one": _EVENT_SCHEMA, "batch": _BATCH_SCHEMA, "either": {"oneOf": [_EVENT_SCHEMA, _BATCH_SCHEMA]}}
_SEND_EVENTS: dict[str, Any] = {
    "parameters": [
        {
            "name": "Content-Encoding",
            "in": "header",
            "description": f"How the body is compressed; at most {BODY_LIMIT:,} bytes as sent and as unpacked.",
            "schema": {"enum": list(ACCEPTED), "default": "identity"},
        }
    ],
    "requestBody": {
        "required": True,
        "content": {name: {"schema": _SCHEMAS[form]} for name, form in _FORMS.items()},
    },
}


async def take_events(request: Request) -> Response:
    """What serves `POST /api/events`.

    A plain route: FastAPI's matching and dependencies cost several times what a single event costs without them
    (bench/ingest.py). `send_events` below describes it in the OpenAPI document.
    """
    principal = await sender(request)
    if request.scope["query_string"]:
        raise InvalidInput(errors=[FieldError("query", "is not known at this address: leave it out")])
    form = _form(request)
    is_one = False

    def read(body: bytes) -> Sequence[Item]:
        nonlocal is_one
        is_one = body.lstrip()[:1] == b"{"
        return decode_body(body, form)

    _, receipt = await store_body(request, principal, read)
    if receipt.rejected and is_one:
        result = receipt.results[0]
        error = FieldError(result.field or "", result.reason or "")
        raise InvalidEvent(f"{error.field} {error.rule}", errors=[error])
    return _json(receipt)


router.add_route("/api/events", take_events, methods=["POST"], include_in_schema=False)


@router.post("/api/events", openapi_extra=_SEND_EVENTS)
async def send_events(
    request: Request, principal: Annotated[Principal, Depends(accounts.api_key("events:write"))]
) -> Response:
    """Store one CloudEvent or an array of them. Answered after the commit; send the same again when unsure.

    The receipt counts accepted, duplicate, conflicting and rejected events and says which were not plainly accepted.
    A single event that is rejected is answered with 422.
    """
    return await take_events(request)


def _form(request: Request) -> Form:
    form = _FORMS.get(media_type(request))
    if form is None:
        raise UnsupportedMediaType(f"send one of {', '.join(_FORMS)} in UTF-8")
    return form


Reader = Annotated[Principal, Depends(accounts.api_key_or_session("usage:read"))]
CustomerName = Annotated[str | None, Query(description="customer key or cus_ id; needed with an operator's key")]


@router.get("/api/usage")
async def read_usage(
    *,
    runtime: RuntimeDep,
    principal: Reader,
    customer: CustomerName = None,
    since: Annotated[str | None, Query(alias="from", description="RFC 3339; 30 days before `to` when absent")] = None,
    to: Annotated[str | None, Query(description="RFC 3339, not included; now when left out")] = None,
    bucket: Annotated[str | None, Query(description="hour or day; totals only when left out")] = None,
    meter: Annotated[str | None, Query(description="one meter; all when left out")] = None,
    time_zone: Annotated[str, Query(description="IANA name of the zone whose days and hours are meant")] = "UTC",
) -> Response:
    """Exact usage of one customer in a stretch of time, per meter, in all and by hour or day."""
    question = usage_question(stretch(since, to, runtime.clock.now()), bucket, meter, time_zone)
    async with runtime.database.read() as tx:
        customer_id = await visible_customer(tx, principal, customer, needed=True)
        return _json(await usage_document(tx, customer_id, question))


@router.get("/api/events")
async def list_events(
    *,
    runtime: RuntimeDep,
    principal: Reader,
    customer: Annotated[str | None, Query(description="customer key or cus_ id")] = None,
    type: Annotated[str | None, Query(description="only events of this type", max_length=256)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(description="`next` of the page before")] = None,
) -> Response:
    """Stored events, newest event time first."""
    after = event_cursor(cursor)
    async with runtime.database.read() as tx:
        customer_id = await visible_customer(tx, principal, customer, needed=False)
        events = await usage.recent_events(tx, customer_id=customer_id, type=type, after=after, limit=limit + 1)
    return _json(event_document(events, limit))


@router.get("/api/meters")
async def list_meters(runtime: RuntimeDep, principal: Reader) -> Response:
    """All meters: what they count, and in which unit."""
    async with runtime.database.read() as tx:
        found = await usage.meters(tx)
    names = ("key", "name", "unit", "event_type", "aggregation")
    return _json({"meters": [{name: getattr(meter, name) for name in names} for meter in found]})


def _json(document: object) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")
