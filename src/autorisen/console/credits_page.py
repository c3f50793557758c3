"""A customer's prepaid credits: what there is, what happened, and what an operator gives and takes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from autorisen import accounts, billing
from autorisen.billing import GrantKind, MovementRow, Wallet
from autorisen.console.access import Operator
from autorisen.console.paging import PAGE_SIZE
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import parse_public_id
from autorisen.kit.problems import FieldError, InvalidInput, Problem
from autorisen.kit.unit import Runtime
from autorisen.ui import flash, render

router = APIRouter(prefix="/customers/{customer_id}/credits")

GIVEN_KINDS = ((GrantKind.GOODWILL.value, "Goodwill"), (GrantKind.PROMOTIONAL.value, "Promotion"))


@dataclass(frozen=True)
class CreditsPage:
    """Context of console/credits.html."""

    wallet: Wallet
    movements: Sequence[MovementRow]
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    refusal: str = ""
    kinds: tuple[tuple[str, str], ...] = GIVEN_KINDS
    grant_words: Mapping[str, str] = field(default_factory=lambda: billing.GRANT_WORDS)
    movement_words: Mapping[str, str] = field(default_factory=lambda: billing.MOVEMENT_WORDS)


class GrantForm(BaseModel):
    """What the form sends. `key` makes a double click one grant."""

    key: str = ""
    kind: str = GrantKind.GOODWILL.value
    amount: str = ""
    expires_on: str = ""
    reason: str = ""


@router.get("")
async def credits_page(request: Request, runtime: RuntimeDep, _operator: Operator, customer_id: str) -> Response:
    return await _page(request, runtime, customer_id)


@router.post("")
async def give(
    request: Request, runtime: RuntimeDep, person: Operator, customer_id: str, form: Annotated[GrantForm, Form()]
) -> Response:
    try:
        async with runtime.unit() as unit:
            customer = await accounts.customer(unit.tx, parse_public_id("cus", customer_id))
            amount = billing.read_amount(form.amount, customer.currency, "/amount")
            if not form.reason.strip():
                raise InvalidInput(errors=[FieldError("/reason", "must say why: the customer sees it")])
            made = await billing.grant_credits(
                unit,
                customer_id=customer.id,
                kind=_kind(form.kind),
                amount=amount,
                source=f"operator:{form.key or unit.ids.new()}",
                reason=form.reason.strip(),
                expires_at=_end_of(form.expires_on, customer.time_zone),
            )
            await accounts.record_audit(
                unit,
                actor=person.actor,
                action="credits.grant",
                target=customer.public_id,
                detail={"grant": made.public_id, "amount": str(amount), "reason": form.reason},
            )
    except Problem as problem:
        return await _page(request, runtime, customer_id, problem, form.model_dump())
    return _back(customer_id, f"{made.amount.format()} are granted.")


@router.post("/{grant_id}/take-back")
async def take_back(
    request: Request,
    runtime: RuntimeDep,
    person: Operator,
    customer_id: str,
    grant_id: str,
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Credits that were given are void; the unused part of a top-up goes back to its card."""
    try:
        async with runtime.unit() as unit:
            customer = await accounts.customer(unit.tx, parse_public_id("cus", customer_id))
            id = parse_public_id("crd", grant_id)
            if await billing.is_paid_grant(unit.tx, id):
                amount = await billing.refund_credits(unit, id, customer_id=customer.id)
                said = f"{amount.format()} go back to the card."
            else:
                await billing.void_credits(unit, id, customer_id=customer.id, reason=reason.strip())
                said = "The credits are taken back."
            await accounts.record_audit(
                unit,
                actor=person.actor,
                action="credits.take_back",
                target=customer.public_id,
                detail={"grant": grant_id, "reason": reason},
            )
    except Problem as problem:
        return await _page(request, runtime, customer_id, problem)
    return _back(customer_id, said)


def _kind(text: str) -> GrantKind:
    if text not in dict(GIVEN_KINDS):
        raise InvalidInput(errors=[FieldError("/kind", "must be goodwill or promotional")])
    return GrantKind(text)


def _end_of(day: str, time_zone: str) -> datetime | None:
    """The end of a day on the customer's clock; None for credits that never expire."""
    if not day:
        return None
    try:
        last = date.fromisoformat(day)
        return datetime.combine(last + timedelta(days=1), time(0), ZoneInfo(time_zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(errors=[FieldError("/expires_on", "must be a day such as 2026-12-31")]) from None


async def _page(
    request: Request,
    runtime: Runtime,
    customer_id: str,
    problem: Problem | None = None,
    values: Mapping[str, str] | None = None,
) -> Response:
    id = parse_public_id("cus", customer_id)
    names = {"/amount_minor": "/amount", "/expires_at": "/expires_on"}
    refused = [] if problem is None else problem.errors
    renamed = InvalidInput(errors=[FieldError(names.get(each.field, each.field), each.rule) for each in refused])
    async with runtime.database.read() as tx:
        page = CreditsPage(
            wallet=await billing.read_wallet(tx, id, runtime.clock.now()),
            movements=await billing.credit_movements(tx, id, limit=PAGE_SIZE),
            values=values or {},
            errors=accounts.by_field(renamed),
            refusal=accounts.sentence(problem) if problem and not problem.errors else "",
        )
    return render(request, "console/credits.html", page, status=problem.status if problem else 200)


def _back(customer_id: str, said: str) -> Response:
    response = RedirectResponse(f"/console/customers/{customer_id}/credits", 303)
    flash(response, said)
    return response
