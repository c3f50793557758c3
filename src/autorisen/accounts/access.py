"""Access checks as FastAPI dependencies. A route says who may use it; nothing is open by accident.

principal: Annotated[Principal, Depends(member)]                    a page of the customer
principal: Annotated[Principal, Depends(api_key("events:write"))]   a machine interface
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from autorisen.accounts.api_keys import KeyCache, principal_of_key
from autorisen.accounts.customers import customer_for
from autorisen.accounts.errors import (
    ForgedRequest,
    KeyRefused,
    NoCustomer,
    OperatorsOnly,
    ScopeMissing,
    SignInNeeded,
)
from autorisen.accounts.model import Customer, Principal, Scope
from autorisen.accounts.session_cookie import COOKIE, session_token
from autorisen.accounts.sessions import csrf_token, principal_of_session
from autorisen.kit.crypto import equal
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import parse_public_id
from autorisen.kit.problems import NotAuthenticated
from autorisen.kit.unit import Runtime
from autorisen.ui.render import CSRF_FIELD
from autorisen.ui.viewer import Viewer

CSRF_HEADER = "x-csrf-token"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_MACHINE_PREFIXES = ("/api/", "/v1/")

_bearer = HTTPBearer(
    auto_error=False, scheme_name="apiKey", bearerFormat="ark_live_...", description="A key with the scope named here."
)
_cookie = APIKeyCookie(
    name=COOKIE, auto_error=False, scheme_name="session", description="A signed-in browser; see POST /api/auth/login."
)
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
SessionCookie = Annotated[str | None, Depends(_cookie)]
Check = Callable[..., Awaitable[Principal]]


async def visitor(request: Request, runtime: RuntimeDep) -> Principal | None:
    """Who is signed in, if anybody: for pages that everyone may see. Pages then know the viewer and the form token."""
    token = session_token(request)
    principal = await principal_of_session(runtime, token) if token else None
    if principal is None or token is None:
        return None
    request.state.csrf_token = csrf_token(runtime.settings.secret_key, token)
    request.state.viewer = Viewer(
        name=principal.name,
        email=principal.email,
        customer_name=principal.customer_name or None,
        is_operator=principal.is_operator,
        time_zone=principal.time_zone,
    )
    return principal


async def signed_in(
    request: Request, principal: Annotated[Principal | None, Depends(visitor)], _cookie: SessionCookie = None
) -> Principal:
    """The person of the session. Without one: 401 for machines, the sign-in page for people.

    A form of a page must carry the session's token; the machine interface relies on the same-origin check of
    `kit.web_security` and on JSON, which no foreign page can send with our cookie.
    """
    if principal is None:
        raise _sign_in_first(request)
    if request.method not in _SAFE_METHODS and not request.url.path.startswith(_MACHINE_PREFIXES):
        await _check_form_token(request)
    return principal


async def member(principal: Annotated[Principal, Depends(signed_in)]) -> Principal:
    """A person who acts for a customer; `customer_id` is set."""
    if principal.customer_id is None:
        raise NoCustomer("sign in as a member of a customer")
    return principal


async def operator(principal: Annotated[Principal, Depends(signed_in)]) -> Principal:
    """A person who runs the platform."""
    if not principal.is_operator:
        raise OperatorsOnly("sign in as an operator")
    return principal


def api_key(scope: str) -> Check:
    """A dependency: an API key with this scope. 401 without a key that holds, 403 without the scope."""
    wanted = Scope(scope)

    async def check(request: Request, runtime: RuntimeDep, bearer: Bearer) -> Principal:
        return await _by_key(request, runtime, bearer, wanted)

    return check


def api_key_or_session(scope: str) -> Check:
    """A dependency: an API key with this scope, or a signed-in person."""
    wanted = Scope(scope)

    async def check(
        request: Request,
        runtime: RuntimeDep,
        bearer: Bearer,
        person: Annotated[Principal | None, Depends(visitor)],
        _cookie: SessionCookie = None,
    ) -> Principal:
        if person is not None and "authorization" not in request.headers:
            return person
        return await _by_key(request, runtime, bearer, wanted)

    return check


async def _by_key(
    request: Request, runtime: Runtime, bearer: HTTPAuthorizationCredentials | None, wanted: Scope
) -> Principal:
    if bearer is None:
        raise KeyRefused("send it as: Authorization: Bearer ark_live_...")
    state = request.app.state
    if not hasattr(state, "verified_keys"):
        state.verified_keys = KeyCache()
    principal = await principal_of_key(runtime, state.verified_keys, bearer.credentials)
    if not principal.may(wanted):
        raise ScopeMissing(f"the key needs the scope {wanted}", needed=str(wanted))
    return principal


async def visible_customer(runtime: Runtime, principal: Principal, public: str) -> Customer:
    """The customer of a `cus_` id in an address; 404 when there is none or this principal may not see it."""
    id = parse_public_id("cus", public)
    async with runtime.database.read() as tx:
        return await customer_for(tx, principal, id)


def _sign_in_first(request: Request) -> Exception:
    if request.url.path.startswith(_MACHINE_PREFIXES):
        return NotAuthenticated("sign in, or send an API key")
    address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    target = f"/login?next={quote(address)}" if request.method == "GET" else "/login"
    if request.headers.get("hx-request") == "true":
        # htmx follows a 303 silently and would put the sign-in page inside the page; this makes it leave.
        refusal = NotAuthenticated("sign in first")
        refusal.headers["HX-Redirect"] = "/login"
        return refusal
    return SignInNeeded("this page is for people who are signed in", headers={"Location": target})


async def _check_form_token(request: Request) -> None:
    offered: object = request.headers.get(CSRF_HEADER)
    if offered is None:
        offered = (await request.form()).get(CSRF_FIELD)
    if not isinstance(offered, str) or not equal(offered.encode(), request.state.csrf_token.encode()):
        raise ForgedRequest("nothing was changed; load the page again and send it once more")


def client_ip(request: Request) -> str:
    """The address that the request came from, as the server sees it (a trusted proxy's header is the server's work)."""
    return request.client.host if request.client else "unknown"


def key_owner(principal: Principal) -> UUID | None:
    """Whose keys this principal manages: its customer's, or the operator's (None). Raises `NoCustomer`."""
    if principal.customer_id is None and not principal.is_operator:
        raise NoCustomer("sign in as a member of a customer")
    return principal.customer_id


def safe_next(target: str, default: str = "/app") -> str:
    """Where to go after signing in: a path of ours, never another site (ASVS V3.7.2)."""
    is_own = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if is_own and "\\" not in target else default
