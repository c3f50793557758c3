"""Machine interface of repairing: list what does not count, and mend it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from autorisen import accounts
from autorisen.accounts import Principal
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import MalformedId, parse_public_id, public_id
from autorisen.kit.problems import FieldError, InvalidInput
from autorisen.metering.query import tenant_of
from autorisen.metering.repairs.documents import conflict_document, read_members, rejection_document
from autorisen.metering.repairs.model import ConflictStatus, RejectionStatus
from autorisen.metering.repairs.read_repairs import broken_rules, list_conflicts, list_rejected
from autorisen.metering.repairs.repair_event import discard_event, replay_event
from autorisen.metering.repairs.replay_rule import replay_rule
from autorisen.metering.repairs.settle_conflict import dismiss_conflict, take_conflict

router = APIRouter(prefix="/api/events", tags=["metering"])

Reader = Annotated[Principal, Depends(accounts.api_key_or_session("usage:read"))]
Writer = Annotated[Principal, Depends(accounts.api_key_or_session("events:write"))]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(description="`next` of the page before")]

_TEXT = {"type": "string", "minLength": 1, "maxLength": 500}


def _takes(required: tuple[str, ...], **properties: Mapping[str, object]) -> dict[str, Any]:
    schema = {"type": "object", "required": list(required), "properties": properties, "additionalProperties": False}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


_REASON = _takes(("reason",), reason=_TEXT)
_REPLAY = _takes(
    ("reason",),
    reason=_TEXT,
    event={"type": "object", "description": "a CloudEvent to take the place of the kept body"},
    patch={"type": "object", "description": "changes of the kept body (RFC 7396)"},
)
_REPLAY_RULE = _takes(
    ("field", "rule", "reason"),
    field={"type": "string"},
    rule={"type": "string"},
    reason=_TEXT,
    after={"type": "string", "description": "`next` of the call before"},
)


@router.get("/rejected")
async def list_rejected_events(
    runtime: RuntimeDep,
    principal: Reader,
    status: Annotated[RejectionStatus, Query(description="what became of them")] = RejectionStatus.OPEN,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Events that were refused, newest first, as they were sent and with the rule they broke."""
    async with runtime.database.read() as tx:
        page = await list_rejected(tx, tenant=tenant_of(principal), status=status, after=cursor, limit=limit)
    return _json({"events": [rejection_document(each) for each in page.events], "next": page.next})


@router.get("/rejected/rules")
async def list_broken_rules(runtime: RuntimeDep, principal: Reader) -> Response:
    """Which rules the newest 10,000 open rejections break, the most frequent first."""
    async with runtime.database.read() as tx:
        rules = await broken_rules(tx, tenant=tenant_of(principal))
    return _json({"rules": rules})


@router.post("/rejected/replay", openapi_extra=_REPLAY_RULE)
async def replay_rejected_rule(request: Request, runtime: RuntimeDep, principal: Writer) -> Response:
    """Replay all open rejections of one rule as they were kept, at most 5,000 a call.

    For when the cause is mended: a meter, a customer. Those that are still refused stay open. Go on with `next`.
    """
    members = await read_members(request, texts=("field", "rule", "reason"), others=("after",))
    done = await replay_rule(
        runtime,
        tenant=tenant_of(principal),
        field=str(members["field"]),
        rule=str(members["rule"]),
        actor=principal.actor,
        reason=str(members["reason"]),
        after=_place(members.get("after")),
    )
    return _json(
        {
            "replayed": done.replayed,
            "refused": done.refused,
            "next": public_id("rej", done.next) if done.next else None,
        }
    )


@router.post("/rejected/{rejection_id}/replay", openapi_extra=_REPLAY)
async def replay_rejected_event(
    request: Request, runtime: RuntimeDep, principal: Writer, rejection_id: str
) -> Response:
    """Send a rejected event through ingest again: as it was kept, whole and corrected (`event`), or in parts (`patch`).

    It becomes an event of the key that sent it first, once. 422 says which rule it still breaks.
    """
    members = await read_members(request, texts=("reason",), others=("event", "patch"))
    async with runtime.unit() as unit:
        ended = await replay_event(
            unit,
            id=parse_public_id("rej", rejection_id),
            tenant=tenant_of(principal),
            actor=principal.actor,
            reason=str(members["reason"]),
            event=members.get("event"),
            patch=members.get("patch"),
        )
    return _json(rejection_document(ended))


@router.post("/rejected/{rejection_id}/discard", openapi_extra=_REASON)
async def discard_rejected_event(
    request: Request, runtime: RuntimeDep, principal: Writer, rejection_id: str
) -> Response:
    """Say for good that a rejected event stays out."""
    members = await read_members(request, texts=("reason",))
    async with runtime.unit() as unit:
        ended = await discard_event(unit, reason=str(members["reason"]), **_whose(principal, "rej", rejection_id))
    return _json(rejection_document(ended))


@router.get("/conflicts")
async def list_conflicting_events(
    runtime: RuntimeDep,
    principal: Reader,
    status: Annotated[ConflictStatus, Query(description="what was decided")] = ConflictStatus.OPEN,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Events whose source and id were used for other content before, newest first, beside what counts."""
    async with runtime.database.read() as tx:
        page = await list_conflicts(tx, tenant=tenant_of(principal), status=status, after=cursor, limit=limit)
    return _json({"events": [conflict_document(each) for each in page.events], "next": page.next})


@router.post("/conflicts/{conflict_id}/dismiss", openapi_extra=_REASON)
async def dismiss_conflicting_event(
    request: Request, runtime: RuntimeDep, principal: Writer, conflict_id: str
) -> Response:
    """Say for good that the event that counts is right."""
    members = await read_members(request, texts=("reason",))
    async with runtime.unit() as unit:
        ended = await dismiss_conflict(unit, reason=str(members["reason"]), **_whose(principal, "cnf", conflict_id))
    return _json(conflict_document(ended))


@router.post("/conflicts/{conflict_id}/take", openapi_extra=_REASON)
async def take_conflicting_event(
    request: Request, runtime: RuntimeDep, principal: Writer, conflict_id: str
) -> Response:
    """Let what was sent later count instead: a correction of the event. Only operators correct events."""
    if not principal.is_operator:
        raise accounts.OperatorsOnly("events are corrected by operators; send it under an id of its own")
    members = await read_members(request, texts=("reason",))
    id = parse_public_id("cnf", conflict_id)
    async with runtime.unit() as unit:
        ended = await take_conflict(unit, id=id, actor=principal.actor, reason=str(members["reason"]))
    return _json(conflict_document(ended))


def _place(after: object) -> UUID | None:
    try:
        return None if after is None else parse_public_id("rej", str(after))
    except MalformedId:
        rule = "must be the `next` of the call before"
        raise InvalidInput(f"after {rule}", errors=[FieldError("/after", rule)]) from None


def _whose(principal: Principal, prefix: str, text: str) -> dict[str, Any]:
    id: UUID = parse_public_id(prefix, text)
    return {"id": id, "tenant": tenant_of(principal), "actor": principal.actor}


def _json(document: object) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")
