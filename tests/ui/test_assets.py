"""Static files: hashed, cached for ever, and honest about a hash of another release."""

from __future__ import annotations

import gzip

import httpx
import pytest

from autorisen.app import create_app
from autorisen.kit.unit import Runtime
from autorisen.ui import static_router, static_url
from autorisen.ui.assets import assets


@pytest.fixture
async def client(runtime: Runtime) -> httpx.AsyncClient:
    app = create_app(runtime)
    app.include_router(static_router)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://testserver")


async def test_a_file_is_served_under_its_hash_for_ever(client: httpx.AsyncClient) -> None:
    answer = await client.get(static_url("app.css"), headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "--accent" in answer.text
    assert ".skip-link" in answer.text


async def test_the_bytes_are_the_same_packed_and_plain(client: httpx.AsyncClient) -> None:
    asset = assets().files["vendor/htmx.js"]
    plain = await client.get(static_url("vendor/htmx.js"), headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert asset.gzipped is not None
    assert gzip.decompress(asset.gzipped) == plain.content


async def test_a_hash_of_another_release_gets_todays_file_uncached(client: httpx.AsyncClient) -> None:
    answer = await client.get("/static/0123456789abcdef/app.css")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"


async def test_what_is_not_there_is_not_found(client: httpx.AsyncClient) -> None:
    for path in ("/static/x/%2e%2e/render.py", "/static/x/%2E%2E%2Frender.py", "/static/x/nothing.css"):
        assert (await client.get(path)).status_code == 404


def test_a_misspelt_file_fails_at_once() -> None:
    with pytest.raises(KeyError, match=r"no static file app\.cs"):
        static_url("app.cs")


async def test_the_favicon_is_there(client: httpx.AsyncClient) -> None:
    assert (await client.get("/favicon.ico")).headers["content-type"] == "image/svg+xml"
