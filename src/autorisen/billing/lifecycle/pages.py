"""The customer's pages of its subscription's life: each asks first, and says what will happen and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from autorisen import accounts, catalog, subscriptions
from autorisen.accounts import Principal, member
from autorisen.billing.document.present import date_text
from autorisen.billing.errors import SubscriptionMissing
from autorisen.billing.lifecycle import first_payment, pauses, trials
from autorisen.billing.lifecycle.describe import Life, describe
from autorisen.billing.model import Interval
from autorisen.kit.database import Tx
from autorisen.kit.http import RuntimeDep
from autorisen.kit.money import Money
from autorisen.kit.unit import Unit
from autorisen.subscriptions import Subscription
from autorisen.ui import flash, render

router = APIRouter(prefix="/app/billing")

Member = Annotated[Principal, Depends(member)]
When = Annotated[str, Form()]
AT_ONCE = "now"


@dataclass(frozen=True)
class LifePage:
    """Context of billing/cancel.html, pause.html and resume.html."""

    subscription: Subscription
    plan: catalog.PlanVersion
    price: Money | None
    period_end: datetime
    life: Life


async def subscription_of(tx: Tx, person: Principal) -> Subscription:
    """The live subscription of the person's customer. Raises `SubscriptionMissing`."""
    assert person.customer_id is not None, "a member has a customer"
    found = await subscriptions.subscription_of(tx, person.customer_id)
    if found is None:
        raise SubscriptionMissing("your account is being set up; load this page again in a moment")
    return found


@router.get("/cancel")
async def cancel_page(request: Request, runtime: RuntimeDep, person: Member) -> Response:
    """Asks whether to cancel, and when"""
    async with runtime.database.read() as tx:
        return render(request, "billing/cancel.html", await _page(tx, person))


@router.post("/cancel")
async def cancel(runtime: RuntimeDep, person: Member, when: When = "") -> Response:
    async with runtime.unit() as unit:
        before = await subscription_of(unit.tx, person)
        if when == AT_ONCE:
            await subscriptions.cancel_now(unit, before.id)
            text = "Your plan has ended. You are on the free plan."
        else:
            await subscriptions.request_cancel(unit, before.id)
            text = "Your plan ends with its period. Until then nothing changes."
        await _audit(unit, person, "subscription.cancel", before, at_once=when == AT_ONCE)
    return _back(text)


@router.get("/pause")
async def pause_page(request: Request, runtime: RuntimeDep, person: Member) -> Response:
    """Asks whether to pause, and when"""
    async with runtime.database.read() as tx:
        return render(request, "billing/pause.html", await _page(tx, person))


@router.post("/pause")
async def pause(runtime: RuntimeDep, person: Member, when: When = "") -> Response:
    async with runtime.unit() as unit:
        before = await subscription_of(unit.tx, person)
        await pauses.pause(unit, before.id, at_once=when == AT_ONCE, actor=person.actor)
    return _back("Paused." if when == AT_ONCE else "Your plan pauses with the end of its period.")


@router.get("/resume")
async def resume_page(request: Request, runtime: RuntimeDep, person: Member) -> Response:
    """Says what resuming costs, before it is done"""
    async with runtime.database.read() as tx:
        return render(request, "billing/resume.html", await _page(tx, person))


@router.post("/resume")
async def resume(runtime: RuntimeDep, person: Member) -> Response:
    """Ends a pause; without one, takes back what was to happen with the period."""
    async with runtime.unit() as unit:
        before = await subscription_of(unit.tx, person)
        if before.status is subscriptions.Status.PAUSED:
            await pauses.resume(unit, before.id, actor=person.actor)
        else:
            await subscriptions.keep(unit, before.id)
            await _audit(unit, person, "subscription.keep", before)
    return _back("Your plan goes on.")


@router.post("/keep")
async def keep(runtime: RuntimeDep, person: Member) -> Response:
    """Takes back what was to happen with the period; a pause stays one."""
    async with runtime.unit() as unit:
        before = await subscription_of(unit.tx, person)
        await subscriptions.keep(unit, before.id)
        await _audit(unit, person, "subscription.keep", before)
    return _back("Taken back. Nothing changes.")


@router.post("/trial")
async def start_trial(
    runtime: RuntimeDep, person: Member, plan: When = "", interval: Annotated[str, Form()] = "month"
) -> Response:
    cycle: Interval = "year" if interval == "year" else "month"
    async with runtime.unit() as unit:
        trial = await trials.start_trial(
            unit, customer_id=_customer(person), plan_key=plan, interval=cycle, actor=person.actor
        )
        zone = (await accounts.customer(unit.tx, trial.customer_id)).time_zone
    return _back(f"Your trial has begun. It ends on {date_text(trial.end_at, zone)}.")


@router.post("/pay-first")
async def pay_first(runtime: RuntimeDep, person: Member) -> Response:
    """To the gateway's page for a first payment that did not come by itself."""
    return RedirectResponse((await first_payment.pay_first(runtime, customer_id=_customer(person))).url, 303)


@router.post("/drop-first")
async def drop_first(runtime: RuntimeDep, person: Member) -> Response:
    """Wants the plan no more whose first payment has not come."""
    async with runtime.unit() as unit:
        wanted = await subscriptions.wanted_subscription(unit.tx, _customer(person))
        if wanted is not None:
            await first_payment.drop(unit, wanted)
            await _audit(unit, person, "subscription.cancel", wanted, at_once=True)
    return _back("Dropped. Nothing is owed.")


async def _page(tx: Tx, person: Principal) -> LifePage:
    subscription = await subscription_of(tx, person)
    plan = await catalog.plan_version(tx, subscription.plan_version_id)
    period = await subscriptions.current_period(tx, subscription.id)
    price = plan.flat_price(subscription.currency, subscription.interval)
    return LifePage(
        subscription=subscription,
        plan=plan,
        price=None if price is None else price.amount,
        period_end=period.end_at,
        life=await describe(tx, subscription, period, plan),
    )


async def _audit(unit: Unit, person: Principal, action: str, target: Subscription, **detail: object) -> None:
    await accounts.record_audit(unit, actor=person.actor, action=action, target=target.public_id, detail=detail)


def _customer(person: Principal) -> UUID:
    assert person.customer_id is not None, "a member has a customer"
    return person.customer_id


def _back(text: str) -> Response:
    response = RedirectResponse("/app/billing", 303)
    flash(response, text)
    return response
