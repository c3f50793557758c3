"""The OpenAPI document, completed: every operation says which problem documents it may answer with."""

from __future__ import annotations

from typing import Any

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457 problem details. `code` is stable; `errors` names each field and the rule it breaks.",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string", "examples": ["/problems/invalid_input"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "examples": ["invalid_input"]},
        "detail": {"type": "string"},
        "instance": {"type": "string", "description": "The request id; also in the X-Request-ID header."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "rule"],
                "properties": {
                    "field": {"type": "string", "description": "A JSON pointer into the body, or query/NAME."},
                    "rule": {"type": "string"},
                },
            },
        },
    },
}

_EVERYWHERE = {"422": "A parameter or field breaks a rule", "503": "Not now; nothing was done, send the same again"}
_WITH_KEY = {"401": "No valid key or session", "403": "The key lacks the scope, or the person may not"}
_WITH_ID = {"404": "There is none, or it belongs to somebody else"}
_WITH_BODY = {"400": "The body can't be read", "413": "The body is too large", "415": "Not the content type asked for"}


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Give every operation its problem answers; takes and gives the document that FastAPI made."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = PROBLEM_SCHEMA
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            has_id = "{" in path or any(each["name"] == "customer" for each in operation.get("parameters", ()))
            _complete_operation(operation, has_id=has_id, has_body=method in {"post", "put", "patch", "delete"})
    return document


def _complete_operation(operation: dict[str, Any], *, has_id: bool, has_body: bool) -> None:
    expected = dict(_EVERYWHERE)
    if operation.get("security"):
        expected |= _WITH_KEY
    if has_id:
        expected |= _WITH_ID
    if has_body:
        expected |= _WITH_BODY
    responses = operation["responses"]
    for status, meaning in expected.items():
        responses.setdefault(status, {"description": meaning})
    for status, response in responses.items():
        if status.startswith(("4", "5")):
            if response["description"] == "Validation Error":
                response["description"] = expected.get(status, response["description"])
            response["content"] = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    operation["responses"] = dict(sorted(responses.items()))
