"""Rejected and conflicting events as the machine interface shows them, and the bodies that it takes."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from fastapi import Request

from autorisen.kit.ids import public_id
from autorisen.kit.problems import FieldError, InvalidInput, MalformedBody, UnsupportedMediaType
from autorisen.metering.decode import exact_json
from autorisen.metering.model import OPERATOR
from autorisen.metering.repairs.model import ConflictingEvent, Content, RejectedEvent, Resolution


def rejection_document(event: RejectedEvent) -> dict[str, object]:
    """A rejected event as it was sent, why it was refused and what became of it."""
    return {
        "rejection": event.public_id,
        "id": event.event_id,
        "field": event.field,
        "rule": event.rule,
        "body": event.body,
        "times": event.times,
        "first_received_at": event.first_received_at.isoformat(),
        "last_received_at": event.last_received_at.isoformat(),
        "producer": _producer(event.tenant),
        "status": event.status,
        "resolution": _resolution(event.resolution),
    }


def conflict_document(event: ConflictingEvent) -> dict[str, object]:
    """A conflicting event as it was sent, and the one that counts."""
    return {
        "conflict": event.public_id,
        "id": event.event_id,
        "source": event.source,
        **_content(event.sent),
        "received_at": event.received_at.isoformat(),
        "producer": _producer(event.tenant),
        "counts": _content(event.kept),
        "status": event.status,
        "resolution": _resolution(event.resolution),
    }


def _content(content: Content) -> dict[str, object]:
    return {
        "type": content.type,
        "subject": content.subject,
        "time": _time(content.time),
        "data": msgspec.Raw(content.data_json.encode()),
        "extensions": msgspec.Raw((content.extensions_json or "{}").encode()),
    }


def _resolution(end: Resolution | None) -> dict[str, object] | None:
    if end is None:
        return None
    document: dict[str, object] = {
        "outcome": end.outcome,
        "by": end.actor,
        "reason": end.reason,
        "at": end.at.isoformat(),
    }
    if end.source is not None:
        document["event"] = {"source": end.source, "id": end.event_id}
    return document


def _producer(tenant: UUID) -> str | None:
    return None if tenant == OPERATOR else public_id("cus", tenant)


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


async def read_members(request: Request, *, texts: tuple[str, ...], others: tuple[str, ...] = ()) -> dict[str, object]:
    """A JSON object with exact numbers, of `texts`, which are needed, and `others`. Problems name the member."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise UnsupportedMediaType("send application/json")
    members = exact_json(await request.body())
    if not isinstance(members, dict):
        raise MalformedBody("the body must be a JSON object")
    errors = [FieldError(f"/{name}", "is not known") for name in sorted(members.keys() - {*texts, *others})]
    for name in texts:
        text = members.get(name)
        if not isinstance(text, str) or not text.isprintable():
            errors.append(FieldError(f"/{name}", "must be a text without control characters"))
    if errors:
        raise InvalidInput(f"{errors[0].field} {errors[0].rule}", errors=errors)
    return members
