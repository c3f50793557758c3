"""Attacks on sign-up, sign-in and sessions. Each test is named after the rule of OWASP ASVS 5.0 that it holds."""

from __future__ import annotations

import asyncio
import statistics
from datetime import timedelta
from time import perf_counter

import httpx
import pytest

from autorisen.accounts import disable_user, list_customers, user_by_email
from autorisen.accounts.errors import TooManyAttempts, WrongCredentials
from autorisen.accounts.log_in import log_in
from autorisen.accounts.sign_up import ANSWER_STEP_SECONDS
from autorisen.kit.clock import FrozenClock
from autorisen.kit.mail import mails
from autorisen.kit.unit import Runtime
from tests.factories.accounts import PASSWORD, sign_in

LOGIN = {"email": "ann@acme.example", "password": PASSWORD}
REGISTRATION = {
    "email": "new@acme.example",
    "password": "the rain in the Karoo",
    "name": "First Member",
    "company_name": "Acme Agents",
}


# --- V6.3.8: nobody learns who has an account


@pytest.mark.usefixtures("ann")
async def test_v6_3_8_register_answers_alike_and_tells_the_owner(client: httpx.AsyncClient, runtime: Runtime) -> None:
    new = await client.post("/api/auth/register", json=REGISTRATION)
    taken = await client.post("/api/auth/register", json=REGISTRATION | {"email": "Ann@ACME.example"})
    assert (new.status_code, new.json()) == (taken.status_code, taken.json())
    assert new.status_code == 202
    assert set(new.headers) == set(taken.headers)
    async with runtime.database.read() as tx:
        told = await mails(tx, recipient="ann@acme.example")
        assert [each.message.subject for each in told] == ["You already have an account"]
        assert len(await list_customers(tx)) == 2
        ann = await user_by_email(tx, "ann@acme.example")
    assert ann is not None
    assert ann.name == "Ann"


@pytest.mark.usefixtures("ann")
async def test_v6_3_8_register_answers_on_the_same_beat(client: httpx.AsyncClient) -> None:
    for email in ("ann@acme.example", "new@acme.example"):
        begun = perf_counter()
        await client.post("/api/auth/register", json=REGISTRATION | {"email": email})
        assert perf_counter() - begun >= ANSWER_STEP_SECONDS


@pytest.mark.usefixtures("ann")
async def test_v6_3_8_sign_in_answers_alike(client: httpx.AsyncClient, runtime: Runtime) -> None:
    unknown = await client.post("/api/auth/login", json=LOGIN | {"email": "nobody@acme.example"})
    wrong = await client.post("/api/auth/login", json=LOGIN | {"password": "not the password"})
    async with runtime.unit() as unit:
        ann = await user_by_email(unit.tx, "ann@acme.example")
        assert ann is not None
        await disable_user(unit, user_id=ann.id, actor="tests")
    disabled = await client.post("/api/auth/login", json=LOGIN)
    said = [{**answer.json(), "instance": ""} for answer in (unknown, wrong, disabled)]
    assert said[0] == said[1] == said[2]
    assert said[0]["code"] == "wrong_credentials"
    assert {answer.status_code for answer in (unknown, wrong, disabled)} == {401}


@pytest.mark.usefixtures("ann")
async def test_v6_3_8_an_unknown_address_costs_as_much_time_as_a_known_one(runtime: Runtime) -> None:
    """Without the dummy hash the unknown address answers in a tenth of the time."""

    async def seconds(email: str, place: int) -> float:
        begun = perf_counter()
        with pytest.raises(WrongCredentials):
            await log_in(runtime, email=email, password="wrong", ip=f"10.0.0.{place}", user_agent="")
        return perf_counter() - begun

    known, unknown = [], []
    for place in range(15):
        known.append(await seconds("ann@acme.example", place))
        unknown.append(await seconds(f"nobody{place}@acme.example", place))
    assert statistics.median(unknown) > 0.6 * statistics.median(known)
    assert statistics.median(known) > 0.6 * statistics.median(unknown)


# --- V6.1.1, V6.3.1: guessing is slowed down, owners are not locked out


@pytest.mark.usefixtures("ann")
async def test_v6_3_1_guesses_for_one_account_from_one_place_end(client: httpx.AsyncClient, clock: FrozenClock) -> None:
    wrong = LOGIN | {"password": "not the password"}
    codes = [(await client.post("/api/auth/login", json=wrong)).status_code for _ in range(12)]
    assert codes == [401] * 10 + [429] * 2
    refused = await client.post("/api/auth/login", json=LOGIN)
    assert refused.status_code == 429, "also the right password, or the guesser would learn it"
    assert 0 < int(refused.headers["retry-after"]) <= 900
    page = await client.post("/login", data=wrong)
    assert page.status_code == 429
    assert page.headers["retry-after"] == refused.headers["retry-after"]
    clock.advance(timedelta(seconds=int(refused.headers["retry-after"])))
    assert (await client.post("/api/auth/login", json=LOGIN)).status_code == 200


