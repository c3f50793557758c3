"""The sandbox provider's hosted pages: pay with a test card, confirm a step. They are not ours, so they look apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from autorisen.kit.http import RuntimeDep
from autorisen.kit.money import Money
from autorisen.kit.problems import NotFound
from autorisen.kit.unit import Unit
from autorisen.payments.sandbox import provider, store
from autorisen.payments.sandbox.cards import FAILURES, HINTS, CardOnTest, Hint, parse_expiry, recognise
from autorisen.payments.sandbox.model import SUCCESSFUL, SandboxCharge, SandboxCheckout, deciding_charge
from autorisen.ui import render


def _only_in_sandbox(runtime: RuntimeDep) -> None:
    if not runtime.settings.is_sandbox:
        raise NotFound("there is nothing at this address")


router = APIRouter(prefix="/sandbox/checkout", dependencies=[Depends(_only_in_sandbox)])

Typed = Annotated[str, Form(max_length=64)]

_CVC_LENGTHS = (3, 4)


@dataclass(frozen=True)
class CheckoutPage:
    """`state` is open, paid or expired. What was typed is never given back to the page."""

    checkout_id: str
    state: str
    amount: Money
    description: str
    return_url: str
    expires_at: datetime
    hints: tuple[Hint, ...]
    error: str
    number_error: str
    expiry_error: str
    cvc_error: str


@dataclass(frozen=True)
class StepPage:
    """The bank's question whether the payer means it."""

    checkout_id: str
    charge_id: str
    amount: Money
    description: str
    last4: str


@dataclass(frozen=True)
class _Errors:
    form: str = ""
    number: str = ""
    expiry: str = ""
    cvc: str = ""


@router.get("/{checkout_id}")
async def show_checkout(checkout_id: str, request: Request, runtime: RuntimeDep) -> Response:
    """The page to pay on; after that, or when its time is over, it says so and leads back."""
    async with runtime.unit() as unit:
        checkout = await _checkout(unit, checkout_id)
        state = await _state(unit, checkout)
    return _page(request, checkout, state, _Errors())


@router.post("/{checkout_id}/pay")
async def pay(
    checkout_id: str,
    request: Request,
    runtime: RuntimeDep,
    number: Typed = "",
    expiry: Typed = "",
    cvc: Typed = "",
) -> Response:
    """Pay with a test card. The number is looked up here, in memory, and goes no further."""
    async with runtime.unit() as unit:
        checkout = await _checkout(unit, checkout_id, lock=True)
        state = await _state(unit, checkout)
        if state != "open":
            return _page(request, checkout, state, _Errors())
        card, expires, errors = _read_card(unit, number, expiry, cvc)
        if card is None or expires is None:
            return _page(request, checkout, state, errors, status=422)
        charge = await provider.pay(unit, checkout, card, expires)
    return _after(request, checkout, charge)


@router.get("/{checkout_id}/step/{charge_id}")
async def show_step(checkout_id: str, charge_id: str, request: Request, runtime: RuntimeDep) -> Response:
    """The bank's page; a step that is done leads on."""
    async with runtime.unit() as unit:
        checkout = await _checkout(unit, checkout_id)
        charge = await _charge(unit, checkout, charge_id)
        method = await store.method(unit.tx, charge.token)
    if charge.status != "requires_action":
        return _after(request, checkout, charge)
    last4 = method.card.last4 if method else ""
    page = StepPage(checkout.id, charge.id, _amount(checkout), checkout.description, last4)
    return render(request, "payments/sandbox_step.html", page)


@router.post("/{checkout_id}/step/{charge_id}")
async def answer_step(
    checkout_id: str, charge_id: str, request: Request, runtime: RuntimeDep, answer: Typed = ""
) -> Response:
    """Approve or deny; anything but a clear approval denies."""
    async with runtime.unit() as unit:
        checkout = await _checkout(unit, checkout_id, lock=True)
        charge = await _charge(unit, checkout, charge_id, lock=True)
        charge = await provider.answer_step(unit, charge, approved=answer == "approve")
    return _after(request, checkout, charge)


async def _checkout(unit: Unit, checkout_id: str, *, lock: bool = False) -> SandboxCheckout:
    checkout = None if "\x00" in checkout_id else await store.checkout(unit.tx, checkout_id, lock=lock)
    if checkout is None:
        raise NotFound("there is no such payment page; go back to where you came from and start again")
    return checkout


async def _charge(unit: Unit, checkout: SandboxCheckout, charge_id: str, *, lock: bool = False) -> SandboxCharge:
    charge = None if "\x00" in charge_id else await store.charge(unit.tx, charge_id, lock=lock)
    if charge is None or charge.checkout_id != checkout.id:
        raise NotFound("there is no such payment step; go back to where you came from and start again")
    return charge


async def _state(unit: Unit, checkout: SandboxCheckout) -> str:
    deciding = deciding_charge(await store.charges_of(unit.tx, checkout.idempotency_key))
    if deciding is not None and deciding.status in SUCCESSFUL:
        return "paid"
    return "open" if unit.now < checkout.expires_at else "expired"


def _read_card(
    unit: Unit, number: str, expiry: str, cvc: str
) -> tuple[CardOnTest | None, tuple[int, int] | None, _Errors]:
    """The card and its expiry, both or neither, and what is wrong with what was typed."""
    card, expires = recognise(number), parse_expiry(expiry)
    number_error = "" if card else "This is not one of the test cards below. Never type a real card here."
    expiry_error, cvc_error = "", ""
    if expires is None:
        expiry_error = "Use month and year, such as 12/30."
    elif (expires[1], expires[0]) < (unit.now.year, unit.now.month):
        expiry_error = "This card has expired. Any date to come will do."
    if len(cvc) not in _CVC_LENGTHS or not (cvc.isascii() and cvc.isdigit()):
        cvc_error = "Three or four digits. Any will do."
    if number_error or expiry_error or cvc_error:
        return None, None, _Errors(number=number_error, expiry=expiry_error, cvc=cvc_error)
    return card, expires, _Errors()


def _after(request: Request, checkout: SandboxCheckout, charge: SandboxCharge) -> Response:
    """Where the payer goes after a charge: back to the shop, to the bank's step, or to another card."""
    here = f"/sandbox/checkout/{checkout.id}"
    if charge.status in SUCCESSFUL:
        return RedirectResponse(checkout.return_url, 303)
    if charge.status == "requires_action":
        return RedirectResponse(f"{here}/step/{charge.id}", 303)
    reason = FAILURES[charge.failure_code or "card_declined"]
    return _page(request, checkout, "open", _Errors(form=f"{reason} You can try another card."), status=402)


def _amount(checkout: SandboxCheckout) -> Money:
    return Money(checkout.amount_minor, checkout.currency)


def _page(request: Request, checkout: SandboxCheckout, state: str, errors: _Errors, *, status: int = 200) -> Response:
    page = CheckoutPage(
        checkout_id=checkout.id,
        state=state,
        amount=_amount(checkout),
        description=checkout.description,
        return_url=checkout.return_url,
        expires_at=checkout.expires_at,
        hints=HINTS,
        error=errors.form,
        number_error=errors.number,
        expiry_error=errors.expiry,
        cvc_error=errors.cvc,
    )
    return render(request, "payments/sandbox_checkout.html", page, status=status)
