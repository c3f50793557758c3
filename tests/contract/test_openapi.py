"""The OpenAPI document is a contract: generated requests, good and bad, are answered as it says.

Method: schemathesis makes requests from the document; a real server on loopback with customers, usage and invoices
answers them, as an operator with all scopes, as one customer and, where a session will do, as a signed-in member. No
answer may be a server error, differ from its documented status, type or shape, or refuse without a problem document.
"""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from autorisen.app import create_app
from autorisen.kit.open_runtime import make_runtime
from tests.contract.conftest import SETTINGS, Served

EXAMPLES_EACH = 8
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
GENERATED = settings(
    max_examples=EXAMPLES_EACH,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def _takes_a_session(context: Any) -> bool:
    return {"session": []} in context.operation.definition.raw.get("security", [])


# The document needs no database; the server has one.
schema = schemathesis.openapi.from_dict(create_app(make_runtime(SETTINGS, "postgresql://")).openapi())


@pytest.mark.parametrize("who", ["operator", "customer"])
@schema.parametrize()
@GENERATED
def test_every_operation_keeps_its_contract(case: schemathesis.Case[Any], served: Served, who: str) -> None:
    check_answer(case, served, who)


@schema.include(_takes_a_session).parametrize()
@settings(GENERATED, max_examples=5)
def test_a_signed_in_member_is_answered_as_documented(case: schemathesis.Case[Any], served: Served) -> None:
    # Made-up credentials would be judged instead of the session.
    case.headers.pop("Authorization", None)
    case.cookies.clear()
    assert check_answer(case, served, "session") != 401, "the session has ended"


def check_answer(case: schemathesis.Case[Any], served: Served, who: str) -> int:
    """Ask, compare the answer with the document, and give its status."""
    headers = served.callers[who]
    # A made-up cookie makes it a request of another site's page, which is refused before anything is read.
    case.cookies.clear()
    response = case.call(base_url=served.url, headers=headers)
    case.validate_response(response, checks=list(CHECKS), headers=headers)
    if response.status_code >= 400:
        document = response.json()
        assert response.headers["content-type"][0] == "application/problem+json"
        assert document["status"] == response.status_code
        assert document["code"], document
        assert document["title"], document
    return int(response.status_code)


def test_the_document_describes_the_main_operations() -> None:
    described = {
        f"{method.upper()} {path}" for path, methods in schema.raw_schema["paths"].items() for method in methods
    }
    assert {"POST /api/events", "GET /api/usage", "GET /api/invoices", "GET /api/health"} <= described
