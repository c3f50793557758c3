"""OpenMeter's API to ours and back. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus

import msgspec

from autorisen.kit.ids import public_id
from autorisen.kit.problems import FieldError, Problem
from autorisen.metering.compat.model import Answer, rejections
from autorisen.metering.compat.openmeter.model import CUSTOMER, IngestedEvent, MeterQuestion, MeterRow
from autorisen.metering.cursors import encode_cursor
from autorisen.metering.decode import Form
from autorisen.metering.errors import InvalidEvent
from autorisen.metering.model import Aggregation, MeterDefinition, Receipt

PREFIX = "/compat/openmeter/"

FORMS: dict[str, Form] = {
    "application/json": "either",
    "application/cloudevents+json": "one",
    "application/cloudevents-batch+json": "batch",
}

# What is not just our word in capitals; a time-weighted average comes nearest to theirs of values.
_AGGREGATIONS = {Aggregation.UNIQUE: "UNIQUE_COUNT", Aggregation.TIME_WEIGHTED: "AVG"}

# OpenMeter has one status for all that is wrong with a request.
_STATUS = {415: 400, 422: 400}


def receipt_answer(receipt: Receipt, status: int) -> Answer:
    """`status` when all is stored, now or before. Raises `InvalidEvent` naming the rejected; the others are stored."""
    broken = rejections(receipt)
    if broken:
        raise InvalidEvent(
            f"{len(broken)} rejected, {receipt.accepted} stored now, {receipt.duplicates + receipt.conflicts} before",
            errors=[FieldError(f"/{result.index}{result.field or ''}", result.reason or "") for result in broken],
        )
    return Answer(status)


def refusal(problem: Problem, request_id: str | None) -> Answer:
    """A problem in the forms of OpenMeter's API v1 (`extensions`) and v3 (`invalid_parameters`)."""
    status = _STATUS.get(problem.status, problem.status)
    document: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": ": ".join(part for part in (problem.title, problem.detail) if part),
        "instance": f"urn:request:{request_id or 'unknown'}",
    }
    extensions: dict[str, object] = {"code": problem.code}
    if problem.errors:
        extensions["validationErrors"] = [
            {"field": error.field, "code": problem.code, "message": error.rule} for error in problem.errors
        ]
        document["invalid_parameters"] = [
            {
                "field": error.field,
                "rule": problem.code,
                "reason": error.rule,
                "source": "query" if error.field.startswith("query/") else "body",
            }
            for error in problem.errors
        ]
    return Answer(status, document | {"extensions": extensions}, "application/problem+json")


def slug_of(key: str) -> str:
    """The key of a meter in the letters that a slug may have."""
    return re.sub(r"[^A-Za-z0-9]", "_", key)


def meter_answer(meter: MeterDefinition, changed_at: datetime) -> Answer:
    return Answer(200, _meter(meter, changed_at))


def meters_answer(meters: Sequence[tuple[MeterDefinition, datetime]]) -> Answer:
    return Answer(200, [_meter(*each) for each in meters])


def _meter(meter: MeterDefinition, changed_at: datetime) -> dict[str, object]:
    """One meter; of its times only that of the last change is known."""
    document: dict[str, object] = {
        "id": meter.key,
        "slug": slug_of(meter.key),
        "name": meter.name,
        "description": f"{meter.name}, in {meter.unit}",
        "aggregation": _AGGREGATIONS.get(meter.aggregation, meter.aggregation.value.upper()),
        "eventType": meter.event_type,
        "createdAt": _stamp(changed_at),
        "updatedAt": _stamp(changed_at),
    }
    if meter.value_path:
        document["valueProperty"] = _path(meter.value_path)
    if meter.group_by:
        document["groupBy"] = {dimension.name: _path(dimension.path) for dimension in meter.group_by}
    return document


def _path(names: Sequence[str]) -> str:
    return "$" + "".join(_step(name) for name in names)


def _step(name: str) -> str:
    return f".{name}" if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else f"[{msgspec.json.encode(name).decode()}]"


def query_answer(question: MeterQuestion, rows: Sequence[MeterRow]) -> Answer:
    """The rows of a query as JSON; values are exact numbers."""
    data: list[dict[str, object]] = [
        {
            "value": row.value,
            "windowStart": _stamp(row.start),
            "windowEnd": _stamp(row.end),
            "subject": row.subject,
            "customerId": row.customer_id,
            "groupBy": dict(row.group),
        }
        for row in rows
    ]
    asked = {"from": question.since, "to": question.to, "windowSize": question.window}
    return Answer(200, {name: value for name, value in asked.items() if value is not None} | {"data": data})


def query_csv(question: MeterQuestion, rows: Sequence[MeterRow]) -> str:
    """The rows of a query as CSV."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    by_customer = CUSTOMER in question.group_by
    lines.writerow(["window_start", "window_end", "subject", *question.dimensions, *[CUSTOMER] * by_customer, "value"])
    for row in rows:
        groups = [value for _, value in row.group] + [row.customer_id] * by_customer
        lines.writerow([_stamp(row.start), _stamp(row.end), row.subject, *groups, f"{row.value:f}"])
    return text.getvalue()


def events_answer(events: Sequence[IngestedEvent]) -> Answer:
    return Answer(200, [_event(each) for each in events])


def page_answer(events: Sequence[IngestedEvent], limit: int) -> Answer:
    """A page of fewer than `limit` events, of which as many were read to know whether there is a next page."""
    page = events[: limit - 1]
    document: dict[str, object] = {"items": [_event(each) for each in page]}
    if len(events) == limit:
        last = page[-1].event
        document["nextCursor"] = encode_cursor([last.occurred_at.isoformat(), last.source, last.id])
    return Answer(200, document)


def _event(ingested: IngestedEvent) -> dict[str, object]:
    event = ingested.event
    document: dict[str, object] = {
        "id": event.id,
        "source": event.source,
        "specversion": "1.0",
        "type": event.type,
        "subject": event.subject,
        "time": _stamp(event.occurred_at),
        "data": msgspec.Raw(event.data_json.encode()),
    }
    if event.extensions_json:
        document |= msgspec.json.decode(event.extensions_json, type=dict[str, msgspec.Raw])
    at = _stamp(ingested.ingested_at)
    answer: dict[str, object] = {"event": document, "ingestedAt": at, "storedAt": at}
    if event.customer_id:
        answer["customerId"] = public_id("cus", event.customer_id)
    return answer


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
