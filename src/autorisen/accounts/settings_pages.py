"""The settings of a person and their customer: profile, password, billing details, API keys, sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from autorisen.accounts import api_keys, customers, sessions
from autorisen.accounts.access import client_ip, key_owner, member, signed_in
from autorisen.accounts.change_password import change_password
from autorisen.accounts.form_errors import by_field, sentence
from autorisen.accounts.input_rules import countries
from autorisen.accounts.model import ALL_SCOPES, ApiKey, Customer, Principal, Session
from autorisen.accounts.users import rename_user
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import parse_public_id
from autorisen.kit.problems import FieldError, InvalidInput, NotFound, Problem
from autorisen.kit.time_zones import time_zones
from autorisen.kit.unit import Runtime
from autorisen.ui.flash import flash
from autorisen.ui.render import render

router = APIRouter(prefix="/app/settings")

SignedIn = Annotated[Principal, Depends(signed_in)]
Member = Annotated[Principal, Depends(member)]
Typed = Annotated[str, Form()]

SCOPE_LABELS = (
    ("events:write", "Send usage events"),
    ("usage:read", "Read usage and cost"),
    ("billing:read", "Read invoices and billing details"),
    ("admin", "Everything, API keys included"),
)
_LIVES = {"30": timedelta(days=30), "90": timedelta(days=90), "365": timedelta(days=365), "": None}


@cache
def _time_zones() -> list[tuple[str, str]]:
    names = sorted(name for name in time_zones() if "/" in name and not name.startswith(("Etc/", "posix")))
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in names)]


@dataclass(frozen=True)
class SettingsPage:
    """Context of accounts/settings.html. `secret` is the text of a key made by this very request."""

    person: Principal
    customer: Customer | None
    keys: Sequence[ApiKey]
    sessions: Sequence[Session]
    now: datetime
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    refusal: str = ""
    secret: str = ""
    countries: list[tuple[str, str]] = field(default_factory=countries)
    time_zones: list[tuple[str, str]] = field(default_factory=_time_zones)
    scopes: tuple[tuple[str, str], ...] = SCOPE_LABELS


@router.get("")
async def settings_page(request: Request, runtime: RuntimeDep, person: SignedIn) -> Response:
    return await _page(request, runtime, person)


@router.post("/profile")
async def save_profile(request: Request, runtime: RuntimeDep, person: SignedIn, user_name: Typed = "") -> Response:
    try:
        async with runtime.unit() as unit:
            assert person.user_id is not None, "only people sign in"
            await rename_user(unit, user_id=person.user_id, name=user_name)
    except InvalidInput as problem:
        return await _page(request, runtime, person, problem, {"user_name": user_name})
    return _back("Your name is saved.", "profile")


@router.post("/password")
async def save_password(
    request: Request, runtime: RuntimeDep, person: SignedIn, current_password: Typed = "", new_password: Typed = ""
) -> Response:
    try:
        await change_password(
            runtime,
            person,
            current_password=current_password,
            new_password=new_password,
            ip=client_ip(request),
        )
    except Problem as problem:
        return await _page(request, runtime, person, problem)
    return _back("Your password is changed, and all other sessions have ended.", "password")


class BillingForm(BaseModel):
    """What the form sends; fields that it does not have are dropped, never stored."""

    name: str = ""
    email: str = ""
    country: str = ""
    time_zone: str = ""
    billing_address: str = ""
    vat_number: str = ""


@router.post("/billing")
async def save_billing(
    request: Request, runtime: RuntimeDep, person: Member, form: Annotated[BillingForm, Form()]
) -> Response:
    values = form.model_dump()
    assert person.customer_id is not None, "a member has a customer"
    try:
        async with runtime.unit() as unit:
            await customers.update_customer(unit, customer_id=person.customer_id, actor=person.actor, **values)
    except InvalidInput as problem:
        return await _page(request, runtime, person, problem, values)
    return _back("The billing details are saved. The next invoice carries them.", "billing")


@router.post("/keys")
async def create_key(
    request: Request,
    runtime: RuntimeDep,
    person: SignedIn,
    key_name: Typed = "",
    scopes: Annotated[list[str] | None, Form()] = None,
    days: Typed = "",
) -> Response:
    try:
        async with runtime.unit() as unit:
            life = _LIVES.get(days)
            _, secret = await api_keys.create_api_key(
                unit,
                customer_id=key_owner(person),
                name=key_name,
                scopes=scopes or (),
                expires_at=unit.wall_now + life if life else None,
                actor=person.actor,
            )
    except InvalidInput as problem:
        renamed = [FieldError(error.field.replace("/name", "/key_name"), error.rule) for error in problem.errors]
        return await _page(request, runtime, person, InvalidInput(errors=renamed), {"key_name": key_name})
    # Not a redirect: the secret is in this one answer and is stored nowhere.
    return await _page(request, runtime, person, secret=secret)


@router.post("/keys/{key_id}/revoke")
async def revoke_key(runtime: RuntimeDep, person: SignedIn, key_id: str) -> Response:
    async with runtime.unit() as unit:
        await api_keys.revoke_api_key(
            unit,
            key_id=parse_public_id("key", key_id),
            customer_id=key_owner(person),
            actor=person.actor,
        )
    return _back("The key is revoked.", "keys")


@router.post("/sessions/others/end")
async def end_other_sessions(runtime: RuntimeDep, person: SignedIn) -> Response:
    async with runtime.unit() as unit:
        count = await sessions.end_other_sessions(unit, person)
    return _back(f"{count} other {'session has' if count == 1 else 'sessions have'} ended.", "sessions")


@router.post("/sessions/{session_id}/end")
async def end_session(runtime: RuntimeDep, person: SignedIn, session_id: str) -> Response:
    async with runtime.unit() as unit:
        ended = await sessions.end_own_session(unit, person, parse_public_id("ses", session_id))
    if not ended:
        raise NotFound("you have no such session, or it has ended already")
    return _back("The session has ended.", "sessions")


async def _page(
    request: Request,
    runtime: Runtime,
    person: Principal,
    problem: Problem | None = None,
    values: Mapping[str, str] | None = None,
    *,
    secret: str = "",
) -> Response:
    async with runtime.database.read() as tx:
        customer = await customers.customer(tx, person.customer_id) if person.customer_id else None
        may_have_keys = customer is not None or person.is_operator
        page = SettingsPage(
            person=person,
            customer=customer,
            keys=await api_keys.list_api_keys(tx, key_owner(person)) if may_have_keys else (),
            sessions=await sessions.sessions_of(tx, person, runtime.wall.now()),
            now=runtime.wall.now(),
            values=values or {},
            errors=by_field(problem) if problem else {},
            refusal=sentence(problem) if problem and not problem.errors else "",
            secret=secret,
        )
    return render(request, "accounts/settings.html", page, status=problem.status if problem else 200)


def _back(said: str, section: str) -> Response:
    response = RedirectResponse(f"/app/settings#{section}", 303)
    flash(response, said)
    return response


assert tuple(scope for scope, _ in SCOPE_LABELS) == tuple(ALL_SCOPES), "every scope has a label"
