"""The cookie that carries a session's token.

`__Host-session` with Secure: bound to this host, sent over TLS only. Browsers differ on Secure cookies over plain http
on the same machine (Chromium and Firefox take them, Safari and most HTTP libraries do not), so exactly there, where
nothing leaves the machine, the cookie is called `loopback-session` and is not Secure. Over plain http from another
machine there is no session at all.
"""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.responses import Response

from autorisen.accounts.model import session_limits

COOKIE = "__Host-session"
LOOPBACK_COOKIE = "loopback-session"
_LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})


def cookie_name(connection: HTTPConnection) -> str:
    """The name that this connection's cookie has."""
    is_loopback = connection.url.scheme == "http" and connection.url.hostname in _LOOPBACK_HOSTS
    return LOOPBACK_COOKIE if is_loopback else COOKIE


def session_token(connection: HTTPConnection) -> str | None:
    """The token that came with the request, if any."""
    return connection.cookies.get(cookie_name(connection)) or None


def set_session_cookie(connection: HTTPConnection, response: Response, token: str, *, is_operator: bool) -> None:
    """Give the browser its token, for as long as the session may live at most."""
    name = cookie_name(connection)
    response.set_cookie(
        name,
        token,
        max_age=int(session_limits(is_operator=is_operator).absolute.total_seconds()),
        path="/",
        secure=name == COOKIE,
        httponly=True,
        samesite="lax",
    )


def clear_session_cookie(connection: HTTPConnection, response: Response) -> None:
    name = cookie_name(connection)
    response.delete_cookie(name, path="/", secure=name == COOKIE, httponly=True, samesite="lax")
