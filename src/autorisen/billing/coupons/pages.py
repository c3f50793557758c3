"""`/app/coupons`: what a customer has, and the field for a code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from autorisen import accounts
from autorisen.accounts import Principal, member, safe_next
from autorisen.billing.coupons import store
from autorisen.billing.coupons.describe_coupon import coupon_words
from autorisen.billing.coupons.model import Redemption
from autorisen.billing.coupons.redeem_coupon import redeem_coupon
from autorisen.kit.database import Tx
from autorisen.kit.http import RuntimeDep
from autorisen.kit.problems import Problem
from autorisen.ui import flash, render

router = APIRouter(prefix="/app/coupons")

Member = Annotated[Principal, Depends(member)]

HERE = "/app/coupons"
_TEXT_MAX = 60
_KEY_MAX = 40


@dataclass(frozen=True)
class CouponRow:
    """One coupon in words."""

    redemption: Redemption
    words: str
    left: str


@dataclass(frozen=True)
class CouponsPage:
    """Context of billing/coupons.html. `next` is where to go on to after a code is redeemed.

    `key` is of this form: sent twice by a double click, it redeems a code once.
    """

    coupons: tuple[CouponRow, ...]
    typed: str
    error: str
    next: str
    key: str


@router.get("")
async def coupons_page(
    request: Request, runtime: RuntimeDep, person: Member, code: str = "", next: str = ""
) -> Response:
    async with runtime.database.read() as tx:
        page = await _page(tx, person, code, next, key=runtime.ids.new().hex)
    return render(request, "billing/coupons.html", page)


@router.post("")
async def redeem(
    request: Request,
    runtime: RuntimeDep,
    person: Member,
    code: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "",
    key: Annotated[str, Form()] = "",
) -> Response:
    """Redeem a code, and go on to where the person came from; refused, the field says why."""
    assert person.customer_id is not None, "a member has a customer"
    text = code.strip()[:_TEXT_MAX]
    # With the code in it, the form may be sent again for another one.
    once = f"page:{key[:_KEY_MAX]}:{text.upper()}" if key else None
    try:
        async with runtime.unit() as unit:
            found = await redeem_coupon(unit, customer_id=person.customer_id, text=text, actor=person.actor, key=once)
            customer = await accounts.customer(unit.tx, person.customer_id)
    except Problem as problem:
        async with runtime.database.read() as tx:
            page = await _page(tx, person, code, next, problem, key=runtime.ids.new().hex)
        return render(request, "billing/coupons.html", page, status=problem.status)
    response = RedirectResponse(safe_next(next, HERE), 303)
    flash(response, f"{found.coupon.name}: {coupon_words(found.coupon, customer.currency)}.")
    return response


async def _page(
    tx: Tx, person: Principal, typed: str, next: str, refused: Problem | None = None, *, key: str
) -> CouponsPage:
    assert person.customer_id is not None, "a member has a customer"
    customer = await accounts.customer(tx, person.customer_id)
    found = await store.redemptions_of(tx, customer.id)
    rows = tuple(CouponRow(each, coupon_words(each.coupon, customer.currency), _left(each)) for each in found)
    error = "" if refused is None else f"{refused.title}: {refused.detail}."
    return CouponsPage(rows, typed.strip()[:_TEXT_MAX], error, safe_next(next, ""), key)


def _left(redemption: Redemption) -> str:
    left = redemption.uses_left
    if left is None:
        return "every invoice"
    return "used up" if left == 0 else f"{left} more {'invoice' if left == 1 else 'invoices'}"
