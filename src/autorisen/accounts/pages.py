"""Sign in, register and sign out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from autorisen.accounts.access import client_ip, safe_next, signed_in, visitor
from autorisen.accounts.form_errors import by_field, sentence
from autorisen.accounts.input_rules import countries
from autorisen.accounts.log_in import log_in, log_out
from autorisen.accounts.model import Principal
from autorisen.accounts.session_cookie import clear_session_cookie, session_token, set_session_cookie
from autorisen.accounts.settings_pages import router as settings_router
from autorisen.accounts.sign_up import register
from autorisen.kit.http import RuntimeDep
from autorisen.kit.money import EXPONENTS
from autorisen.kit.problems import Problem
from autorisen.ui.flash import flash
from autorisen.ui.render import render

router = APIRouter()
router.include_router(settings_router)

Anyone = Annotated[Principal | None, Depends(visitor)]
Typed = Annotated[str, Form()]

_REGISTERED = (
    "Thank you. If the address is new, your account is ready: sign in. "
    "If it had one already, we have sent a mail to it."
)


@dataclass(frozen=True)
class LoginPage:
    """Context of accounts/login.html."""

    next: str
    email: str = ""
    refusal: str = ""


@dataclass(frozen=True)
class RegisterPage:
    """Context of accounts/register.html."""

    values: Mapping[str, str]
    countries: list[tuple[str, str]] = field(default_factory=countries)
    currencies: list[tuple[str, str]] = field(default_factory=lambda: [(code, code) for code in EXPONENTS])
    errors: Mapping[str, str] = field(default_factory=dict)
    refusal: str = ""


@router.get("/login")
async def login_page(request: Request, person: Anyone, next: str = "") -> Response:
    if person is not None:
        return RedirectResponse(safe_next(next, home_of(person)), 303)
    return render(request, "accounts/login.html", LoginPage(next=next))


@router.post("/login")
async def sign_in(
    request: Request, runtime: RuntimeDep, email: Typed = "", password: Typed = "", next: Typed = ""
) -> Response:
    try:
        signed = await log_in(
            runtime,
            email=email,
            password=password,
            ip=client_ip(request),
            user_agent=request.headers.get("user-agent", ""),
            replaces=session_token(request),
        )
    except Problem as problem:
        page = LoginPage(next=next, email=email, refusal=sentence(problem))
        return _refused(render(request, "accounts/login.html", page, status=problem.status), problem)
    response = RedirectResponse(safe_next(next, home_of(signed.principal)), 303)
    set_session_cookie(request, response, signed.token, is_operator=signed.principal.is_operator)
    return response


@router.get("/register")
async def register_page(request: Request, person: Anyone) -> Response:
    if person is not None:
        return RedirectResponse(home_of(person), 303)
    return render(request, "accounts/register.html", RegisterPage(values={"country": "ZA", "currency": "ZAR"}))


class RegisterForm(BaseModel):
    """What the form sends; fields that it does not have are dropped, never stored."""

    name: str = ""
    company_name: str = ""
    email: str = ""
    password: str = ""
    country: str = "ZA"
    currency: str = "ZAR"


@router.post("/register")
async def register_person(request: Request, runtime: RuntimeDep, form: Annotated[RegisterForm, Form()]) -> Response:
    values = form.model_dump(exclude={"password"})
    try:
        await register(runtime, ip=client_ip(request), password=form.password, **values)
    except Problem as problem:
        errors = by_field(problem)
        page = RegisterPage(values=values, errors=errors, refusal="" if errors else sentence(problem))
        return _refused(render(request, "accounts/register.html", page, status=problem.status), problem)
    response = RedirectResponse("/login", 303)
    flash(response, _REGISTERED, tone="info")
    return response


@router.post("/logout")
async def sign_out(request: Request, runtime: RuntimeDep, person: Annotated[Principal, Depends(signed_in)]) -> Response:
    token = session_token(request)
    assert token is not None, "somebody is signed in"
    await log_out(runtime, person, token)
    response = RedirectResponse("/login", 303)
    clear_session_cookie(request, response)
    flash(response, "You are signed out.")
    return response


def home_of(person: Principal) -> str:
    """Where a person starts."""
    return "/console" if person.is_operator and person.customer_id is None else "/app"


def _refused(response: Response, problem: Problem) -> Response:
    if "Retry-After" in problem.headers:
        response.headers["Retry-After"] = problem.headers["Retry-After"]
    return response
