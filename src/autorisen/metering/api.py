"""Machine interface of metering: send events, read usage, list events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from autorisen import accounts
from autorisen.accounts import Principal
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import public_id
from autorisen.kit.problems import FieldError, InvalidInput, UnsupportedMediaType
from autorisen.kit.read_body import ACCEPTED
from autorisen.metering import usage
from autorisen.metering.decode import Form, decode_body
from autorisen.metering.errors import InvalidEvent
from autorisen.metering.filters import filter_text, path_text
from autorisen.metering.ingest import Item
from autorisen.metering.intake import BODY_LIMIT, media_type, sender, store_body
from autorisen.metering.model import MeterDefinition
from autorisen.metering.query import (
    event_cursor,
    event_document,
    stretch,
    visible_customer,
)
from autorisen.metering.usage_query import read_rows, usage_document, usage_question, usage_table

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


@router.get("/api/usage", responses={200: {"content": {"application/json": {}, "text/csv": {}}}})
async def read_usage(
    *,
    request: Request,
    runtime: RuntimeDep,
    principal: Reader,
    customer: CustomerName = None,
    since: Annotated[str | None, Query(alias="from", description="RFC 3339; 30 days before `to` when absent")] = None,
    to: Annotated[str | None, Query(description="RFC 3339, not included; now when left out")] = None,
    bucket: Annotated[str | None, Query(description="minute, hour, day or month; totals only when left out")] = None,
    meter: Annotated[str | None, Query(description="one meter; all when left out")] = None,
    time_zone: Annotated[str, Query(description="IANA name of the zone whose days and hours are meant")] = "UTC",
    group_by: Annotated[tuple[str, ...], Query(description="dimensions, like model", max_length=8)] = (),
    where: Annotated[tuple[str, ...], Query(description="only this value, like model:large", max_length=8)] = (),
    format: Annotated[
        Literal["json", "csv"] | None, Query(description="how it is answered; by `Accept` when left out")
    ] = None,
) -> Response:
    """Exact usage of one customer in a stretch of time, per meter: in all, by bucket, by dimension."""
    question = usage_question(
        stretch(since, to, runtime.clock.now()),
        bucket=bucket,
        meter=meter,
        time_zone=time_zone,
        group_by=group_by,
        where=where,
    )
    async with runtime.database.read(snapshot=True) as tx:
        customer_id = await visible_customer(tx, principal, customer, needed=True)
        assert customer_id is not None, "asked for with needed=True"
        rows = await read_rows(tx, customer_id, question)
    if (format or _preferred(request)) == "csv":
        name = f"usage-{public_id('cus', customer_id)}.csv"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(usage_table(question, rows), media_type="text/csv", headers=headers)
    return _json(usage_document(customer_id, question, rows))


def _preferred(request: Request) -> str:
    """What a client that accepts tables and names no JSON wants."""
    accepted = request.headers.get("accept", "").lower()
    return "csv" if "text/csv" in accepted and "application/json" not in accepted else "json"


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
    """All meters: what they count, and in which unit; and those that are being counted from all events."""
    async with runtime.database.read(snapshot=True) as tx:
        found, building = await usage.meters(tx), await usage.rebuilds(tx)
    return _json(
        {
            "meters": [_meter(each) for each in found],
            "rebuilds": [
                _meter(each.meter.definition)
                | {
                    "events_done": each.events_done,
                    "events_total": each.events_total,
                    "started_at": each.started_at.isoformat(),
                }
                for each in building
            ],
        }
    )


def _meter(meter: MeterDefinition) -> dict[str, object]:
    return {
        "key": meter.key,
        "name": meter.name,
        "unit": meter.unit,
        "event_type": meter.event_type,
        "aggregation": meter.aggregation,
        "value_path": path_text(meter.value_path) or None,
        "filter": msgspec.Raw(filter_text(meter.filter).encode() or b"null"),
        "group_by": {each.name: path_text(each.path) for each in meter.group_by},
    }


def _json(document: object) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")
