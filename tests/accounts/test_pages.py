"""The pages of accounts, used as a person without JavaScript would."""

from __future__ import annotations

import re

import httpx

from autorisen.accounts import list_api_keys
from autorisen.kit.mail import mails
from autorisen.kit.unit import Runtime
from tests.factories.accounts import PASSWORD, make_customer, make_member, make_user, sign_in

FORM = {
    "name": "First Member",
    "company_name": "Acme Agents (Pty) Ltd",
    "email": "first@acme.example",
    "password": "the rain in the Karoo",
    "country": "ZA",
    "currency": "ZAR",
}


def token_of(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


async def test_a_person_registers_signs_in_and_signs_out(client: httpx.AsyncClient) -> None:
    assert "Create an account" in (await client.get("/register")).text
    answer = await client.post("/register", data=FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    page = await client.get("/login")
    assert "your account is ready" in page.text
    answer = await client.post("/login", data={"email": FORM["email"], "password": FORM["password"], "next": ""})
    assert (answer.status_code, answer.headers["location"]) == (303, "/app")
    page = await client.get("/app/settings")
    assert page.status_code == 200
    assert "acme-agents-pty-ltd" in page.text
    answer = await client.post("/logout", data={"csrf_token": token_of(page.text)})
    assert answer.headers["location"] == "/login"
    assert (await client.get("/app/settings")).headers["location"] == "/login?next=/app/settings"


async def test_each_broken_field_is_named_beside_it_and_the_rest_is_kept(client: httpx.AsyncClient) -> None:
    answer = await client.post("/register", data=FORM | {"email": "no address", "password": "short"})
    assert answer.status_code == 422
    assert 'id="e-email"' in answer.text
    assert 'id="e-password"' in answer.text
    assert 'value="First Member"' in answer.text
    assert "short" not in answer.text
    assert 'id="e-name"' not in answer.text


async def test_a_wrong_password_is_said_on_the_page_without_a_password_box(
    client: httpx.AsyncClient, runtime: Runtime
) -> None:
    async with runtime.unit() as unit:
        await make_user(unit)
    answer = await client.post("/login", data={"email": "ann@acme.example", "password": "not the password"})
    assert answer.status_code == 401
    assert "do not match" in answer.text
    assert "www-authenticate" not in answer.headers
    assert 'value="ann@acme.example"' in answer.text


async def test_signing_in_leads_to_where_the_person_wanted_to_go(client: httpx.AsyncClient, runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        await make_member(unit, (await make_customer(unit)).id)
    answer = await client.get("/app/settings?x=1&y=2")
    page = await client.get(answer.headers["location"])
    assert 'name="next" value="/app/settings?x=1&amp;y=2"' in page.text
    form = {"email": "ann@acme.example", "password": PASSWORD, "next": "/app/settings?x=1&y=2"}
    assert (await client.post("/login", data=form)).headers["location"] == "/app/settings?x=1&y=2"
    assert (await client.get("/login")).headers["location"] == "/app"
    assert (await client.get("/register")).headers["location"] == "/app"


async def test_an_operator_starts_in_the_console(client: httpx.AsyncClient, runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        await make_user(unit, operator=True)
    answer = await client.post("/login", data={"email": "ann@acme.example", "password": PASSWORD})
    assert answer.headers["location"] == "/console"
    assert "Operator keys see all customers" in (await client.get("/app/settings")).text


async def test_billing_details_are_saved_or_refused_as_a_whole(client: httpx.AsyncClient, runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        customer = await make_customer(unit)
        await make_member(unit, customer.id)
    await sign_in(client, runtime)
    form = {
        "name": "Acme (Pty) Ltd",
        "email": "accounts@acme.example",
        "country": "NA",
        "time_zone": "Africa/Windhoek",
        "billing_address": "1 Long Street\r\nWindhoek",
        "vat_number": "4123456789",
    }
    answer = await client.post("/app/settings/billing", data=form | {"country": "XX", "name": ""})
    assert answer.status_code == 422
    assert 'id="e-name"' in answer.text
    assert 'id="e-country"' in answer.text
    assert "4123456789" in answer.text
    answer = await client.post("/app/settings/billing", data=form)
    assert answer.headers["location"] == "/app/settings#billing"
    page = (await client.get("/app/settings")).text
    assert "1 Long Street\nWindhoek" in page
    assert "saved" in page


async def test_a_key_is_shown_once_and_can_be_revoked(client: httpx.AsyncClient, runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        customer = await make_customer(unit)
        await make_member(unit, customer.id)
    await sign_in(client, runtime)
    assert "No API keys yet" in (await client.get("/app/settings")).text
    answer = await client.post("/app/settings/keys", data={"key_name": "", "days": "30"})
    assert answer.status_code == 422
    assert 'id="e-key_name"' in answer.text
    form = {"key_name": "production", "scopes": ["events:write", "usage:read"], "days": "30"}
    answer = await client.post("/app/settings/keys", data=form)
    secret = re.search(r"ark_live_\w{58}", answer.text)
    assert secret is not None
    page = (await client.get("/app/settings")).text
    assert secret[0] not in page
    assert "production" in page
    async with runtime.database.read() as tx:
        key = (await list_api_keys(tx, customer.id))[0]
    assert key.scopes == ("events:write", "usage:read")
    assert key.expires_at is not None
    answer = await client.post(f"/app/settings/keys/{key.public_id}/revoke")
    assert answer.headers["location"] == "/app/settings#keys"
    assert "Revoked" in (await client.get("/app/settings")).text


async def test_name_and_password_change(client: httpx.AsyncClient, runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        await make_member(unit, (await make_customer(unit)).id)
    await sign_in(client, runtime)
    assert (await client.post("/app/settings/profile", data={"user_name": " "})).status_code == 422
    assert (await client.post("/app/settings/profile", data={"user_name": "Ann Other"})).status_code == 303
    new = "quite another sentence"
    wrong = {"current_password": "not the password", "new_password": new}
    answer = await client.post("/app/settings/password", data=wrong)
    assert answer.status_code == 422
    assert "not your present password" in answer.text
    answer = await client.post("/app/settings/password", data={"current_password": PASSWORD, "new_password": "short"})
    assert 'id="e-new_password"' in answer.text
    right = {"current_password": PASSWORD, "new_password": new}
    assert (await client.post("/app/settings/password", data=right)).status_code == 303
    assert "Ann Other" in (await client.get("/app/settings")).text
    async with runtime.database.read() as tx:
        subjects = [each.message.subject for each in await mails(tx, recipient="ann@acme.example")]
    assert "Your password was changed" in subjects
    client.cookies.clear()
    del client.headers["X-CSRF-Token"]
    assert (await client.post("/login", data={"email": "ann@acme.example", "password": PASSWORD})).status_code == 401
    assert (await client.post("/login", data={"email": "ann@acme.example", "password": new})).status_code == 303
