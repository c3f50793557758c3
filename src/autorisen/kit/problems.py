"""Errors that people and machines can act on: RFC 9457 problem details.

A broken rule is one subclass of `Problem`, named for what is wrong. The app turns it into
`application/problem+json` for machines and into a page with a way on for people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

type_prefix = "/problems/"


@dataclass(frozen=True)
class FieldError:
    """One broken rule of the input: `field` is a JSON pointer (or a parameter name), `rule` says what must hold."""

    field: str
    rule: str


class Problem(Exception):
    """A refusal with a status, a stable code and a sentence that says what to do."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong on our side"

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **members: object,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.members = members

    def document(self, *, instance: str | None = None) -> dict[str, object]:
        """The problem document as plain JSON values."""
        document: dict[str, object] = {
            "type": f"{type_prefix}{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
        }
        if self.detail:
            document["detail"] = self.detail
        if instance:
            document["instance"] = instance
        if self.errors:
            document["errors"] = [{"field": error.field, "rule": error.rule} for error in self.errors]
        return document | self.members


class InvalidInput(Problem):
    """The request was understood but breaks a rule that `errors` names."""

    status, code, title = 422, "invalid_input", "The input breaks a rule"


class MalformedBody(Problem):
    """The body can't be read at all."""

    status, code, title = 400, "malformed_body", "The body can't be read"


class NotAuthenticated(Problem):
    """No credentials, or ones that do not hold."""

    status, code, title = 401, "not_authenticated", "Sign in or send a valid key"

    def __init__(self, detail: str = "", **kwargs: object) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="autorisen"'})


class NotAllowed(Problem):
    status, code, title = 403, "not_allowed", "This is not allowed"


class NotFound(Problem):
    """Also the answer for what exists but belongs to somebody else."""

    status, code, title = 404, "not_found", "Not found"


class Conflict(Problem):
    status, code, title = 409, "conflict", "This conflicts with what is already there"


class BodyTooLarge(Problem):
    status, code, title = 413, "body_too_large", "The body is too large"


class UnsupportedMediaType(Problem):
    status, code, title = 415, "unsupported_media_type", "That content type is not accepted here"


class TooManyRequests(Problem):
    status, code, title = 429, "too_many_requests", "Too many requests"

    def __init__(self, detail: str = "", *, retry_after_seconds: int) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_seconds)})


class Unavailable(Problem):
    """We can't do it now, and nothing was done; the same request may be sent again."""

    status, code, title = 503, "unavailable", "Not available at the moment"

    def __init__(self, detail: str = "", *, retry_after_seconds: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_seconds)})
