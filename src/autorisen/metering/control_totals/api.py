"""Machine interface of control totals: what a producer counted, and which of its events are not here."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from autorisen import accounts
from autorisen.accounts import Principal
from autorisen.kit.http import RuntimeDep
from autorisen.kit.problems import UnsupportedMediaType
from autorisen.kit.read_body import read_body
from autorisen.metering.control_totals.model import IDS_LIMIT, TOTALS_LIMIT, digest_text
from autorisen.metering.control_totals.read_bodies import read_listing, read_totals
from autorisen.metering.control_totals.record_totals import compare_listing, record_totals
from autorisen.metering.decode import exact_json
from autorisen.metering.model import OPERATOR

BODY_LIMIT = 5_000_000

router = APIRouter(prefix="/api/control-totals", tags=["metering"])

_NAME = {"type": "string", "minLength": 1, "maxLength": 256}
_PRODUCER = {"type": "string", "maxLength": 256, "description": "who counted, where several count one source"}
_HOUR = {"type": "string", "format": "date-time", "description": "beginning of an hour in UTC, of event time"}
_TOTAL: dict[str, Any] = {
    "type": "object",
    "required": ["source", "hour", "events"],
    "additionalProperties": False,
    "properties": {
        "source": _NAME,
        "hour": _HOUR,
        "producer": _PRODUCER,
        "events": {"type": "integer", "minimum": 0},
        "digest": {
            "type": "string",
            "pattern": "^[0-9a-f]{16}$",
            "description": "exclusive or of the first 8 bytes of the SHA-256 of each id",
        },
    },
}
_LISTING: dict[str, Any] = {
    "source": _NAME,
    "hour": _HOUR,
    "producer": _PRODUCER,
    "after": {"type": "string", "maxLength": 256, "description": "`through` of the request before"},
    "through": {"type": "string", "maxLength": 256, "description": "left out when these are the last ids"},
    "ids": {"type": "array", "maxItems": IDS_LIMIT, "items": _NAME},
}


def _takes(required: list[str], properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "required": required, "properties": properties, "additionalProperties": False}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


_TAKES_TOTALS = _takes(
    ["totals"], {"totals": {"type": "array", "minItems": 1, "maxItems": TOTALS_LIMIT, "items": _TOTAL}}
)
_TAKES_IDS = _takes(["source", "hour", "ids"], _LISTING)

Writer = Annotated[Principal, Depends(accounts.api_key("events:write"))]


@router.post("", openapi_extra=_TAKES_TOTALS)
async def send_control_totals(request: Request, runtime: RuntimeDep, principal: Writer) -> Response:
    """Say how many different events each source had in an hour that is over; of all revisions the last one holds.

    The answer says whether as many (and, with a digest, the same) are stored. `differs` may mean that another
    producer of the source has yet to say its part; your ids tell: `POST /api/control-totals/events`.
    """
    totals = read_totals(await _json_body(request), runtime.clock.now())
    async with runtime.unit() as unit:
        answers = await record_totals(
            unit, tenant=principal.customer_id or OPERATOR, totals=totals, actor=principal.actor
        )
    return _json(
        {
            "totals": [
                {
                    "source": each.total.source,
                    "hour": each.total.hour,
                    "producer": each.total.producer,
                    "revision": each.revision,
                    "events": each.total.events,
                    "verdict": each.verdict,
                    "said": {"events": each.said.events, "digest": digest_text(each.said.digest)},
                    "stored": {"events": each.stored.events, "digest": digest_text(each.stored.digest)},
                }
                for each in answers
            ]
        }
    )


@router.post("/events", openapi_extra=_TAKES_IDS)
async def compare_event_ids(request: Request, runtime: RuntimeDep, principal: Writer) -> Response:
    """List the ids that you count in an hour, and learn which are not stored in it and which are there besides.

    More than fit go in several requests, in the order of their bytes: `through` is the last id of one and `after`
    of the next. `missing` has the reason of each: rejected, conflict, other_hour, or unknown: it never arrived, or
    it was lost here. `unexpected` is null where others count the same source.
    """
    listing = read_listing(await _json_body(request), runtime.clock.now())
    async with runtime.unit() as unit:
        found = await compare_listing(unit, tenant=principal.customer_id or OPERATOR, listing=listing)
    return _json({"missing": found.missing, "unexpected": found.unexpected})


async def _json_body(request: Request) -> object:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType("send application/json")
    return exact_json(await read_body(request, limit=BODY_LIMIT))


def _json(document: object) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")
