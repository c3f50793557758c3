"""Register a person together with the customer they act for."""

from __future__ import annotations

import asyncio

from autorisen.accounts import store
from autorisen.accounts.customers import create_customer_named
from autorisen.accounts.errors import EmailAlreadyRegistered
from autorisen.accounts.facts import UserSignedUp
from autorisen.accounts.input_rules import Checks
from autorisen.accounts.model import Customer, User
from autorisen.accounts.password_policy import password_errors
from autorisen.accounts.passwords import HashedPassword, hash_password
from autorisen.accounts.throttle import REGISTER_RULES, count_attempts
from autorisen.accounts.users import add_member, create_user
from autorisen.kit import mail
from autorisen.kit.clock import monotonic
from autorisen.kit.unit import Runtime, Unit
from autorisen.kit.work import record

ANSWER_STEP_SECONDS = 0.1


async def sign_up(
    unit: Unit,
    *,
    email: str,
    password: str | HashedPassword,
    name: str,
    company_name: str,
    country: str = "ZA",
    currency: str = "ZAR",
) -> tuple[User, Customer]:
    """Create a user and their customer, whose key is derived from the company name.

    Raises `InvalidInput` naming each broken rule, `EmailAlreadyRegistered`.
    """
    check_sign_up(
        email=email,
        password=password if isinstance(password, str) else None,
        name=name,
        company_name=company_name,
        country=country,
        currency=currency,
    )
    user = await create_user(unit, email=email, password=password, name=name)
    customer = await create_customer_named(
        unit, name=company_name, email=user.email, country=country, currency=currency, actor=user.public_id
    )
    await add_member(unit, customer_id=customer.id, user_id=user.id)
    await record(unit, UserSignedUp(user_id=user.id, customer_id=customer.id))
    return user, customer


def check_sign_up(
    *, email: str, password: str | None, name: str, company_name: str, country: str, currency: str
) -> None:
    """Raise `InvalidInput` with every broken rule of the form at once, before anything is hashed or stored."""
    checks = Checks()
    checks.email("email", email)
    checks.line("name", name)
    checks.line("company_name", company_name)
    checks.country("country", country)
    checks.currency("currency", currency)
    if password is not None:
        checks.errors += password_errors(password, email=email.strip(), name=name.strip())
    checks.done()


async def register(
    runtime: Runtime,
    *,
    ip: str,
    email: str,
    password: str,
    name: str,
    company_name: str,
    country: str = "ZA",
    currency: str = "ZAR",
) -> None:
    """Sign up from the web. An address that is taken is answered like a new one, in the same time; its owner is told.

    Raises `InvalidInput`, `TooManyAttempts`.
    """
    check_sign_up(
        email=email, password=password, name=name, company_name=company_name, country=country, currency=currency
    )
    begun = monotonic()
    await count_attempts(runtime, REGISTER_RULES, email=email, ip=ip)
    hashed = await hash_password(password)
    try:
        async with runtime.unit() as unit:
            await sign_up(
                unit,
                email=email,
                password=hashed,
                name=name,
                company_name=company_name,
                country=country,
                currency=currency,
            )
    except EmailAlreadyRegistered:
        async with runtime.unit() as unit:
            await _tell_the_owner(unit, email.strip())
    # A new address takes a few milliseconds more of the database than a known one; both answers wait for the same beat.
    await asyncio.sleep(ANSWER_STEP_SECONDS - (monotonic() - begun) % ANSWER_STEP_SECONDS)


async def _tell_the_owner(unit: Unit, email: str) -> None:
    owner = await store.user_by_email(unit.tx, email)
    if owner is None:  # pragma: no cover -- users are never removed
        return
    text = (
        f"Hello {owner.name},\n\n"
        "somebody tried to create an autorisen account with this e-mail address, which already has one.\n"
        f"If it was you, sign in at {unit.settings.base_url}/login.\n"
        "If it was not, there is nothing to do: nothing was changed, and the page told them nothing.\n"
    )
    await mail.send(unit, mail.Message(owner.email, "You already have an account", text))
