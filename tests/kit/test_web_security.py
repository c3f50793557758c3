"""Foreign pages, large bodies, response headers. Named after the rules of OWASP ASVS 5.0."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from autorisen.app import LARGER_BODIES, SIGNED_BODIES
from autorisen.kit.problems import BodyTooLarge
from autorisen.kit.web_security import BodyLimit, CrossSiteRequest, SameOrigin, SecurityHeaders

OWN = "https://testserver"


async def plain(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(f"{len(body)} bytes")(scope, receive, send)


def browser(app: object) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=OWN)  # type: ignore[arg-type]  # an ASGI app


@pytest.mark.parametrize(
    "headers,may_pass",
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": OWN}, False),
        ({"Sec-Fetch-Site": "anything new"}, False),
        ({"Origin": OWN}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "https://testserver.evil.example"}, False),
        ({"Origin": "https://testserver:8443"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({"Cookie": "__Host-session=x"}, False),
        ({"Cookie": "__Host-session=x", "Origin": OWN}, True),
        ({"Authorization": "Bearer x"}, True),
        ({}, True),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_v3_5_1_only_our_own_pages_may_act(method: str, headers: dict[str, str], may_pass: bool) -> None:
    async with browser(SameOrigin(plain)) as client:
        if may_pass:
            assert (await client.request(method, "/x", headers=headers)).status_code == 200
        else:
            with pytest.raises(CrossSiteRequest):
                await client.request(method, "/x", headers=headers)


async def test_reading_is_not_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get("/login", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "path,may_pass",
    [
        ("/api/payment/webhook", True),
        ("/api/payments/webhooks/sandbox", True),
        ("/api/payment/webhook/more", False),
        ("/api/payment/webhooks", False),
        ("/api/payments/webhooks", False),
        ("/api/payments", False),
        ("/login", False),
        ("/", False),
    ],
)
async def test_v3_5_1_exactly_the_signed_webhooks_are_exempt(path: str, may_pass: bool) -> None:
    guarded = SameOrigin(plain, exempt=SIGNED_BODIES)
    async with browser(guarded) as client:
        if may_pass:
            assert (await client.post(path, headers={"Sec-Fetch-Site": "cross-site"})).status_code == 200
        else:
            with pytest.raises(CrossSiteRequest):
                await client.post(path, headers={"Sec-Fetch-Site": "cross-site"})


async def test_v3_5_1_the_app_refuses_a_foreign_form_with_a_problem(client: httpx.AsyncClient) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    answer = await client.post("/login", data={"email": "a@b.example", "password": "x"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "cross_site_request")


@pytest.mark.parametrize("origin,closes", [("https://evil.example", True), (OWN, False)])
async def test_v4_4_2_a_websocket_of_a_foreign_page_is_closed(origin: str, closes: bool) -> None:
    sent: list[Message] = []
    reached: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        reached.append(scope["type"])

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    headers = [(b"host", b"testserver"), (b"origin", origin.encode())]
    await SameOrigin(app)({"type": "websocket", "path": "/x", "headers": headers}, receive, send)
    assert bool(sent) is closes
    assert bool(reached) is not closes


async def chunks(count: int, size: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size


@pytest.mark.parametrize("size,fits", [(100, True), (101, False)])
async def test_v5_2_1_an_announced_body_is_measured(size: int, fits: bool) -> None:
    async with browser(BodyLimit(plain, limit=100)) as client:
        if fits:
            assert (await client.post("/x", content=b"x" * size)).text == f"{size} bytes"
        else:
            with pytest.raises(BodyTooLarge):
                await client.post("/x", content=b"x" * size)


@pytest.mark.parametrize("count,fits", [(10, True), (11, False)])
async def test_v5_2_1_a_body_of_unknown_length_is_counted(count: int, fits: bool) -> None:
    async with browser(BodyLimit(plain, limit=100)) as client:
        if fits:
            assert (await client.post("/x", content=chunks(count, 10))).text == "100 bytes"
        else:
            with pytest.raises(BodyTooLarge):
                await client.post("/x", content=chunks(count, 10))


@pytest.mark.parametrize("length", ["-1", "1e3", "٣", "9" * 30])
async def test_a_length_that_is_none_is_refused(length: str) -> None:
    scope = {"type": "http", "path": "/x", "headers": [(b"content-length", length.encode())]}

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    async def send(_message: Message) -> None:
        raise AssertionError("nothing is sent")

    with pytest.raises(BodyTooLarge):
        await BodyLimit(plain, limit=100)(scope, receive, send)


async def test_an_error_of_the_app_is_not_taken_for_a_large_body() -> None:
    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("something else")

    async with browser(BodyLimit(broken, limit=100)) as client:
        with pytest.raises(RuntimeError, match="something else"):
            await client.post("/x", content=b"x")


async def test_each_path_has_its_own_limit() -> None:
    limit = BodyLimit(plain, limit=10, larger={"/events": 20, "/hooks/": 30})
    async with browser(limit) as client:
        assert (await client.post("/events", content=b"x" * 20)).status_code == 200
        assert (await client.post("/hooks/a", content=b"x" * 30)).status_code == 200
        for path, size in (("/events/more", 11), ("/events", 21), ("/hooks/a", 31), ("/hooks", 11)):
            with pytest.raises(BodyTooLarge):
                await client.post(path, content=b"x" * size)


async def test_the_app_answers_413_for_forms_and_documents(client: httpx.AsyncClient) -> None:
    large = b"x" * (1024 * 1024 + 1)
    for path in ("/login", "/api/auth/login"):
        answer = await client.post(path, content=large)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        form = {"content-type": "application/x-www-form-urlencoded"}
        answer = await client.post(path, content=chunks(1025, 1024), headers=form)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert set(LARGER_BODIES) == {"/api/events", "/api/events/corrections", "/v1/traces", "/compat/"}


@pytest.mark.parametrize("path", ["/login", "/nowhere", "/api/auth/me", "/alive"])
async def test_v3_4_every_answer_carries_the_headers(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    assert headers["strict-transport-security"].startswith("max-age=31536000")
    assert headers["x-content-type-options"] == "nosniff"
    assert "referrer-policy" in headers
    assert headers["cache-control"] == "no-store"
    policy = headers["content-security-policy"]
    for needed in ("default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert needed in policy
    assert "unsafe" not in policy


async def test_v3_4_1_hsts_is_for_tls_only_and_a_page_keeps_its_own_policy() -> None:
    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        headers = {"Content-Security-Policy": "default-src 'self'"}
        await PlainTextResponse("x", headers=headers)(scope, receive, send)

    transport = httpx.ASGITransport(SecurityHeaders(page))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        headers = (await client.get("/")).headers
    assert "strict-transport-security" not in headers
    assert headers["content-security-policy"] == "default-src 'self'"
