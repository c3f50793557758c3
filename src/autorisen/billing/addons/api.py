"""The machine interface of add-ons: which the plan sells, how many the customer has, and to have more or fewer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from autorisen import subscriptions
from autorisen.billing.access import Changes, CustomerName, Reads, Responses
from autorisen.billing.addons.read_addons import OwnAddon, OwnAddons, read_addons
from autorisen.billing.whose import customer_id_of
from autorisen.kit.http import Body, RuntimeDep

REFUSALS: Responses = {
    404: {"description": "There is none, or it belongs to somebody else; or the plan has no such add-on"},
    409: {"description": "Not in a trial or a pause, and no more of it while a payment is overdue"},
}

router = APIRouter(prefix="/api/addons", tags=["billing"], responses=REFUSALS)


class AddonQuantity(Body):
    """How many from now on; 0 is none."""

    quantity: int = Field(ge=0, le=1_000_000)


class AddonView(BaseModel):
    """One add-on, in cents: one of it for a period, as many as there are, and the running period if nothing changes."""

    key: str
    name: str
    unit: str
    quantity: int
    max_quantity: int
    raises: dict[str, int]
    currency: str
    interval: Literal["month", "year"]
    amount_minor: int
    each_period_minor: int
    this_period_minor: int


class AddonList(BaseModel):
    """The add-ons of the plan in force, in its order; the invoice of the period that ends at `period_end` has them."""

    plan: str
    period_end: datetime
    addons: list[AddonView]


@router.get("")
async def list_addons(runtime: RuntimeDep, principal: Reads, customer: CustomerName = None) -> AddonList:
    """The add-ons that a customer's plan sells, and how many of each there are."""
    async with runtime.database.read() as tx:
        who = await customer_id_of(tx, principal, customer)
        return _list(await read_addons(tx, customer_id=who, now=runtime.clock.now()))


@router.put("/{key}")
async def set_addon(
    key: Annotated[str, Path(max_length=40)],
    wanted: AddonQuantity,
    runtime: RuntimeDep,
    principal: Changes,
    customer: CustomerName = None,
) -> AddonList:
    """Have so many of an add-on from now on; it is paid for by the second, with the invoice of the period."""
    async with runtime.unit() as unit:
        who = await customer_id_of(unit.tx, principal, customer)
        found = await read_addons(unit.tx, customer_id=who, now=unit.now)
        await subscriptions.set_addon(
            unit, subscription_id=found.subscription.id, key=key, quantity=wanted.quantity, actor=principal.actor
        )
        return _list(await read_addons(unit.tx, customer_id=who, now=unit.now))


def _list(found: OwnAddons) -> AddonList:
    return AddonList(plan=found.plan.plan_key, period_end=found.end_at, addons=[_view(each) for each in found.addons])


def _view(own: OwnAddon) -> AddonView:
    return AddonView(
        key=own.addon.key,
        name=own.addon.name,
        unit=own.addon.unit_label,
        quantity=own.quantity,
        max_quantity=own.addon.max_quantity,
        raises=dict(own.addon.raises),
        currency=own.addon.currency,
        interval=own.addon.interval,
        amount_minor=own.addon.amount.minor,
        each_period_minor=own.each_period.minor,
        this_period_minor=own.this_period.minor,
    )
