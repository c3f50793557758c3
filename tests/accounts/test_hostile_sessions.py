"""Attacks on sessions, cookies and forms. Each test is named after the rule of OWASP ASVS 5.0 that it holds."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from autorisen.accounts import disable_user, user_by_email
from autorisen.accounts.log_in import log_in
from autorisen.accounts.model import CUSTOMER_SESSION, OPERATOR_SESSION
from autorisen.accounts.session_cookie import COOKIE, LOOPBACK_COOKIE
from autorisen.kit.clock import FrozenClock, SandboxClock
from autorisen.kit.ids import public_id
from autorisen.kit.unit import Runtime
from tests.factories.accounts import ORIGIN, PASSWORD, make_customer, make_member, make_user, sign_in

LOGIN = {"email": "ann@acme.example", "password": PASSWORD}


# --- V3.3, V7: cookies and sessions


@pytest.mark.usefixtures("ann")
async def test_v3_3_the_cookie_has_every_attribute(client: httpx.AsyncClient) -> None:
    cookie = (await client.post("/api/auth/login", json=LOGIN)).headers["set-cookie"]
    name, _, rest = cookie.partition("=")
    token, *attributes = [part.strip().lower() for part in rest.split(";")]
    assert name == COOKIE == "__Host-session"
    assert len(token) >= 43, "V7.2.3: 256 bits"
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= set(attributes)
    assert not any(each.startswith("domain") for each in attributes)


@pytest.mark.usefixtures("ann")
@pytest.mark.parametrize(
    "base,name,is_secure",
    [
        ("https://testserver", COOKIE, True),
        ("https://127.0.0.1", COOKIE, True),
        ("http://127.0.0.1:8000", LOOPBACK_COOKIE, False),
        ("http://localhost:8000", LOOPBACK_COOKIE, False),
        ("http://[::1]:8000", LOOPBACK_COOKIE, False),
        ("http://192.168.1.5", COOKIE, True),
        ("http://localhost.evil.example", COOKIE, True),
    ],
)
async def test_v3_3_1_only_this_machine_may_do_without_tls(app: object, base: str, name: str, is_secure: bool) -> None:
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # an ASGI app
    async with httpx.AsyncClient(transport=transport, base_url=base) as client:
        cookie = (await client.post("/api/auth/login", json=LOGIN)).headers["set-cookie"]
    assert cookie.startswith(f"{name}=")
    assert ("secure" in cookie.lower()) is is_secure
    assert "httponly" in cookie.lower()


@pytest.mark.usefixtures("ann")
async def test_v11_5_1_the_database_holds_no_usable_token(client: httpx.AsyncClient, runtime: Runtime) -> None:
    token = await sign_in(client, runtime)
    async with runtime.database.read() as tx:
        rows = await (await tx.execute("SELECT s::text FROM accounts.sessions s")).fetchall()
        assert len(rows) == 1
        assert token not in rows[0][0]
        stored = rows[0][0].partition("\\x")[2][:64]
    client.cookies.set(COOKIE, stored)
    assert (await client.get("/api/auth/me")).status_code == 401


@pytest.mark.usefixtures("ann")
async def test_v7_2_4_a_session_that_was_planted_is_never_adopted(client: httpx.AsyncClient) -> None:
    client.cookies.set(COOKIE, "planted-by-somebody")
    answer = await client.post("/api/auth/login", json=LOGIN)
    assert "planted" not in answer.headers["set-cookie"]
    stranger = {"Cookie": f"{COOKIE}=planted-by-somebody"}
    client.cookies.clear()
    assert (await client.get("/api/auth/me", headers=stranger)).status_code == 401


@pytest.mark.usefixtures("ann")
async def test_v7_2_4_signing_in_again_ends_the_session_before(client: httpx.AsyncClient) -> None:
    await client.post("/api/auth/login", json=LOGIN)
    first = client.cookies[COOKIE]
    await client.post("/api/auth/login", json=LOGIN)
    assert client.cookies[COOKIE] != first
    assert (await client.get("/api/auth/me")).status_code == 200
    client.cookies.set(COOKIE, first)
    assert (await client.get("/api/auth/me")).status_code == 401


@pytest.mark.usefixtures("ann")
async def test_v7_4_1_signing_out_kills_a_copied_token(client: httpx.AsyncClient, runtime: Runtime) -> None:
    token = await sign_in(client, runtime)
    assert (await client.post("/api/auth/logout")).status_code == 204
    client.cookies.set(COOKIE, token)
    assert (await client.get("/api/auth/me")).status_code == 401
    assert (await client.post("/api/auth/logout")).status_code == 204


@pytest.mark.usefixtures("ann")
async def test_v7_4_2_disabling_a_user_ends_all_sessions(client: httpx.AsyncClient, runtime: Runtime) -> None:
    await sign_in(client, runtime)
    assert (await client.get("/api/auth/me")).status_code == 200
    async with runtime.unit() as unit:
        ann = await user_by_email(unit.tx, "ann@acme.example")
        assert ann is not None
        assert await disable_user(unit, user_id=ann.id, actor="tests")
        assert not await disable_user(unit, user_id=ann.id, actor="tests")
    assert (await client.get("/api/auth/me")).status_code == 401


@pytest.mark.usefixtures("ann")
async def test_v7_4_2_a_disabled_user_has_no_session_whatever_its_row_says(
    client: httpx.AsyncClient, runtime: Runtime
) -> None:
    await sign_in(client, runtime)
    async with runtime.unit() as unit:
        await unit.tx.execute("UPDATE accounts.users SET disabled_at = %s", (unit.wall_now,))
    assert (await client.get("/api/auth/me")).status_code == 401


@pytest.mark.parametrize(
    "operator,limits", [(False, CUSTOMER_SESSION), (True, OPERATOR_SESSION)], ids=["member", "operator"]
)
async def test_v7_3_sessions_end_when_idle_and_when_old(
    client: httpx.AsyncClient, runtime: Runtime, clock: FrozenClock, operator: bool, limits: object
) -> None:
    assert limits in (CUSTOMER_SESSION, OPERATOR_SESSION)
    chosen = OPERATOR_SESSION if operator else CUSTOMER_SESSION
    async with runtime.unit() as unit:
        await make_user(unit, operator=operator)
    await sign_in(client, runtime)
    clock.advance(chosen.idle - timedelta(seconds=1))
    assert (await client.get("/api/auth/me")).status_code == 200
    clock.advance(chosen.idle)
    assert (await client.get("/api/auth/me")).status_code == 401, "V7.3.1"
    await sign_in(client, runtime)
    begun = clock.now()
    while clock.now() < begun + chosen.absolute - chosen.idle:
        clock.advance(chosen.idle / 2)
        assert (await client.get("/api/auth/me")).status_code == 200
    clock.set(begun + chosen.absolute - timedelta(seconds=1))
    assert (await client.get("/api/auth/me")).status_code == 200
    clock.set(begun + chosen.absolute)
    assert (await client.get("/api/auth/me")).status_code == 401, "V7.3.2"


@pytest.mark.usefixtures("ann")
async def test_a_simulated_year_logs_nobody_out(client: httpx.AsyncClient, runtime: Runtime) -> None:
    await sign_in(client, runtime)
    assert isinstance(runtime.clock, SandboxClock)
    runtime.clock.set_offset(timedelta(days=365))
    assert (await client.get("/api/auth/me")).status_code == 200


@pytest.mark.usefixtures("ann")
async def test_v7_5_2_a_person_ends_own_sessions_and_nobody_elses(client: httpx.AsyncClient, runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        await make_member(unit, (await make_customer(unit, key="other")).id, email="bob@other.example")
    others = await log_in(runtime, email="bob@other.example", password=PASSWORD, ip="::1", user_agent="bob")
    phone = await log_in(runtime, email="ann@acme.example", password=PASSWORD, ip="::1", user_agent="phone")
    await sign_in(client, runtime)
    page = (await client.get("/app/settings")).text
    assert "phone" in page
    assert "bob" not in page
    assert others.principal.session_id is not None
    assert phone.principal.session_id is not None
    foreign = public_id("ses", others.principal.session_id)
    assert (await client.post(f"/app/settings/sessions/{foreign}/end")).status_code == 404
    own = public_id("ses", phone.principal.session_id)
    assert (await client.post(f"/app/settings/sessions/{own}/end")).status_code == 303
    assert "phone" not in (await client.get("/app/settings")).text
    await log_in(runtime, email="ann@acme.example", password=PASSWORD, ip="::1", user_agent="tablet")
    assert (await client.post("/app/settings/sessions/others/end")).status_code == 303
    page = (await client.get("/app/settings")).text
    assert "tablet" not in page
    assert "1 other session has ended" in page
    bob = {"Cookie": f"{COOKIE}={others.token}"}
    client.cookies.clear()
    assert (await client.get("/api/auth/me", headers=bob)).status_code == 200


# --- V3.5: forged forms


@pytest.mark.usefixtures("ann")
@pytest.mark.parametrize("token", [None, "", "wrong", "of another session"])
async def test_v3_5_1_a_form_needs_the_token_of_its_session(
    client: httpx.AsyncClient, runtime: Runtime, token: str | None
) -> None:
    if token == "of another session":
        await sign_in(client, runtime)
        token = client.headers["X-CSRF-Token"]
    await sign_in(client, runtime)
    del client.headers["X-CSRF-Token"]
    form = {"user_name": "Mallory"} | ({"csrf_token": token} if token is not None else {})
    answer = await client.post("/app/settings/profile", data=form)
    assert (answer.status_code, answer.json()["code"]) == (403, "forged_request")
    assert "Mallory" not in (await client.get("/app/settings")).text


@pytest.mark.usefixtures("ann")
async def test_v3_5_1_a_file_is_no_token(client: httpx.AsyncClient, runtime: Runtime) -> None:
    await sign_in(client, runtime)
    del client.headers["X-CSRF-Token"]
    answer = await client.post("/app/settings/profile", files={"csrf_token": b"x"})
    assert answer.status_code == 403


@pytest.mark.usefixtures("ann")
async def test_v3_5_3_nothing_changes_by_get(client: httpx.AsyncClient, runtime: Runtime) -> None:
    await sign_in(client, runtime)
    for path in ("/logout", "/app/settings/profile", "/app/settings/sessions/others/end", "/api/auth/logout"):
        assert (await client.get(path)).status_code == 405
    assert (await client.get("/api/auth/me")).status_code == 200


@pytest.mark.usefixtures("ann")
@pytest.mark.parametrize(
    "target",
    ["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
     "/ok\r\nSet-Cookie: x=1", "/a\\..\\b", "app", "", "\t//evil.example"],
)  # fmt: skip
async def test_v3_7_2_signing_in_never_leads_elsewhere(client: httpx.AsyncClient, target: str) -> None:
    answer = await client.post("/login", data=LOGIN | {"next": target})
    assert answer.headers["location"] == "/app"
    again = await client.get("/login", params={"next": target})
    assert again.headers["location"] == "/app"


async def test_htmx_leaves_the_page_when_the_session_is_over(client: httpx.AsyncClient) -> None:
    answer = await client.get("/app/settings", headers={"HX-Request": "true", "Origin": ORIGIN})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/login")
