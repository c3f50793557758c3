"""HTTP shared by all rooms: how a route gets the runtime, what bodies may look like, request ids and metrics."""

from __future__ import annotations

from typing import Annotated, Any, LiteralString, cast
from urllib.parse import parse_qsl

import structlog
from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from prometheus_client import Counter, Histogram
from pydantic import BaseModel, ConfigDict, field_validator
from pydantic_core import PydanticCustomError
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from autorisen.kit.clock import monotonic
from autorisen.kit.ids import public_id
from autorisen.kit.problems import FieldError, InvalidInput, MalformedBody, NotFound, Problem, UnsupportedMediaType
from autorisen.kit.unit import Runtime

log = structlog.get_logger(__name__)

JSON_DEPTH_MAX = 32
_FORM = "application/x-www-form-urlencoded"
_NO_NUL: LiteralString = "must not hold NUL characters"

REQUESTS = Counter("autorisen_http_requests_total", "HTTP requests answered", ["method", "route", "status"])
LATENCY = Histogram(
    "autorisen_http_request_seconds",
    "Time to answer an HTTP request",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


def runtime_of(request: Request) -> Runtime:
    """The runtime that the composition root gave the app."""
    return cast(Runtime, request.app.state.runtime)


# Asynchronous although they wait for nothing: FastAPI sends plain functions through its thread pool, which costs more
# than a whole request.
async def _runtime(request: Request) -> Runtime:
    return runtime_of(request)


RuntimeDep = Annotated[Runtime, Depends(_runtime)]


class Body(BaseModel):
    """Base of JSON bodies: unknown fields are refused, nothing is coerced, and no text holds a NUL."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, str_max_length=10_000)

    @field_validator("*")
    @classmethod
    def _without_nul(cls, value: object) -> object:
        if _holds_nul(value):
            raise PydanticCustomError("nul", _NO_NUL)
        return value


def _holds_nul(value: object) -> bool:
    """Whether a text, or one in a list, has the one character that no text in the database can have."""
    if isinstance(value, list):
        return any(_holds_nul(each) for each in value)
    return isinstance(value, str) and "\0" in value


async def refuse_nul(request: Request) -> None:
    """An address with a NUL in it leads nowhere, and a parameter that has one is refused by its name."""
    if "\0" in request.url.path:
        raise NotFound("there is nothing at this address")
    _refuse_nul("query/", request.url.query)


def _refuse_nul(prefix: str, encoded: str) -> None:
    if "%00" in encoded or "\0" in encoded:
        pairs = parse_qsl(encoded, keep_blank_values=True)
        names = dict.fromkeys(name.replace("\0", "") for name, value in pairs if "\0" in name + value)
        raise InvalidInput(errors=[FieldError(f"{prefix}{name}", _NO_NUL) for name in names])


async def refuse_unknown_query(request: Request) -> None:
    """A query parameter that the route does not know is a mistake of the caller, said so, never ignored."""
    dependant = getattr(request.scope.get("route"), "dependant", None)
    if dependant is None:
        return
    known = _query_names(dependant)
    unknown = [name for name, _ in parse_qsl(request.url.query, keep_blank_values=True) if name not in known]
    if unknown:
        rule = f"is not a parameter of this address; known: {', '.join(sorted(known)) or 'none'}"
        raise InvalidInput(errors=[FieldError(f"query/{name}", rule) for name in dict.fromkeys(unknown)])


def _query_names(dependant: Dependant) -> set[str]:
    names = {field.alias for field in dependant.query_params}
    return names.union(*(_query_names(inner) for inner in dependant.dependencies))


def check_json(body: bytes) -> None:
    """Refuse bytes that are not UTF-8 and brackets that nest deeper than any body of ours needs."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise MalformedBody(f"the body is not UTF-8: byte {error.start}") from None
    if nesting(body) > JSON_DEPTH_MAX:
        raise MalformedBody(f"the body nests deeper than {JSON_DEPTH_MAX} levels")


def nesting(body: bytes) -> int:
    """How deep the brackets of a JSON text nest, counted without a stack; brackets in strings do not count."""
    depth = deepest = 0
    in_string = escaped = False
    for byte in body:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


class JsonBodies:
    """ASGI middleware for `/api`: a body is JSON and says so (415), in UTF-8 and not too deep (400).

    `exempt` paths read their raw bytes themselves (signed webhooks, event ingestion).
    """

    def __init__(self, app: ASGIApp, *, exempt: tuple[str, ...]) -> None:
        self._app = app
        self._exempt = exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._applies(scope):
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        if body:
            content_type = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
            if content_type != "application/json":
                raise UnsupportedMediaType("send application/json")
            check_json(body)
        await self._app(scope, _replay(body, receive), send)

    def _applies(self, scope: Scope) -> bool:
        path = scope["path"]
        return (
            scope["method"] in {"POST", "PUT", "PATCH", "DELETE"}
            and path.startswith("/api/")
            and not path.startswith(self._exempt)
        )


class Forms:
    """ASGI middleware: no field of a form that a page sends holds a NUL."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and Headers(scope=scope).get("content-type", "").startswith(_FORM):
            body = await _read(receive)
            _refuse_nul("/", body.decode("latin-1"))
            receive = _replay(body, receive)
        await self._app(scope, receive, send)


async def _read(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            break
    return b"".join(chunks)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


class RequestContext:
    """Outermost ASGI middleware: gives each request an id (answered as X-Request-ID), counts it, logs what failed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = public_id("req", runtime_of(Request(scope)).ids.new())
        scope.setdefault("state", {})["request_id"] = request_id
        status = 500
        begun = monotonic()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                seconds = monotonic() - begun
                route = getattr(scope.get("route"), "path", "unmatched")
                REQUESTS.labels(scope["method"], route, str(status)).inc()
                LATENCY.labels(route).observe(seconds)
                level = log.warning if status >= 500 else log.debug
                # An address that is a key to something is not for logs.
                path = route if "{token}" in route else scope["path"]
                level("http.request", method=scope["method"], path=path, status=status,
                      milliseconds=round(seconds * 1000, 1))  # fmt: skip


def validation_problem(errors: list[Any]) -> Problem:
    """FastAPI's validation errors as one problem that names each field (a JSON pointer) and its rule."""
    malformed = next((error for error in errors if error["type"] == "json_invalid"), None)
    if malformed:
        return MalformedBody(f"the body is not JSON: {malformed['ctx']['error']} at character {malformed['loc'][-1]}")
    return InvalidInput(
        errors=[FieldError(_pointer(error["loc"]), str(error["msg"])) for error in errors],
    )


def _pointer(location: tuple[str | int, ...]) -> str:
    where, *rest = location
    path = "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in rest)
    if where == "body":
        return f"/{path}" if rest else ""  # RFC 6901: the empty pointer is the whole document
    return f"{where}/{path}"
