"""The API reference for people: the OpenAPI document as one calm page, each operation with a call to copy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from autorisen.accounts import visitor
from autorisen.kit.http import RuntimeDep
from autorisen.ui import render

router = APIRouter()

_ACCESS: dict[frozenset[str], str] = {
    frozenset(): "Public",
    frozenset({"apiKey"}): "API key",
    frozenset({"session"}): "Signed-in person",
}
# Sending and reading usage is why people come here.
_FIRST = ("metering", "subscriptions", "billing", "catalog", "payments", "accounts")
_METHODS_WITH_BODY = {"POST", "PUT", "PATCH"}


@dataclass(frozen=True)
class Parameter:
    """One parameter or one field of a body."""

    name: str
    place: str
    kind: str
    required: bool
    description: str


@dataclass(frozen=True)
class Operation:
    """One method of one address."""

    anchor: str
    method: str
    path: str
    title: str
    description: str
    access: str
    parameters: tuple[Parameter, ...]
    answers: tuple[tuple[str, str], ...]
    curl: str


@dataclass(frozen=True)
class Group:
    """The operations of one capability."""

    name: str
    operations: tuple[Operation, ...]


@dataclass(frozen=True)
class ApiReferencePage:
    base_url: str
    groups: tuple[Group, ...]


@router.get("/api/docs", name="api_reference")
async def api_reference(request: Request, runtime: RuntimeDep) -> HTMLResponse:
    """The reference page; the machine-readable form is /api/openapi.json."""
    await visitor(request, runtime)
    base_url = runtime.settings.base_url
    page = ApiReferencePage(base_url, reference(request.app.openapi(), base_url))
    return render(request, "portal/api_reference.html", page)


def reference(document: dict[str, Any], base_url: str) -> tuple[Group, ...]:
    """The document's operations by their first tag: what integrators use most comes first, the rest in its order."""
    schemas = document.get("components", {}).get("schemas", {})
    groups: dict[str, list[Operation]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or ["other"])[0]
            groups.setdefault(tag, []).append(_operation(method.upper(), path, operation, schemas, base_url))
    ordered = sorted(groups, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
    return tuple(Group(name, tuple(groups[name])) for name in ordered)


def _operation(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any], base_url: str) -> Operation:
    title, _, rest = operation.get("description", operation["summary"]).partition("\n\n")
    schemes = {name for requirement in operation.get("security", []) for name in requirement}
    access = _ACCESS.get(frozenset(schemes), "API key or signed-in person")
    body: dict[str, dict[str, Any]] = operation.get("requestBody", {}).get("content", {})
    schema: dict[str, Any] = next((content["schema"] for content in body.values() if "schema" in content), {})
    fields = tuple(_body_fields(schema, schemas))
    parameters = tuple(
        Parameter(
            each["name"], each["in"], _kind(each["schema"], schemas), each.get("required", False),
            each.get("description", ""),
        )
        for each in operation.get("parameters", [])
    )  # fmt: skip
    answers = tuple(
        (status, answer["description"].replace("Successful Response", "Done"))
        for status, answer in operation["responses"].items()
    )
    return Operation(
        anchor=operation["operationId"],
        method=method,
        path=path,
        title=title.replace("\n", " "),
        description=rest,
        access=access,
        parameters=parameters + fields,
        answers=answers,
        curl=_curl(method, base_url + path, access, _example(body, fields)),
    )


def _resolve(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    return schemas[reference.rpartition("/")[2]] if reference else schema


def _body_fields(schema: dict[str, Any], schemas: dict[str, Any]) -> list[Parameter]:
    schema = _resolve(schema, schemas)
    required = schema.get("required", [])
    return [
        Parameter(name, "body", _kind(field, schemas), name in required, field.get("description", ""))
        for name, field in schema.get("properties", {}).items()
    ]


def _kind(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """A short word for a JSON schema: text, integer, list of text, one of a, b."""
    schema = _resolve(schema, schemas)
    if "enum" in schema:
        return "one of " + ", ".join(str(value) for value in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    if "anyOf" in schema:
        kinds = [_kind(each, schemas) for each in schema["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}), schemas)}"
    named: str = schema.get("format") or schema.get("type") or "any JSON"
    return {"string": "text", "boolean": "true or false"}.get(named, named)


def _example(body: dict[str, Any], fields: tuple[Parameter, ...]) -> str:
    for content in body.values():
        if "example" in content:
            return json.dumps(content["example"])
        for example in content.get("examples", {}).values():
            return json.dumps(example["value"])
    blanks: dict[str, object] = {
        field.name: {"integer": 1, "true or false": True}.get(field.kind, f"<{field.name}>")
        for field in fields
        if field.required
    }
    return json.dumps(blanks) if blanks else ""


def _curl(method: str, url: str, access: str, body: str) -> str:
    lines = [f"curl -sS {url}" if method == "GET" else f"curl -sS -X {method} {url}"]
    if access.startswith("API key"):
        lines.append('-H "Authorization: Bearer $AUTORISEN_API_KEY"')
    if body and method in _METHODS_WITH_BODY:
        lines.append("-H 'Content-Type: application/json'")
        lines.append(f"-d '{body}'")
    return " \\\n  ".join(lines)
