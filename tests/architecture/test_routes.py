"""Every route has its place: machines under /api, people elsewhere; each operation named, grouped and documented."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter, FastAPI

from scripts.write_routes import PAGE, is_foreign, page, served

# What load balancers, scrapers and foreign tools expect at the root, and nothing else.
# The description of the machine interface itself.
_ABOUT_THE_API = frozenset({"/api/openapi.json", "/api/docs"})
_MACHINES_AT_THE_ROOT = frozenset({"/alive", "/services/health", "/metrics"})


def misplaced(app: FastAPI) -> Iterator[str]:
    """Operations outside /api/ and pages inside."""
    operations = app.openapi()["paths"]
    for route in served(app):
        under_api = route.path.startswith("/api/")
        if route.path in _ABOUT_THE_API:
            continue
        if is_foreign(route.path) and route.path in operations:
            yield f"{route.path} is somebody else's contract; their document describes it"
        elif route.path in operations and not under_api and route.path not in _MACHINES_AT_THE_ROOT:
            yield f"{route.path} is for machines; it belongs under /api/"
        if route.path not in operations and under_api:
            yield f"{route.path} is a page; /api/ is for machines"


def served_twice(app: FastAPI) -> list[tuple[str, str]]:
    # The door of ingestion reads raw bytes in a route of its own; the described one beside it is its documentation.
    counted = Counter((route.method, route.path) for route in served(app) if route.path != "/api/events")
    return [place for place, times in counted.items() if times > 1]


def undocumented(document: Mapping[str, Any]) -> Iterator[str]:
    """Operations of an OpenAPI document that a reader or a generator of clients would stumble over."""
    operations = [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    counted = Counter(operation.get("operationId") for _, operation in operations)
    for name, operation in operations:
        id = operation.get("operationId")
        if counted[id] > 1:
            yield f"{name}: operation id {id} is used twice"
        if not isinstance(id, str) or not id.isidentifier():
            yield f"{name}: operation id {id!r} is no good name for a function"
        if not operation.get("tags"):
            yield f"{name}: no tag"
        if not operation.get("summary"):
            yield f"{name}: no summary"


def test_routes_are_in_their_place(app: FastAPI) -> None:
    assert list(misplaced(app)) == []


def test_no_address_is_served_twice(app: FastAPI) -> None:
    assert served_twice(app) == []


def test_every_operation_is_documented(app: FastAPI) -> None:
    assert list(undocumented(app.openapi())) == []


def test_the_list_of_routes_is_up_to_date(app: FastAPI) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(app), "run `python scripts/write_routes.py`"


def test_misplaced_and_doubled_routes_are_seen() -> None:
    app, pages = FastAPI(), APIRouter()
    pages.add_api_route("/api/invoices", lambda: None)
    pages.add_api_route("/invoices", lambda: None)
    app.include_router(pages, include_in_schema=False)
    app.add_api_route("/invoices/all", lambda: None)
    app.add_api_route("/compat/other/invoices", lambda: None)
    app.add_api_route("/api/invoices", lambda: None, include_in_schema=False)
    assert len(list(misplaced(app))) == 4
    assert served_twice(app) == [("GET", "/api/invoices")]


def test_a_double_and_a_nameless_operation_are_seen() -> None:
    good = {"operationId": "a", "tags": ["x"], "summary": "A"}
    document = {"paths": {"/a": {"get": good, "post": good}, "/b": {"get": {"operationId": "b-c", "summary": ""}}}}
    assert len(list(undocumented(document))) == 5
