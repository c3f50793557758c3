"""The machine interface of coupons: what a code gives, redeem it, and which coupons a customer has."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from autorisen import accounts
from autorisen.accounts import Principal
from autorisen.billing.access import Changes, CustomerName, Reads, Responses
from autorisen.billing.coupons import store
from autorisen.billing.coupons.redeem_coupon import redeem_coupon
from autorisen.billing.coupons.views import CouponView, coupon_view
from autorisen.kit.database import Tx
from autorisen.kit.http import Body, RuntimeDep
from autorisen.kit.problems import FieldError, InvalidInput, NotFound

REFUSALS: Responses = {
    409: {"description": "The code can't be redeemed now, or by this customer; `code` and `detail` say why"}
}

KEY_LENGTH_MAX = 120

router = APIRouter(prefix="/api/coupons", tags=["billing"], responses=REFUSALS)


class Redeem(Body):
    """What the customer was given, in any case. The same `key` again: the same coupon, however often it may be had."""

    code: str = Field(min_length=1, max_length=60)
    key: Annotated[str, Field(min_length=1, max_length=KEY_LENGTH_MAX)] | None = None


class CouponList(BaseModel):
    """In the order in which they were redeemed, which is the order in which they take off."""

    coupons: list[CouponView]


@router.get("")
async def list_coupons(runtime: RuntimeDep, principal: Reads, customer: CustomerName = None) -> CouponList:
    """The coupons that a customer has, used up or not."""
    async with runtime.database.read() as tx:
        who = await _whose(tx, principal, customer)
        currency = (await accounts.customer(tx, who)).currency
        found = await store.redemptions_of(tx, who)
    return CouponList(coupons=[coupon_view(each, currency) for each in found])


@router.post("/redeem")
async def redeem(wanted: Redeem, runtime: RuntimeDep, principal: Changes, customer: CustomerName = None) -> CouponView:
    """Redeem a code. It takes something off from the next invoice on."""
    async with runtime.unit() as unit:
        who = await _whose(unit.tx, principal, customer)
        found = await redeem_coupon(unit, customer_id=who, text=wanted.code, actor=principal.actor, key=wanted.key)
        currency = (await accounts.customer(unit.tx, who)).currency
    return coupon_view(found, currency)


async def _whose(tx: Tx, principal: Principal, name: str | None) -> UUID:
    """Whose coupons; somebody else's are answered like those of a customer that does not exist."""
    if name is None:
        if principal.customer_id is None:
            raise InvalidInput(errors=[FieldError("query/customer", "is required for an operator, who has no coupons")])
        return principal.customer_id
    found = (await accounts.customer_ids_by_key(tx, [name])).get(name)
    if found is None or not principal.sees(found):
        raise NotFound("no customer has that key or id")
    return found
