"""The way to another plan: a review at `/app/upgrade`, the gateway's checkout, and back at `/app/upgrade/done`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from autorisen import billing, catalog, metering, subscriptions
from autorisen.billing import CheckoutState, Draft
from autorisen.catalog import Interval, PlanVersion
from autorisen.kit.http import RuntimeDep
from autorisen.kit.money import Money
from autorisen.kit.problems import Problem
from autorisen.kit.unit import Unit
from autorisen.metering import MeterDefinition
from autorisen.portal.dashboard import Member
from autorisen.portal.offer import Allowance, allowance
from autorisen.subscriptions import Subscription
from autorisen.ui import flash, render

router = APIRouter()

INTERVALS = ("month", "year")

# Where a person goes on to from each refusal; anything else leads back to the plans.
WAYS_ON = {
    "invoice_waiting": ("/app/invoices", "See the invoice"),
    "billing_details_needed": ("/app/settings", "Add the address"),
    "subscription_missing": ("/app", "Go to the dashboard"),
}


@dataclass(frozen=True)
class Change:
    """One meter before and after the upgrade."""

    name: str
    before: Allowance | None
    after: Allowance


@dataclass(frozen=True)
class UpgradePage:
    """Context of portal/upgrade.html. With a `refusal` there is nothing to confirm."""

    wanted: PlanVersion
    present: PlanVersion
    interval: Interval
    price: Money | None
    other_price: Money | None
    changes: tuple[Change, ...]
    ending: tuple[str, ...]
    draft: Draft | None
    planned_at: datetime | None
    trial_days: int | None
    refusal: str
    way_on: tuple[str, str] | None


@dataclass(frozen=True)
class DonePage:
    """Context of portal/upgrade_done.html."""

    state: CheckoutState
    plan_name: str


def interval_of(text: str) -> Interval:
    return cast(Interval, text) if text in INTERVALS else "month"


@router.get("/app/upgrade")
async def review(
    request: Request, runtime: RuntimeDep, principal: Member, plan: str = "", interval: str = "month"
) -> Response:
    assert principal.customer_id is not None, "a member has a customer"
    async with runtime.unit() as unit:
        page = await _review(unit, principal.customer_id, plan, interval_of(interval))
    if page is None:
        return RedirectResponse("/pricing", 303)
    return render(request, "portal/upgrade.html", page, status=409 if page.refusal else 200)


@router.post("/app/upgrade")
async def confirm(
    request: Request,
    runtime: RuntimeDep,
    principal: Member,
    plan: Annotated[str, Form()] = "",
    interval: Annotated[str, Form()] = "month",
) -> Response:
    assert principal.customer_id is not None, "a member has a customer"
    try:
        changed = await billing.change_subscription(
            runtime,
            customer_id=principal.customer_id,
            plan_key=plan,
            interval=interval_of(interval),
            actor=principal.actor,
        )
    except Problem as problem:
        async with runtime.unit() as unit:
            page = await _review(unit, principal.customer_id, plan, interval_of(interval), refused=problem)
        if page is None:
            return RedirectResponse("/pricing", 303)
        return render(request, "portal/upgrade.html", page, status=problem.status)
    if changed.checkout is not None:
        return RedirectResponse(changed.checkout.url, 303)
    response = RedirectResponse("/app/billing", 303)
    flash(response, f"{changed.preview.plan.name} begins with the end of your period. Until then nothing changes.")
    return response


@router.get("/app/upgrade/done")
async def done(request: Request, runtime: RuntimeDep, principal: Member, checkout: str = "") -> Response:
    """Where the gateway sends the payer back to. Coming back proves nothing: the page asks until the money is here."""
    assert principal.customer_id is not None, "a member has a customer"
    async with runtime.database.read() as tx:
        state = await billing.checkout_state(tx, customer_id=principal.customer_id, checkout=checkout)
        subscription = await subscriptions.subscription_of(tx, principal.customer_id)
        plan = await catalog.plan_version(tx, subscription.plan_version_id) if subscription else None
    if state is None:
        return RedirectResponse("/app", 303)
    if state.state == "done":
        response = _go_to(request, "/app")
        flash(response, f"Paid. You are on {plan.name} now." if plan else "Paid.")
        return response
    page = DonePage(state, plan.name if plan else "")
    return render(request, "portal/upgrade_done.html", page)


def _go_to(request: Request, address: str) -> Response:
    """A redirect of the whole page, also when htmx asks for a part of it."""
    if request.headers.get("hx-request") == "true":
        return Response(status_code=204, headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)


async def _review(
    unit: Unit, customer_id: UUID, plan_key: str, interval: Interval, refused: Problem | None = None
) -> UpgradePage | None:
    """What the upgrade changes and costs; None for a plan that is not offered, or before there is a contract."""
    plans = {plan.plan_key: plan for plan in await catalog.current_plans(unit.tx, unit.now)}
    wanted = plans.get(plan_key)
    subscription = await subscriptions.subscription_of(unit.tx, customer_id)
    if wanted is None or subscription is None:
        return None
    present = await catalog.plan_version(unit.tx, subscription.plan_version_id)
    currency = subscription.currency
    preview, problem = None, refused
    if problem is None:
        try:
            preview = await billing.preview_change(unit, customer_id=customer_id, plan_key=plan_key, interval=interval)
        except Problem as refusal:
            problem = refusal
    price = wanted.flat_price(currency, interval)
    other = wanted.flat_price(currency, "year" if interval == "month" else "month")
    held = subscriptions.quantities_at(await subscriptions.addon_changes(unit.tx, subscription.id), unit.now)
    return UpgradePage(
        wanted=wanted,
        present=present,
        interval=interval,
        price=price.amount if price else None,
        other_price=other.amount if other else None,
        changes=changes_between(present, wanted, await metering.meters(unit.tx), subscription, interval),
        ending=ending_addons(present, wanted, held, subscription, interval),
        draft=preview.draft if preview else None,
        planned_at=preview.takes_effect_at if preview and preview.way is not billing.Way.AT_ONCE else None,
        trial_days=wanted.trial_days if await billing.can_try(unit, subscription, wanted) else None,
        refusal=_sentence(problem) if problem else "",
        way_on=WAYS_ON.get(problem.code, ("/pricing", "See the plans")) if problem else None,
    )


def ending_addons(
    present: PlanVersion,
    wanted: PlanVersion,
    held: Mapping[str, int],
    subscription: Subscription,
    interval: Interval,
) -> tuple[str, ...]:
    """The add-ons that there are now and that the wanted plan does not sell, with their number. Pure."""
    kept = {each.key for each in wanted.addons(subscription.currency, interval)}
    sold = present.addons(subscription.currency, subscription.interval)
    return tuple(f"{each.name} ({held[each.key]})" for each in sold if each.key in held and each.key not in kept)


def changes_between(
    present: PlanVersion,
    wanted: PlanVersion,
    meters: Sequence[MeterDefinition],
    subscription: Subscription,
    interval: Interval,
) -> tuple[Change, ...]:
    """The allowances of every meter of the wanted plan beside those of the present one. Pure."""
    found = []
    for meter in meters:
        before = present.usage_price(subscription.currency, meter.key)
        after = wanted.usage_price(subscription.currency, meter.key)
        if after is not None:
            found.append(
                Change(
                    meter.name,
                    None if before is None else allowance(before, meter.name, subscription.interval),
                    allowance(after, meter.name, interval),
                )
            )
    return tuple(found)


def _sentence(problem: Problem) -> str:
    text = problem.detail or problem.title
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
