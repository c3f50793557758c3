"""An unknown address is never answered with a page that says all is well: machines get a problem, people a 404 page."""

from __future__ import annotations

import httpx
import pytest


@pytest.mark.parametrize("path", ["/api/none", "/api/invoices/x/y", "/api", "/v1/none"])
@pytest.mark.parametrize("accept", ["application/json", "text/html,application/xhtml+xml"])
async def test_machines_get_a_problem(client: httpx.AsyncClient, path: str, accept: str) -> None:
    answer = await client.get(path, headers={"Accept": accept})
    assert answer.status_code == 404
    if path != "/api":
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "not_found"


@pytest.mark.parametrize("path", ["/sw.js", "/none", "/app/none", "/.env", "/static/x/none.js"])
async def test_people_get_a_page_with_a_way_on(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "href=" in answer.text


async def test_a_wrong_method_is_no_surprise(client: httpx.AsyncClient) -> None:
    answer = await client.delete("/api/plans")
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["allow"] == "GET"
