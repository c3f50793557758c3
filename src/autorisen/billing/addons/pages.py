"""`/app/addons`: what the plan sells beside itself, and how many of it a customer has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from autorisen import subscriptions
from autorisen.accounts import Principal, member
from autorisen.billing.addons.read_addons import OwnAddons, read_addons
from autorisen.kit.database import Tx
from autorisen.kit.http import RuntimeDep
from autorisen.kit.problems import Problem
from autorisen.kit.unit import Runtime
from autorisen.ui import flash, render

router = APIRouter(prefix="/app/addons")

Member = Annotated[Principal, Depends(member)]

HERE = "/app/addons"


@dataclass(frozen=True)
class AddonsPage:
    """Context of billing/addons.html. `error` is said at the add-on `wrong`, whose field shows what was typed.

    Where the plan does not sell that add-on, it is `not_here`, and said above.
    """

    own: OwnAddons
    wrong: str = ""
    typed: str = ""
    error: str = ""
    not_here: bool = False


@router.get("")
async def addons_page(request: Request, runtime: RuntimeDep, person: Member) -> Response:
    async with runtime.database.read() as tx:
        page = AddonsPage(await _own(tx, runtime, person))
    return render(request, "billing/addons.html", page)


@router.post("")
async def set_addon(
    request: Request,
    runtime: RuntimeDep,
    person: Member,
    key: Annotated[str, Form(max_length=40)] = "",
    quantity: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Have so many from now on; what can't be is said at the field."""
    try:
        if not quantity.strip().isdecimal():
            raise subscriptions.AddonQuantityRefused(await _most(runtime, person, key))
        async with runtime.unit() as unit:
            before = await _own(unit.tx, runtime, person)
            await subscriptions.set_addon(
                unit, subscription_id=before.subscription.id, key=key, quantity=int(quantity), actor=person.actor
            )
    except Problem as problem:
        async with runtime.database.read() as tx:
            own = await _own(tx, runtime, person)
        not_here = all(each.addon.key != key for each in own.addons)
        page = AddonsPage(own, key, quantity.strip(), f"{problem.title}: {problem.detail}.", not_here=not_here)
        return render(request, "billing/addons.html", page, status=problem.status)
    response = RedirectResponse(HERE, 303)
    flash(response, "Saved. It holds from now on.")
    return response


async def _own(tx: Tx, runtime: Runtime, person: Principal) -> OwnAddons:
    assert person.customer_id is not None, "a member has a customer"
    return await read_addons(tx, customer_id=person.customer_id, now=runtime.clock.now())


async def _most(runtime: Runtime, person: Principal, key: str) -> int:
    async with runtime.database.read() as tx:
        own = await _own(tx, runtime, person)
    return next((each.addon.max_quantity for each in own.addons if each.addon.key == key), 0)
