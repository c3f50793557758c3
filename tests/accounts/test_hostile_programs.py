"""Attacks on API keys and between tenants. Each test is named after the rule that it holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from psycopg.errors import RestrictViolation

from autorisen.accounts import create_api_key, list_api_keys, record_audit, revoke_api_key
from autorisen.accounts.api_keys import CACHE_LIFE
from autorisen.accounts.key_format import PATTERN, parse_key
from autorisen.accounts.key_format import make_key as forge_key
from autorisen.kit.clock import FrozenClock
from autorisen.kit.crypto import checksum
from autorisen.kit.unit import Runtime
from tests.factories.accounts import Tenant, make_key, make_tenant, make_user, sign_in

NEW_KEY = {"name": "backend", "scopes": ["events:write"]}
NEW_CUSTOMER = {"key": "fresh", "name": "Fresh", "email": "a@fresh.example"}


@pytest.fixture
async def acme(runtime: Runtime) -> Tenant:
    async with runtime.unit() as unit:
        return await make_tenant(unit, "acme")


@pytest.fixture
async def other(runtime: Runtime) -> Tenant:
    async with runtime.unit() as unit:
        return await make_tenant(unit, "other")


@pytest.fixture
async def dead_database(app: FastAPI, runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    """The app without its database: whatever asks it fails."""
    await runtime.database.close()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://testserver") as client:
        yield client


# --- keys


async def test_a_key_has_the_published_form_and_is_shown_once(
    client: httpx.AsyncClient, runtime: Runtime, acme: Tenant
) -> None:
    answer = await client.post("/api/api-keys", json=NEW_KEY, headers=acme.headers)
    assert answer.status_code == 201
    made = answer.json()
    assert PATTERN.fullmatch(made["secret"])
    assert made["hint"].startswith("ark_live_")
    assert made["secret"][18:61] not in (await client.get("/api/api-keys", headers=acme.headers)).text
    async with runtime.database.read() as tx:
        rows = await (await tx.execute("SELECT k::text FROM accounts.api_keys k")).fetchall()
    assert all(made["secret"][18:61] not in row[0] for row in rows)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer ark_live_short",
        "Bearer ark_live_00000000_" + "0" * 49,
        "Bearer " + "é" * 67,
        "Bearer " + "a" * 5_000,
    ],
)
async def test_a_key_of_the_wrong_form_is_refused_without_asking_the_database(
    dead_database: httpx.AsyncClient, header: str | None
) -> None:
    headers = {} if header is None else {b"Authorization": header.encode()}
    answer = await dead_database.get("/api/api-keys", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "key_refused")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_every_single_typing_error_is_found_by_the_checksum(runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        _, secret = await create_api_key(unit, customer_id=None, name="k", scopes=["admin"])
    assert parse_key(secret) is not None
    for place in range(len(secret)):
        wrong = secret[:place] + ("1" if secret[place] != "1" else "2") + secret[place + 1 :]
        assert parse_key(wrong) is None, place
    swapped = secret[:20] + secret[21] + secret[20] + secret[22:]
    assert swapped == secret or parse_key(swapped) is None
    assert parse_key(secret + "\n") is None


async def test_a_well_formed_key_that_nobody_made_is_refused(
    client: httpx.AsyncClient, runtime: Runtime, acme: Tenant
) -> None:
    unknown, _ = forge_key(b"\x01" * 6, b"\x02" * 32)
    async with runtime.database.read() as tx:
        real = (await list_api_keys(tx, acme.customer.id))[0]
    for text in (unknown, acme.headers["Authorization"].removeprefix("Bearer ")[:-1] + "0"):
        answer = await client.get("/api/api-keys", headers={"Authorization": f"Bearer {text}"})
        assert answer.status_code == 401
    # The right id with another secret and a right checksum.
    body = f"ark_live_{real.key_id}_{'7' * 43}"
    answer = await client.get("/api/api-keys", headers={"Authorization": f"Bearer {body}{checksum(body)}"})
    assert answer.status_code == 401


async def test_a_revoked_key_stops_within_five_seconds_also_where_it_was_just_used(
    client: httpx.AsyncClient, runtime: Runtime, acme: Tenant, clock: FrozenClock
) -> None:
    assert timedelta(seconds=5) >= CACHE_LIFE
    assert (await client.get("/api/customers", headers=acme.headers)).status_code == 200
    async with runtime.unit() as unit:
        key = (await list_api_keys(unit.tx, acme.customer.id))[0]
        await revoke_api_key(unit, key_id=key.id, customer_id=acme.customer.id, actor="tests")
    clock.advance(CACHE_LIFE)
    assert (await client.get("/api/customers", headers=acme.headers)).status_code == 401


async def test_a_key_expires_to_the_second(client: httpx.AsyncClient, acme: Tenant, clock: FrozenClock) -> None:
    in_the_past = {"expires_at": clock.now().isoformat()}
    answer = await client.post("/api/api-keys", json=NEW_KEY | in_the_past, headers=acme.headers)
    assert answer.json()["errors"][0]["field"] == "/expires_at"
    soon = clock.now() + timedelta(seconds=2)
    body = NEW_KEY | {"scopes": ["admin"], "expires_at": soon.isoformat()}
    secret = (await client.post("/api/api-keys", json=body, headers=acme.headers)).json()["secret"]
    headers = {"Authorization": f"Bearer {secret}"}
    assert (await client.get("/api/api-keys", headers=headers)).status_code == 200
    clock.advance(timedelta(seconds=1))
    assert (await client.get("/api/api-keys", headers=headers)).status_code == 200
    clock.advance(timedelta(seconds=1))
    assert (await client.get("/api/api-keys", headers=headers)).status_code == 401, "not even from the cache"


async def test_the_last_use_is_written_at_most_once_a_minute(
    client: httpx.AsyncClient, runtime: Runtime, acme: Tenant, clock: FrozenClock
) -> None:
    begun = clock.now()
    seen = []
    for _ in range(14):
        await client.get("/api/customers", headers=acme.headers)
        async with runtime.database.read() as tx:
            seen.append((await list_api_keys(tx, acme.customer.id))[0].last_used_at)
        clock.advance(timedelta(seconds=10))
    assert set(seen) == {begun, begun + timedelta(seconds=60), begun + timedelta(seconds=120)}


@pytest.mark.parametrize("scope", ["events:write", "usage:read"])
async def test_a_scope_opens_its_own_door_only(
    client: httpx.AsyncClient, runtime: Runtime, acme: Tenant, scope: str
) -> None:
    async with runtime.unit() as unit:
        headers = await make_key(unit, acme.customer.id, [scope])
    for method, path in (("GET", "/api/customers"), ("GET", "/api/api-keys"), ("POST", "/api/api-keys")):
        answer = await client.request(method, path, headers=headers, json=NEW_KEY if method == "POST" else None)
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing"), path


@pytest.mark.parametrize("scopes", [[], ["everything"], ["catalog:read"], ["admin", "root"], ["admin "]])
async def test_a_key_has_known_scopes(client: httpx.AsyncClient, acme: Tenant, scopes: list[str]) -> None:
    answer = await client.post("/api/api-keys", json=NEW_KEY | {"scopes": scopes}, headers=acme.headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "/scopes"


async def test_a_session_without_the_key_header_wins_never_over_a_bad_key(
    client: httpx.AsyncClient, runtime: Runtime, acme: Tenant
) -> None:
    await sign_in(client, runtime, acme.user.email)
    assert (await client.get("/api/api-keys")).status_code == 200
    bad = {"Authorization": "Bearer ark_live_wrong"}
    assert (await client.get("/api/api-keys", headers=bad)).status_code == 401


# --- V8.4.1: tenants


async def test_v8_4_1_another_tenants_things_do_not_exist(
    client: httpx.AsyncClient, runtime: Runtime, acme: Tenant, other: Tenant
) -> None:
    async with runtime.database.read() as tx:
        foreign = (await list_api_keys(tx, other.customer.id))[0]
    assert (await client.get(f"/api/customers/{acme.customer.public_id}", headers=acme.headers)).status_code == 200
    for path in (f"/api/customers/{other.customer.public_id}", f"/api/customers/cus_{'0' * 26}", "/api/customers/x"):
        answer = await client.get(path, headers=acme.headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    answer = await client.delete(f"/api/api-keys/{foreign.public_id}", headers=acme.headers)
    assert answer.status_code == 404
    listed = (await client.get("/api/customers", headers=acme.headers)).json()
    assert [each["key"] for each in listed["customers"]] == ["acme"]
    assert listed["next"] is None
    keys = (await client.get("/api/api-keys", headers=acme.headers)).json()["api_keys"]
    assert foreign.public_id not in [key["id"] for key in keys]
    await sign_in(client, runtime, acme.user.email)
    assert (await client.post(f"/app/settings/keys/{foreign.public_id}/revoke")).status_code == 404
    assert (await client.get(f"/api/customers/{other.customer.public_id}")).status_code == 404
    assert (await client.get("/api/api-keys", headers=other.headers)).status_code == 200


async def test_v8_2_1_only_operators_create_and_list_customers(
    client: httpx.AsyncClient, runtime: Runtime, acme: Tenant, other: Tenant
) -> None:
    answer = await client.post("/api/customers", json=NEW_CUSTOMER, headers=acme.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "operators_only")
    async with runtime.unit() as unit:
        operator = await make_key(unit, None)
    answer = await client.post("/api/customers", json=NEW_CUSTOMER, headers=operator)
    assert answer.status_code == 201
    assert answer.json()["time_zone"] == "Africa/Johannesburg"
    assert (await client.get(f"/api/customers/{answer.json()['id']}", headers=operator)).json() == answer.json()
    again = await client.post("/api/customers", json=NEW_CUSTOMER, headers=operator)
    assert (again.status_code, again.json()["code"]) == (409, "customer_key_taken")
    page = (await client.get("/api/customers?limit=2", headers=operator)).json()
    assert [each["key"] for each in page["customers"]] == ["fresh", "other"]
    rest = (await client.get(f"/api/customers?limit=2&after={page['next']}", headers=operator)).json()
    assert ([each["key"] for each in rest["customers"]], rest["next"]) == (["acme"], None)
    assert other.customer.public_id == page["next"]
    found = (await client.get("/api/customers?search=FRESH", headers=operator)).json()
    assert [each["key"] for each in found["customers"]] == ["fresh"]
    bad = await client.get("/api/customers?after=nonsense", headers=operator)
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "query/after")


async def test_a_user_without_a_customer_owns_no_keys(client: httpx.AsyncClient, runtime: Runtime) -> None:
    """Without the check this person would manage the operator's keys, whose customer is none as well."""
    async with runtime.unit() as unit:
        await make_key(unit, None)
        await make_user(unit)
    await sign_in(client, runtime)
    for method, path in (("GET", "/api/api-keys"), ("POST", "/api/api-keys"), ("GET", "/api/customers")):
        answer = await client.request(method, path, json=NEW_KEY if method == "POST" else None)
        assert (answer.status_code, answer.json()["code"]) == (403, "no_customer"), path
    assert (await client.post("/app/settings/keys", data={"key_name": "x", "scopes": "admin"})).status_code == 403
    assert (await client.post("/app/settings/billing", data={})).status_code == 403
    page = await client.get("/app/settings")
    assert page.status_code == 200
    assert "API keys" not in page.text.partition("<main")[2].partition("</p>")[2]