@pytest.mark.usefixtures("ann")
async def test_v6_1_1_a_stranger_elsewhere_does_not_lock_the_owner_out(runtime: Runtime) -> None:
    for _ in range(12):
        with pytest.raises((WrongCredentials, TooManyAttempts)):
            await log_in(runtime, email="ann@acme.example", password="wrong", ip="203.0.113.9", user_agent="")
    signed = await log_in(runtime, email="ann@acme.example", password=PASSWORD, ip="198.51.100.4", user_agent="")
    assert signed.principal.email == "ann@acme.example"


@pytest.mark.usefixtures("ann")
async def test_v6_3_1_guesses_sent_at_once_are_all_counted(runtime: Runtime) -> None:
    async def guess(number: int) -> str:
        try:
            await log_in(runtime, email="ann@acme.example", password=f"guess {number}", ip="203.0.113.9", user_agent="")
        except Exception as error:
            return type(error).__name__
        return "in"

    outcomes = await asyncio.gather(*(guess(number) for number in range(30)))
    assert outcomes.count("WrongCredentials") == 10
    assert outcomes.count("TooManyAttempts") == 20


async def test_v6_3_1_guesses_over_many_accounts_from_one_network_end(runtime: Runtime) -> None:
    outcomes = []
    for number in range(102):
        try:
            # One IPv6 customer has a whole /64 to send from.
            ip = f"2001:db8:1:1::{number:x}"
            await log_in(runtime, email=f"user{number}@acme.example", password="x" * 2000, ip=ip, user_agent="")
        except Exception as error:
            outcomes.append(type(error).__name__)
    assert outcomes == ["WrongCredentials"] * 100 + ["TooManyAttempts"] * 2


async def test_v2_4_1_registering_in_masses_ends(client: httpx.AsyncClient, runtime: Runtime) -> None:
    weak = REGISTRATION | {"password": "short"}
    assert (await client.post("/register", data=weak)).status_code == 422
    codes = []
    for number in range(62):
        answer = await client.post("/api/auth/register", json=REGISTRATION | {"email": f"n{number}@acme.example"})
        codes.append(answer.status_code)
    assert codes == [202] * 60 + [429] * 2
    async with runtime.database.read() as tx:
        assert len(await list_customers(tx, limit=200)) == 60


@pytest.mark.usefixtures("ann")
async def test_mistyping_is_forgiven_after_a_right_password(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        for _ in range(9):
            await client.post("/api/auth/login", json=LOGIN | {"password": "not the password"})
        assert (await client.post("/api/auth/login", json=LOGIN)).status_code == 200


# --- V15.3.3: a form can't give what it does not ask for


@pytest.mark.parametrize("field,value", [("is_operator", True), ("role", "admin"), ("customer_id", "x"), ("key", "x")])
async def test_v15_3_3_unknown_fields_are_refused_by_name(client: httpx.AsyncClient, field: str, value: object) -> None:
    answer = await client.post("/api/auth/register", json=REGISTRATION | {field: value})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [f"/{field}"]


async def test_v15_3_3_a_form_can_not_make_an_operator(client: httpx.AsyncClient, runtime: Runtime) -> None:
    form = REGISTRATION | {"is_operator": "true", "role": "operator", "customer_id": "x"}
    assert (await client.post("/register", data=form)).status_code == 303
    async with runtime.database.read() as tx:
        user = await user_by_email(tx, REGISTRATION["email"])
    assert user is not None
    assert user.is_operator is False
    await client.post("/login", data=REGISTRATION)
    assert (await client.get("/console")).status_code == 403


@pytest.mark.usefixtures("ann")
async def test_v15_3_3_billing_details_can_not_move_or_rename_the_customer(
    client: httpx.AsyncClient, runtime: Runtime
) -> None:
    await sign_in(client, runtime)
    form = {"name": "A", "email": "a@b.example", "country": "ZA", "time_zone": "UTC", "key": "x", "currency": "USD"}
    assert (await client.post("/app/settings/billing", data=form)).status_code == 303
    async with runtime.database.read() as tx:
        customer = (await list_customers(tx))[0]
    assert (customer.key, customer.currency, customer.name) == ("acme", "ZAR", "A")


@pytest.mark.usefixtures("ann")
async def test_v6_3_5_a_new_device_is_told_to_the_owner_once(client: httpx.AsyncClient, runtime: Runtime) -> None:
    async def sign_in_with(browser: str) -> int:
        headers = {"User-Agent": browser}
        assert (await client.post("/api/auth/login", json=LOGIN, headers=headers)).status_code == 200
        async with runtime.database.read() as tx:
            return len(await mails(tx, recipient="ann@acme.example"))

    assert await sign_in_with("Firefox") == 0, "the first one is the person who has just registered"
    assert await sign_in_with("Firefox") == 0
    assert await sign_in_with("Chrome\x1b[31m") == 1
    assert await sign_in_with("Chrome\x1b[31m") == 1
