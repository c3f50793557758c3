"""Problem documents follow RFC 9457 and carry what a caller needs to act."""

import pytest

from autorisen.kit.problems import (
    BodyTooLarge,
    Conflict,
    FieldError,
    InvalidInput,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Problem,
    TooManyRequests,
    Unavailable,
    UnsupportedMediaType,
)


def test_a_document_names_field_and_rule_and_keeps_extra_members() -> None:
    problem = InvalidInput("two rules", errors=[FieldError("/name", "must not be empty")], plan="pro")
    assert problem.document(instance="req_1") == {
        "type": "/problems/invalid_input",
        "title": "The input breaks a rule",
        "status": 422,
        "code": "invalid_input",
        "detail": "two rules",
        "instance": "req_1",
        "errors": [{"field": "/name", "rule": "must not be empty"}],
        "plan": "pro",
    }


def test_a_bare_problem_says_no_more_than_it_knows() -> None:
    assert NotFound().document() == {
        "type": "/problems/not_found",
        "title": "Not found",
        "status": 404,
        "code": "not_found",
    }
    assert str(Problem()) == "Something went wrong on our side"


@pytest.mark.parametrize(
    "problem, status, headers",
    [
        (NotAuthenticated(), 401, {"WWW-Authenticate": 'Bearer realm="autorisen"'}),
        (NotAllowed(), 403, {}),
        (Conflict(), 409, {}),
        (BodyTooLarge(), 413, {}),
        (UnsupportedMediaType(), 415, {}),
        (TooManyRequests(retry_after_seconds=7), 429, {"Retry-After": "7"}),
        (Unavailable(), 503, {"Retry-After": "1"}),
    ],
)
def test_each_refusal_has_its_status_and_headers(problem: Problem, status: int, headers: dict[str, str]) -> None:
    assert problem.status == status
    assert problem.headers == headers
