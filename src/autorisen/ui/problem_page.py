"""The page a person sees when a request was refused or failed: what happened, what to do next, the request id."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import HTMLResponse

from autorisen.kit.problems import Problem
from autorisen.ui.render import render

NEXT_STEPS = {
    401: "Sign in and try again.",
    403: "Ask the owner of the account for access, or sign in with another account.",
    404: "Check the address, or go back to where you came from.",
    405: "Go back and use the buttons of the page.",
    409: "Load the page again to see the present state, then decide.",
    413: "Send less at once.",
    422: "Go back, correct what is named here, and send it again.",
    429: "Wait a moment, then try again.",
    503: "Wait a few seconds and load the page again. Nothing was changed.",
}
OUR_FAULT = "Load the page again. If it happens once more, tell support the request id below."


@dataclass(frozen=True)
class ProblemPage:
    """Context of ui/problem.html."""

    status: int
    title: str
    detail: str
    next_step: str
    errors: tuple[tuple[str, str], ...]
    request_id: str


def render_problem(request: Request, problem: Problem, *, request_id: str = "") -> HTMLResponse:
    """The HTML twin of a problem document. Keeps the problem's status and headers."""
    page = ProblemPage(
        status=problem.status,
        title=problem.title or HTTPStatus(problem.status).phrase,
        detail=problem.detail,
        next_step=NEXT_STEPS.get(problem.status, OUR_FAULT),
        errors=tuple((error.field, error.rule) for error in problem.errors),
        request_id=request_id or str(getattr(request.state, "request_id", "")),
    )
    response = render(request, "ui/problem.html", page, status=problem.status)
    for name, value in problem.headers.items():
        if name.lower() != "www-authenticate":  # a person gets a page, not the browser's password box
            response.headers[name] = value
    return response
