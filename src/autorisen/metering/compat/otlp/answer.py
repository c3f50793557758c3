"""Answers as OTLP/HTTP has them: in the encoding of the request, errors as google.rpc.Status. Pure."""

from __future__ import annotations

import msgspec

from autorisen.kit.problems import Problem
from autorisen.metering.compat.model import Answer
from autorisen.metering.compat.otlp.model import TraceReceipt
from autorisen.metering.compat.otlp.protobuf import bytes_field, number_field

PREFIX = "/v1/traces"
PROTOBUF = "application/x-protobuf"
JSON = "application/json"

# google.rpc.Code by HTTP status; clients send again after 429, 502, 503 and 504.
_CODES = {401: 16, 403: 7, 404: 5, 429: 8, 503: 14}
_INVALID_ARGUMENT, _INTERNAL = 3, 13


def receipt_body(receipt: TraceReceipt, media_type: str) -> bytes:
    """An ExportTraceServiceResponse. What was rejected is not to be sent again."""
    if media_type == PROTOBUF:
        if not receipt.rejected:
            return b""
        partial = number_field(1, receipt.rejected) + bytes_field(2, receipt.reason.encode())
        return bytes_field(1, partial)
    partial_success = {"rejectedSpans": str(receipt.rejected), "errorMessage": receipt.reason}
    return msgspec.json.encode({"partialSuccess": partial_success} if receipt.rejected else {})


def status_body(problem: Problem, media_type: str) -> bytes:
    """A problem as google.rpc.Status."""
    code, message = _status(problem)
    if media_type == PROTOBUF:
        return number_field(1, code) + bytes_field(2, message.encode())
    return msgspec.json.encode({"code": code, "message": message})


def _status(problem: Problem) -> tuple[int, str]:
    fallback = _INTERNAL if problem.status >= 500 else _INVALID_ARGUMENT
    rules = [f"{error.field} {error.rule}" for error in problem.errors]
    return _CODES.get(problem.status, fallback), ": ".join((problem.title, *filter(None, (problem.detail, *rules))))


def refusal(problem: Problem, request_id: str | None) -> Answer:
    """A problem that arises before the request reaches us, in JSON."""
    code, message = _status(problem)
    return Answer(400 if problem.status == 422 else problem.status, {"code": code, "message": message})
