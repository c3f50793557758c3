"""Machine interface of corrections, for operators: a correction takes money back."""

from __future__ import annotations

from typing import Annotated, Any, cast
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from autorisen import accounts
from autorisen.accounts import Principal
from autorisen.kit.database import Tx
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import public_id
from autorisen.kit.problems import FieldError, InvalidInput, MalformedBody, UnsupportedMediaType
from autorisen.kit.read_body import read_body
from autorisen.metering.corrections.correct_events import correct_events
from autorisen.metering.corrections.errors import CorrectionRefused
from autorisen.metering.corrections.model import CORRECTIONS_LIMIT, Adjustment, Correction, Kind, Revision
from autorisen.metering.corrections.read_corrections import corrections_of_event
from autorisen.metering.decode import exact_json, read_event
from autorisen.metering.model import OPERATOR, Event, Rejection

BODY_LIMIT = 5_000_000

router = APIRouter(prefix="/api/events", tags=["metering"])

_TEXT = {"type": "string", "minLength": 1, "maxLength": 500}
_NAME = {"type": "string", "minLength": 1, "maxLength": 256}
_CORRECTION: dict[str, Any] = {
    "type": "object",
    "required": ["source", "id", "kind", "reason"],
    "additionalProperties": False,
    "properties": {
        "source": _NAME,
        "id": _NAME,
        "kind": {"enum": ["void", "amend"]},
        "reason": _TEXT,
        "customer": _NAME | {"description": "whose own key sent the event; left out for an operator's key"},
        "event": {"type": "object", "description": "the CloudEvent that counts from now on; only to amend"},
    },
}
_BODY: dict[str, Any] = {
    "type": "object",
    "required": ["corrections"],
    "additionalProperties": False,
    "properties": {
        "corrections": {"type": "array", "minItems": 1, "maxItems": CORRECTIONS_LIMIT, "items": _CORRECTION}
    },
}
_TAKES = {"requestBody": {"required": True, "content": {"application/json": {"schema": _BODY}}}}
_MEMBERS = ("source", "id", "kind", "reason")

_Text = Annotated[str, Query(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f]+$")]
Writer = Annotated[Principal, Depends(accounts.api_key_or_session("events:write"))]
Reader = Annotated[Principal, Depends(accounts.api_key_or_session("usage:read"))]


@router.post("/corrections", openapi_extra=_TAKES)
async def correct_stored_events(request: Request, runtime: RuntimeDep, principal: Writer) -> Response:
    """Void or amend stored events, all of them or none; quantities follow before this is answered.

    The same corrections again change nothing. Only operators correct events.
    """
    if not principal.is_operator:
        raise accounts.OperatorsOnly("events are corrected by operators")
    items = await _items(request)
    async with runtime.unit() as unit:
        corrections = await _corrections(unit.tx, items)
        receipt = await correct_events(unit, actor=principal.actor, corrections=corrections)
    return _json(
        {
            "correction": receipt.public_id,
            "voided": receipt.voided,
            "amended": receipt.amended,
            "unchanged": receipt.unchanged,
            "adjustments": [_adjustment(each) for each in receipt.adjustments],
        }
    )


@router.get("/corrections")
async def list_corrections(
    *,
    runtime: RuntimeDep,
    principal: Reader,
    source: _Text,
    id: _Text,
    customer: Annotated[str | None, Query(description="whose own key sent the event")] = None,
) -> Response:
    """All corrections of one event, the first one first: the last one is what counts."""
    async with runtime.database.read() as tx:
        tenant = principal.customer_id
        if tenant is None or customer is not None:
            tenant = await _tenant(tx, customer)
            if tenant is None or not (principal.is_operator or principal.customer_id == tenant):
                raise accounts.CustomerNotFound("there is no such customer")
        found = await corrections_of_event(tx, tenant=tenant, source=source, id=id)
    return _json({"corrections": [_revision(each) for each in found]})


async def _items(request: Request) -> list[dict[str, object]]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise UnsupportedMediaType("send application/json")
    body = exact_json(await read_body(request, limit=BODY_LIMIT))
    if not isinstance(body, dict):
        raise MalformedBody("the body must be a JSON object")
    errors = [FieldError(f"/{name}", "is not known") for name in sorted(body.keys() - {"corrections"})]
    listed = body.get("corrections")
    if not isinstance(listed, list) or not 0 < len(listed) <= CORRECTIONS_LIMIT:
        errors.append(FieldError("/corrections", f"must be a list of 1 to {CORRECTIONS_LIMIT:,}"))
        listed = []
    for place, item in enumerate(listed):
        errors += _errors_of(item, f"/corrections/{place}")
    if errors:
        raise InvalidInput(f"{errors[0].field} {errors[0].rule}", errors=errors)
    return listed


def _errors_of(item: object, place: str) -> list[FieldError]:
    if not isinstance(item, dict):
        return [FieldError(place, "must be an object")]
    known = {*_MEMBERS, "customer", "event"}
    errors = [FieldError(f"{place}/{name}", "is not known") for name in sorted(item.keys() - known)]
    for name in (*_MEMBERS, *(["customer"] if "customer" in item else [])):
        text = item.get(name)
        if not isinstance(text, str) or not text or not text.isprintable():
            errors.append(FieldError(f"{place}/{name}", "must be a text without control characters"))
    if item.get("kind") not in ("void", "amend"):
        errors.append(FieldError(f"{place}/kind", "must be void or amend"))
    return errors


async def _corrections(tx: Tx, items: list[dict[str, object]]) -> list[Correction]:
    names = sorted({str(item["customer"]) for item in items if "customer" in item})
    customers = await accounts.customer_ids_by_key(tx, names) if names else {}
    errors: list[FieldError] = []
    made = []
    for place, item in enumerate(items):
        event = read_event(item["event"]) if "event" in item else None
        if isinstance(event, Rejection):
            errors.append(FieldError(f"/corrections/{place}/event{event.field}", event.rule))
        tenant = customers.get(str(item["customer"])) if "customer" in item else OPERATOR
        if tenant is None:
            errors.append(FieldError(f"/corrections/{place}/customer", "is no customer's key or id"))
        texts = {name: str(item[name]) for name in ("source", "id", "reason")}
        amended = event if isinstance(event, Event) else None
        made.append(Correction(tenant or OPERATOR, kind=cast("Kind", item["kind"]), amended=amended, **texts))
    if errors:
        raise CorrectionRefused(f"{errors[0].field} {errors[0].rule}", errors=errors)
    return made


async def _tenant(tx: Tx, customer: str | None) -> UUID | None:
    if customer is None:
        return OPERATOR
    return (await accounts.customer_ids_by_key(tx, [customer])).get(customer)


def _adjustment(each: Adjustment) -> dict[str, object]:
    return {
        "meter": each.meter,
        "customer": public_id("cus", each.customer_id),
        "hour": each.hour.isoformat(),
        "dimensions": msgspec.Raw((each.dimensions or "{}").encode()),
        "before": f"{each.before:f}",
        "after": f"{each.after:f}",
    }


def _revision(each: Revision) -> dict[str, object]:
    document: dict[str, object] = {
        "correction": each.public_id,
        "revision": each.revision,
        "kind": each.kind,
        "by": each.actor,
        "reason": each.reason,
        "at": each.corrected_at.isoformat(),
    }
    if each.amended is not None:
        document["event"] = {
            "type": each.amended.type,
            "subject": each.amended.subject,
            "time": each.amended.occurred_at.isoformat(),
            "data": msgspec.Raw(each.amended.data_json.encode()),
        }
    return document


def _json(document: object) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")
