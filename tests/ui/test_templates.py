"""Every component renders, strictly: the style guide uses each of them once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from jinja2 import UndefinedError

from autorisen.app import create_app
from autorisen.kit.money import Money
from autorisen.kit.problems import FieldError, InvalidInput
from autorisen.kit.unit import Runtime
from autorisen.ui import Viewer, flash, render, render_problem
from autorisen.ui.render import environment


@dataclass(frozen=True)
class StyleGuide:
    amount: Money
    now: datetime
    chart: dict[str, object]


GUIDE = StyleGuide(
    Money(123_456_789, "ZAR"),
    datetime(2026, 3, 1, 23, 30, tzinfo=UTC),
    {
        "label": "Executions",
        "unit": "executions",
        "bucket": "day",
        "time_zone": "Africa/Johannesburg",
        "starts": [1772316000 + day * 86400 for day in range(28)],
        "stacked": True,
        "series": [
            {"label": "large", "values": [300 + (day * 37) % 190 for day in range(28)]},
            {"label": "small", "values": [90 + (day * 53) % 70 for day in range(28)]},
        ],
    },
)


@pytest.fixture
def app(runtime: Runtime) -> FastAPI:
    """The real application, made anew, with a few pages of this test's own."""
    app = create_app(runtime)

    @app.get("/t/guide")
    async def guide(request: Request) -> Response:
        request.state.viewer = Viewer("Busy Member", "first@example.com", "Acme", is_operator=True)
        request.state.csrf_token = "token-1"
        return render(request, "ui/styleguide.html", GUIDE)

    @app.get("/t/visitor")
    async def visitor(request: Request) -> Response:
        return render(request, "ui/styleguide.html", GUIDE)

    @app.get("/t/flash")
    async def set_flash(text: str) -> Response:
        response = Response()
        flash(response, text)
        return response

    @app.get("/t/problem")
    async def problem(request: Request) -> Response:
        return render_problem(
            request, InvalidInput("correct it", errors=[FieldError("/email", "give <b>one</b>")]), request_id="req_1"
        )

    return app


async def test_a_page_names_the_viewer_and_carries_the_token(client: httpx.AsyncClient) -> None:
    page = await client.get("/t/guide")
    assert page.status_code == 200
    assert "Busy Member" in page.text
    assert page.text.count('name="csrf_token" value="token-1"') == 3  # the form and both sign-out buttons
    assert "R1\xa0234\xa0567,89" in page.text
    assert "2 Mar 2026" in page.text, "23:30 UTC is the next day in Johannesburg"


async def test_a_visitor_gets_no_account_menu(client: httpx.AsyncClient) -> None:
    page = await client.get("/t/visitor")
    assert "/logout" not in page.text


async def test_pages_run_nothing_of_their_own(client: httpx.AsyncClient) -> None:
    page = await client.get("/t/guide")
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert " style=" not in page.text
    assert " onclick=" not in page.text
    assert page.headers["cache-control"] == "no-store"


def test_an_undefined_name_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="total"):
        environment().from_string("{{ total }}").render()


async def test_the_theme_is_the_cookies_choice(client: httpx.AsyncClient) -> None:
    assert "data-theme" not in (await client.get("/t/guide")).text.partition("<head>")[0]
    client.cookies.set("theme", "dark")
    assert 'data-theme="dark"' in (await client.get("/t/guide")).text
    client.cookies.set("theme", '"><script>')
    assert "data-theme=" not in (await client.get("/t/guide")).text.partition("<head>")[0]


async def test_a_flash_is_shown_once(client: httpx.AsyncClient) -> None:
    await client.get("/t/flash", params={"text": "Saved <i>it</i>; née"})
    assert "Saved &lt;i&gt;it&lt;/i&gt;; née" in (await client.get("/t/guide")).text
    assert "Saved" not in (await client.get("/t/guide")).text.partition("data-toasts")[2]


async def test_a_problem_page_says_what_next(client: httpx.AsyncClient) -> None:
    page = await client.get("/t/problem")
    assert page.status_code == 422
    assert "give &lt;b&gt;one&lt;/b&gt;" in page.text
    assert "Correct it." in page.text
    assert "req_1" in page.text
    assert "Go back, correct what is named here" in page.text
