"""What every route gets for nothing: request ids, refusals of strange bodies and parameters, no bare 500."""

from __future__ import annotations

import json

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from starlette.routing import BaseRoute

from autorisen.app import create_app
from autorisen.kit.http import JSON_DEPTH_MAX, Body, RuntimeDep, nesting, refuse_unknown_query
from autorisen.kit.problems import Conflict
from autorisen.kit.unit import Runtime


class Line(Body):
    line: str


class Order(Body):
    name: str
    count: int
    tags: list[str] | None = None
    lines: list[Line] | None = None


def make_router() -> APIRouter:
    router = APIRouter()

    @router.post("/api/orders")
    async def order(body: Order) -> dict[str, int]:
        return {"count": body.count}

    @router.get("/api/orders")
    async def orders(runtime: RuntimeDep, limit: int = 10) -> dict[str, object]:
        return {"limit": limit, "sandbox": runtime.settings.is_sandbox}

    @router.get("/api/broken")
    async def broken() -> None:
        raise ZeroDivisionError("a secret detail")

    @router.get("/api/refused")
    async def refused() -> None:
        raise Conflict("already there")

    return router


@pytest.fixture
async def client(runtime: Runtime) -> httpx.AsyncClient:
    app: FastAPI = create_app(runtime)
    # Before the app's own routes, which may end in a catch-all.
    app.router.routes[:0] = _routes(make_router())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://testserver")


def _routes(router: APIRouter) -> list[BaseRoute]:
    app = FastAPI()
    app.include_router(router, dependencies=[Depends(refuse_unknown_query)])
    return list(app.router.routes)


async def test_every_answer_has_its_own_request_id_and_is_counted(client: httpx.AsyncClient) -> None:
    labels = {"method": "GET", "route": "/api/orders", "status": "200"}
    before = REGISTRY.get_sample_value("autorisen_http_requests_total", labels) or 0
    first, second = await client.get("/api/orders"), await client.get("/api/orders")
    assert first.json() == {"limit": 10, "sandbox": True}
    assert first.headers["x-request-id"].startswith("req_")
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert REGISTRY.get_sample_value("autorisen_http_requests_total", labels) == before + 2


async def test_a_surprise_is_a_problem_document_without_its_details(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/broken")
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["instance"] == response.headers["x-request-id"]
    assert "secret" not in response.text


async def test_a_broken_rule_is_its_problem_document(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/refused")
    assert (response.status_code, response.json()["detail"]) == (409, "already there")


@pytest.mark.parametrize(
    "content, content_type, status, says",
    [
        (b"name=x", "application/x-www-form-urlencoded", 415, "application/json"),
        (b"{}", "text/plain", 415, "application/json"),
        (b'{"name": "\xff"}', "application/json", 400, "not UTF-8"),
        (b"[" * (JSON_DEPTH_MAX + 1), "application/json", 400, "nests deeper"),
        (b'{"name": ', "application/json", 400, "not JSON"),
        (b'{"name": "x"}', "application/json", 422, "/count"),
        (b'{"name": "x", "count": "3"}', "application/json", 422, "/count"),
        (b'{"name": "x", "count": 3, "role": "admin"}', "application/json", 422, "/role"),
        (b'{"name": 5, "count": 3}', "application/json; charset=utf-8", 422, "/name"),
        (b"null", "application/json", 422, '"field":""'),
        (b'{"name": "x\\u0000", "count": 3}', "application/json", 422, "/name"),
        (b'{"name": "x", "count": 3, "tags": ["ok", "x\\u0000"]}', "application/json", 422, "/tags"),
        (b'{"name": "x", "count": 3, "lines": [{"line": "x\\u0000"}]}', "application/json", 422, "/lines/0/line"),
    ],
)
async def test_strange_bodies_are_named(
    client: httpx.AsyncClient, content: bytes, content_type: str, status: int, says: str
) -> None:
    response = await client.post("/api/orders", content=content, headers={"content-type": content_type})
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert says in response.text


async def test_a_good_body_passes(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/orders", json={"name": "x", "count": 3})
    assert response.json() == {"count": 3}


async def test_unknown_and_wrong_parameters_are_named(client: httpx.AsyncClient) -> None:
    unknown = await client.get("/api/orders", params={"limt": "5"})
    assert unknown.status_code == 422
    assert unknown.json()["errors"] == [
        {"field": "query/limt", "rule": "is not a parameter of this address; known: limit"}
    ]
    wrong = await client.get("/api/orders", params={"limit": "many"})
    assert wrong.json()["errors"][0]["field"] == "query/limit"


async def test_no_text_of_an_address_or_a_form_holds_a_nul(client: httpx.AsyncClient) -> None:
    told = await client.get("/api/invoices?limit=5&customer=a%00&after=%00")
    assert told.status_code == 422
    assert [each["field"] for each in told.json()["errors"]] == ["query/customer", "query/after"]
    assert (await client.get("/api/ledger/accounts/a%00/statement")).status_code == 404
    for email in (b"a\0", b"a%00"):
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8", "origin": "https://testserver"}
        told = await client.post("/login", content=b"password=x&email=" + email, headers=headers)
        assert told.status_code == 422
        assert told.json()["errors"] == [{"field": "/email", "rule": "must not hold NUL characters"}]
    told = await client.post(
        "/login", data={"email": "a%00", "password": "x"}, headers={"origin": "https://testserver"}
    )
    assert told.status_code == 401


async def test_unknown_addresses_and_methods_are_problems(client: httpx.AsyncClient) -> None:
    missing = await client.get("/api/nothing-here")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    method = await client.delete("/api/refused")
    assert (method.status_code, method.json()["code"]) == (405, "http_405")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


@given(JSON)
def test_nesting_counts_as_the_parser_would(value: object) -> None:
    assert nesting(json.dumps(value).encode()) == depth_of(value)
    assert nesting(json.dumps(value, ensure_ascii=False).encode()) == depth_of(value)