# --- bad input


@pytest.mark.parametrize(
    "change,field",
    [
        ({"key": "Upper"}, "/key"),
        ({"key": "a--b"}, "/key"),
        ({"key": "a\n"}, "/key"),
        ({"key": "x" * 64}, "/key"),
        ({"name": "\x00"}, "/name"),
        ({"name": " "}, "/name"),
        ({"name": 5}, "/name"),
        ({"email": "a@b@c"}, "/email"),
        ({"email": "a b@c.example"}, "/email"),
        ({"email": "a@c.example\x00"}, "/email"),
        ({"country": "ZZ"}, "/country"),
        ({"country": "za"}, "/country"),
        ({"currency": "XXX"}, "/currency"),
        ({"time_zone": "../../etc/passwd"}, "/time_zone"),
        ({"time_zone": "Africa"}, "/time_zone"),
        ({"time_zone": "Mars/Olympus"}, "/time_zone"),
        ({"surprise": 1}, "/surprise"),
    ],
)
async def test_bad_input_is_named_and_nothing_is_made(
    client: httpx.AsyncClient, runtime: Runtime, change: dict[str, object], field: str
) -> None:
    async with runtime.unit() as unit:
        operator = await make_key(unit, None)
    answer = await client.post("/api/customers", json=NEW_CUSTOMER | change, headers=operator)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert all(error["rule"] for error in answer.json()["errors"])
    assert (await client.get("/api/customers", headers=operator)).json()["customers"] == []


async def test_half_a_surrogate_pair_is_no_crash(client: httpx.AsyncClient) -> None:
    body = b'{"email": "a@b.example", "password": "\\ud800 twelve and more"}'
    answer = await client.post("/api/auth/login", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in {401, 422}
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = await client.post("/login", content=b"email=%ff@b.example&password=%ed%a0%80", headers=form)
    assert answer.status_code == 401


# --- V16.4.2: the audit log


async def test_v16_4_2_the_audit_log_can_not_be_changed(runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        await record_audit(unit, actor="tests", action="x", target="y", detail={"n": 1})
    for statement in ("UPDATE accounts.audit SET actor = 'z'", "DELETE FROM accounts.audit", "TRUNCATE accounts.audit"):
        with pytest.raises(RestrictViolation):
            async with runtime.unit() as unit:
                await unit.tx.execute(statement.encode())
