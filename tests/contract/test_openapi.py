"""The OpenAPI document is a contract: generated requests, good and bad, are answered as it says.

Method: schemathesis makes requests from the document; a real server on loopback answers them, as an operator with all
scopes and as one customer. No answer may be a server error, differ from its documented status, type or shape, or refuse
without a problem document.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from autorisen.app import create_app
from autorisen.kit.embedded_postgres import EmbeddedPostgres
from autorisen.kit.open_runtime import make_runtime
from autorisen.kit.settings import Settings
from autorisen.kit.unit import Runtime
from tests.factories.accounts import make_customer, make_key

EXAMPLES_EACH = 8
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
SETTINGS = Settings(secret_key="a-secret-key-for-tests-only-0123456789", public_url="http://127.0.0.1")

# The document needs no database; the server below has one.
schema = schemathesis.openapi.from_dict(create_app(make_runtime(SETTINGS, "postgresql://")).openapi())


@dataclass(frozen=True)
class Served:
    url: str
    operator: dict[str, str]
    customer: dict[str, str]


async def _keys(runtime: Runtime) -> tuple[dict[str, str], dict[str, str]]:
    await runtime.database.open()
    try:
        async with runtime.unit() as unit:
            customer = await make_customer(unit)
            return await make_key(unit, None), await make_key(unit, customer.id)
    finally:
        await runtime.database.close()


@pytest.fixture(scope="module")
def served(postgres: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The application on a port of its own, with one customer."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE contract TEMPLATE {template}".encode())
    home: Path = tmp_path_factory.mktemp("contract")
    ours = replace(SETTINGS, home=home, log_level="error")
    operator, customer = asyncio.run(_keys(make_runtime(ours, postgres.url("contract"))))
    app = create_app(make_runtime(ours, postgres.url("contract")))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Served(f"http://127.0.0.1:{port}", operator, customer)
    finally:
        server.should_exit = True
        thread.join(timeout=30)


@pytest.mark.parametrize("who", ["operator", "customer"])
@schema.parametrize()
@settings(
    max_examples=EXAMPLES_EACH,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_every_operation_keeps_its_contract(case: schemathesis.Case[Any], served: Served, who: str) -> None:
    headers = served.operator if who == "operator" else served.customer
    response = case.call(base_url=served.url, headers=headers)
    case.validate_response(response, checks=list(CHECKS), headers=headers)
    if response.status_code >= 400:
        document = response.json()
        assert response.headers["content-type"][0] == "application/problem+json"
        assert document["status"] == response.status_code
        assert document["code"], document
        assert document["title"], document


def test_the_document_describes_the_main_operations() -> None:
    described = {
        f"{method.upper()} {path}" for path, methods in schema.raw_schema["paths"].items() for method in methods
    }
    assert {"POST /api/events", "GET /api/usage", "GET /api/invoices", "GET /api/health"} <= described
