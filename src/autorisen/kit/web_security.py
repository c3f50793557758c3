"""Guards around the whole app, as plain ASGI middleware: foreign pages, large bodies, response headers.

They raise `Problem`s, which the app's outermost layer turns into answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from autorisen.kit.problems import BodyTooLarge, NotAllowed

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_OWN_SITES = frozenset({"same-origin", "none"})

BODY_BYTES_MAX = 1024 * 1024

# What a response says unless its page says more. Answers of the API are never a page, so they may load nothing.
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cache-Control": "no-store",
}
HSTS = "max-age=31536000; includeSubDomains"


class CrossSiteRequest(NotAllowed):
    """A page of another site tried to act here with the browser of somebody who may be signed in."""

    code, title = "cross_site_request", "This request came from another site"


class SameOrigin:
    """Refuses unsafe requests that a foreign page made a browser send (cross-site request forgery).

    A browser says where a request comes from, in `Sec-Fetch-Site` or at least in `Origin`, and pages can't change
    either. Only our own pages, and what the person did directly, may pass. Programs send neither; they may pass unless
    they carry a cookie, because then nothing tells them from a browser too old to be protected.

    `exempt` paths (exact, or a prefix that ends in "/") take requests of other servers and check signatures instead.
    """

    def __init__(self, app: ASGIApp, *, exempt: tuple[str, ...] = ()) -> None:
        self._app = app
        self._exact = frozenset(path for path in exempt if not path.endswith("/"))
        self._prefixes = tuple(path for path in exempt if path.endswith("/"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and not is_own(Headers(scope=scope)):
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] == "http" and not self._may_pass(scope):
            raise CrossSiteRequest("open the page here and try again")
        await self._app(scope, receive, send)

    def _may_pass(self, scope: Scope) -> bool:
        path = scope["path"]
        is_exempt = path in self._exact or path.startswith(self._prefixes)
        return scope["method"] in _SAFE_METHODS or is_exempt or is_own(Headers(scope=scope))


def is_own(headers: Headers) -> bool:
    """Whether the request comes from our own pages, from the person directly, or from a program without cookies."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in _OWN_SITES
    origin = headers.get("origin")
    if origin is not None:
        return bool(urlsplit(origin).netloc) and urlsplit(origin).netloc == headers.get("host")
    return "cookie" not in headers


class BodyLimit:
    """Refuses bodies beyond a size (413), by the announced length and by what really arrives.

    `larger` gives paths (exact, or a prefix that ends in "/") a limit of their own, in bytes.
    """

    def __init__(self, app: ASGIApp, *, limit: int = BODY_BYTES_MAX, larger: Mapping[str, int] | None = None) -> None:
        self._app = app
        self._limit = limit
        self._larger = dict(larger or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit_of(scope["path"])
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isdecimal() or int(announced) > limit:
            raise _too_large(limit)
        received, exceeded = 0, False

        async def count() -> Message:
            nonlocal received, exceeded
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                exceeded = True
                raise _too_large(limit)
            return message

        # The app sees an error while it reads; whatever answer it makes of that is not the one we give.
        async def unless_exceeded(message: Message) -> None:
            if not exceeded:
                await send(message)

        try:
            await self._app(scope, count, unless_exceeded)
        except Exception:
            if not exceeded:
                raise
        if exceeded:
            raise _too_large(limit)

    def _limit_of(self, path: str) -> int:
        for prefix, limit in self._larger.items():
            if path == prefix or (prefix.endswith("/") and path.startswith(prefix)):
                return limit
        return self._limit


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"send at most {limit} bytes at once", limit_bytes=limit)


class SecurityHeaders:
    """Puts the security headers on every response that does not bring its own, and HSTS on those over TLS."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                if scope.get("scheme") == "https":
                    headers.setdefault("Strict-Transport-Security", HSTS)
            await send(message)

        await self._app(scope, receive, with_headers)
