"""Customers, people and keys for tests, made through the same verbs as real ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import httpx

from autorisen.accounts import Customer, User, add_member, create_api_key, create_customer, create_user
from autorisen.accounts.log_in import log_in
from autorisen.accounts.model import ALL_SCOPES
from autorisen.accounts.session_cookie import COOKIE
from autorisen.accounts.sessions import csrf_token
from autorisen.kit.unit import Runtime, Unit

PASSWORD = "a long sentence for tests"
ORIGIN = "https://testserver"


async def make_customer(unit: Unit, *, key: str = "acme", currency: str = "ZAR", **values: str) -> Customer:
    """A customer in South Africa, without people."""
    given = {"name": key.title(), "email": f"billing@{key}.example", "country": "ZA"} | values
    return await create_customer(unit, key=key, currency=currency, **given)


async def make_user(unit: Unit, *, email: str = "ann@acme.example", name: str = "Ann", operator: bool = False) -> User:
    """A person with `PASSWORD`."""
    return await create_user(unit, email=email, password=PASSWORD, name=name, is_operator=operator)


async def make_member(unit: Unit, customer_id: UUID, *, email: str = "ann@acme.example", name: str = "Ann") -> User:
    """A person with `PASSWORD` who acts for the customer."""
    user = await make_user(unit, email=email, name=name)
    await add_member(unit, customer_id=customer_id, user_id=user.id)
    return user


async def make_key(unit: Unit, customer_id: UUID | None, scopes: Iterable[str] = ALL_SCOPES) -> dict[str, str]:
    """The headers of a request with a new key of the customer, or of the operator (None)."""
    _, secret = await create_api_key(unit, customer_id=customer_id, name="tests", scopes=scopes)
    return {"Authorization": f"Bearer {secret}"}


async def sign_in(client: httpx.AsyncClient, runtime: Runtime, email: str = "ann@acme.example") -> str:
    """Make the client a signed-in browser: it has the session, and sends Origin and the form token. Gives the token."""
    signed = await log_in(runtime, email=email, password=PASSWORD, ip="127.0.0.1", user_agent="tests")
    client.cookies.set(COOKIE, signed.token)
    client.headers["Origin"] = ORIGIN
    client.headers["X-CSRF-Token"] = csrf_token(runtime.settings.secret_key, signed.token)
    return signed.token


@dataclass(frozen=True)
class Tenant:
    """A customer with one member and one key of all scopes."""

    customer: Customer
    user: User
    headers: dict[str, str]


async def make_tenant(unit: Unit, key: str = "acme") -> Tenant:
    customer = await make_customer(unit, key=key)
    user = await make_member(unit, customer.id, email=f"ann@{key}.example")
    return Tenant(customer, user, await make_key(unit, customer.id))
