"""The customer's page of prepaid credits: what there is, what happened, top-up, and automatic top-up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from autorisen import accounts, payments
from autorisen.accounts import Principal, member
from autorisen.billing.checkout_state import CheckoutState
from autorisen.billing.wallet import store
from autorisen.billing.wallet.automatic_top_up import set_automatic_top_up
from autorisen.billing.wallet.model import NOTICE_BELOW, PER_DAY_MAX, TOP_UP_LIMITS, MovementRow
from autorisen.billing.wallet.read_amount import read_amount
from autorisen.billing.wallet.read_wallet import Wallet, read_wallet, top_up_state
from autorisen.billing.wallet.top_up import start_top_up
from autorisen.billing.wallet.words import GRANT_WORDS, MOVEMENT_WORDS
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import MalformedId, parse_public_id, public_id
from autorisen.kit.money import Money
from autorisen.kit.problems import FieldError, InvalidInput, Problem
from autorisen.kit.unit import Runtime
from autorisen.ui import flash, render
from autorisen.ui.render import is_partial

router = APIRouter(prefix="/app/credits")

Member = Annotated[Principal, Depends(member)]
Typed = Annotated[str, Form()]

PAGE_SIZE = 25
PRESETS = {"ZAR": (20_000, 50_000, 100_000, 250_000), "USD": (2_000, 5_000, 10_000, 25_000)}


@dataclass(frozen=True)
class CreditsPage:
    """Context of billing/credits.html. `card` is what automatic top-up would charge."""

    wallet: Wallet
    movements: tuple[MovementRow, ...]
    older: str | None
    newer: str | None
    checkout: CheckoutState | None
    card: payments.PaymentMethod | None
    presets: tuple[Money, ...]
    least: Money
    most: Money
    notice_below: Money
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    refusal: str = ""
    per_day: tuple[tuple[str, str], ...] = tuple((str(each), str(each)) for each in range(1, PER_DAY_MAX + 1))
    grant_words: Mapping[str, str] = field(default_factory=lambda: GRANT_WORDS)
    movement_words: Mapping[str, str] = field(default_factory=lambda: MOVEMENT_WORDS)


class AutomaticForm(BaseModel):
    """What the form of automatic top-up sends."""

    enabled: str = ""
    threshold: str = ""
    automatic_amount: str = ""
    per_day: str = "1"


@router.get("")
async def credits_page(
    request: Request, runtime: RuntimeDep, person: Member, checkout: str = "", after: str = ""
) -> Response:
    async with runtime.database.read() as tx:
        state = await top_up_state(tx, customer_id=_customer(person), checkout=checkout)
    if state is not None and (is_partial(request) or state.state == "done"):
        return _poll(request, state)
    return await _page(request, runtime, person, checkout=state, after=after)


@router.post("/top-up")
async def top_up(
    request: Request, runtime: RuntimeDep, person: Member, amount: Typed = "", preset: Typed = ""
) -> Response:
    """To the gateway's page; the credits are there when the gateway says that the money is, not before."""
    customer_id = _customer(person)
    try:
        async with runtime.database.read() as tx:
            currency = (await accounts.customer(tx, customer_id)).currency
        wanted = read_amount(preset or amount, currency, "/amount")
        checkout = await start_top_up(runtime, customer_id=customer_id, amount=wanted)
    except Problem as problem:
        return await _page(request, runtime, person, problem=problem, values={"amount": preset or amount})
    return RedirectResponse(checkout.url, 303)


@router.post("/automatic")
async def automatic(
    request: Request, runtime: RuntimeDep, person: Member, form: Annotated[AutomaticForm, Form()]
) -> Response:
    """Consent to charge the saved card below a threshold, or its end."""
    customer_id = _customer(person)
    try:
        async with runtime.unit() as unit:
            currency = (await accounts.customer(unit.tx, customer_id)).currency
            setting = await set_automatic_top_up(
                unit,
                customer_id=customer_id,
                enabled=bool(form.enabled),
                threshold=read_amount(form.threshold, currency, "/threshold"),
                amount=read_amount(form.automatic_amount, currency, "/automatic_amount"),
                per_day=int(form.per_day) if form.per_day.isascii() and form.per_day.isdigit() else 0,
                actor=person.actor,
            )
    except Problem as problem:
        return await _page(request, runtime, person, problem=_renamed(problem), values=form.model_dump())
    response = RedirectResponse("/app/credits#automatic", 303)
    flash(response, "Automatic top-up is on." if setting.enabled else "Automatic top-up is off.")
    return response


def _renamed(problem: Problem) -> Problem:
    """The machine interface's names of the fields, as the form has them."""
    names = {"/amount_minor": "/automatic_amount", "/threshold_minor": "/threshold"}
    if problem.errors:
        return InvalidInput(
            errors=[FieldError(names.get(each.field, each.field), each.rule) for each in problem.errors]
        )
    return problem


async def _page(
    request: Request,
    runtime: Runtime,
    person: Principal,
    *,
    checkout: CheckoutState | None = None,
    after: str = "",
    problem: Problem | None = None,
    values: Mapping[str, str] | None = None,
) -> Response:
    cursor = _cursor(after)
    async with runtime.database.read() as tx:
        wallet = await read_wallet(tx, _customer(person), runtime.clock.now())
        moved = await store.movements(tx, _customer(person), after=cursor, limit=PAGE_SIZE + 1)
        card = await payments.default_method(tx, _customer(person))
    shown = tuple(moved[:PAGE_SIZE])
    currency = wallet.customer.currency
    least, most = (Money(minor, currency) for minor in TOP_UP_LIMITS[currency])
    more = len(moved) > PAGE_SIZE
    page = CreditsPage(
        wallet=wallet,
        movements=shown,
        older=f"/app/credits?after={public_id('crm', shown[-1].movement.id)}#movements" if more else None,
        newer="/app/credits#movements" if cursor else None,
        checkout=checkout,
        card=card,
        presets=tuple(Money(minor, currency) for minor in PRESETS[currency]),
        least=least,
        most=most,
        notice_below=Money(NOTICE_BELOW[currency], currency),
        values=values or {},
        errors=accounts.by_field(_shown(problem)) if problem else {},
        refusal=accounts.sentence(problem) if problem and not problem.errors else "",
    )
    return render(request, "billing/credits.html", page, status=problem.status if problem else 200)


def _shown(problem: Problem) -> Problem:
    """The top-up form has one field, whatever the rule is called inside."""
    names = {"/amount_minor": "/amount"}
    return InvalidInput(errors=[FieldError(names.get(each.field, each.field), each.rule) for each in problem.errors])


def _poll(request: Request, state: CheckoutState) -> Response:
    """What a page that waits for a payment gets: the same sign again, or the page anew when there is news."""
    if is_partial(request) and state.state == "waiting":
        return render(request, "billing/_checkout.html", _Waiting(state))
    target = "/app/credits" if state.state == "done" else f"/app/credits?checkout={state.checkout}"
    response: Response
    if is_partial(request):
        response = Response(status_code=204, headers={"HX-Redirect": target})
    else:
        response = RedirectResponse(target, 303)
    if state.state == "done":
        flash(response, "Thank you. Your credits are there.")
    return response


@dataclass(frozen=True)
class _Waiting:
    """Context of billing/_checkout.html."""

    checkout: CheckoutState


def _customer(principal: Principal) -> UUID:
    assert principal.customer_id is not None, "a member has a customer"
    return principal.customer_id


def _cursor(text: str) -> UUID | None:
    try:
        return parse_public_id("crm", text) if text else None
    except MalformedId:
        return None
