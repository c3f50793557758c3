"""OpenMeter's API v1 to ours and back. Pure."""

from __future__ import annotations

from http import HTTPStatus

from autorisen.kit.problems import FieldError, Problem
from autorisen.metering.compat.model import Answer, rejections
from autorisen.metering.decode import Form
from autorisen.metering.errors import InvalidEvent
from autorisen.metering.model import Receipt

PREFIX = "/compat/openmeter/"

FORMS: dict[str, Form] = {
    "application/json": "either",
    "application/cloudevents+json": "one",
    "application/cloudevents-batch+json": "batch",
}

# OpenMeter has one status for all that is wrong with a request.
_STATUS = {415: 400, 422: 400}


def receipt_answer(receipt: Receipt) -> Answer:
    """204 when all is stored now or was before. Raises `InvalidEvent` naming the rejected; the others are stored."""
    broken = rejections(receipt)
    if broken:
        raise InvalidEvent(
            f"{len(broken)} rejected, {receipt.accepted} stored now, {receipt.duplicates + receipt.conflicts} before",
            errors=[FieldError(f"/{result.index}{result.field or ''}", result.reason or "") for result in broken],
        )
    return Answer(204)


def refusal(problem: Problem, request_id: str | None) -> Answer:
    """A problem in OpenMeter's form."""
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
    return Answer(status, document | {"extensions": extensions}, "application/problem+json")
