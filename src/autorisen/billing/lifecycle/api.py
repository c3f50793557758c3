"""The machine interface of a subscription's life: try, subscribe, preview and make a change, pause, resume, cancel."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from autorisen import accounts, subscriptions
from autorisen.accounts import Principal, Scope, api_key_or_session
from autorisen.billing import views
from autorisen.billing.access import REFUSALS
from autorisen.billing.errors import ChangeNotLive, NothingToPay
from autorisen.billing.lifecycle import change_subscription, first_payment, pauses, trials
from autorisen.billing.lifecycle.model import ChangePreview, Way
from autorisen.billing.model import Invoice
from autorisen.billing.views import checkout_view
from autorisen.kit.http import Body, RuntimeDep
from autorisen.kit.problems import FieldError, InvalidInput, NotFound
from autorisen.kit.unit import Unit
from autorisen.subscriptions import SubscriptionView

router = APIRouter(prefix="/api/subscriptions", tags=["subscriptions"], responses=REFUSALS)

Reads = Annotated[Principal, Depends(api_key_or_session(Scope.BILLING_READ))]
Changes = Annotated[Principal, Depends(api_key_or_session(Scope.ADMIN))]
PlanKey = Annotated[str, Query(min_length=1, max_length=40, description="Key of the wanted plan")]
Cycle = Literal["month", "year"]


class Wanted(Body):
    """A plan that a customer of the default plan wants. `customer` is for operators, who have none of their own."""

    plan: str
    interval: Cycle = "month"
    trial: bool = False
    customer: str | None = None


class Change(Body):
    """The wanted plan and cycle. `at_period_end` waits for the end of the period also where it could be at once."""

    plan: str
    interval: Cycle = "month"
    at_period_end: bool = False


class When(Body):
    """With the period, or at once."""

    at_once: bool = False


class ChangePreviewView(BaseModel):
    """What a change would do and cost.

    `at_once`: `due_now` has to be paid, and the change holds from the payment on. `period_end` and `cancel`: nothing is
    due now, and it happens at `takes_effect_at`. `amount_minor` is the fee of each period from then on.
    """

    way: Way
    plan: str
    interval: Cycle
    takes_effect_at: datetime
    currency: str
    amount_minor: int
    due_now: views.DraftView | None


class ChangeView(BaseModel):
    """What became of a change: with a `checkout` it waits for the payment there, without one it is planned."""

    way: Way
    takes_effect_at: datetime
    subscription: SubscriptionView
    checkout: views.CheckoutView | None


class ResumedView(BaseModel):
    """A subscription after its pause; `invoice` bills the period that began, null inside a period that was paid."""

    subscription: SubscriptionView
    invoice: views.InvoiceView | None


@router.post("", status_code=201)
async def start(wanted: Wanted, runtime: RuntimeDep, principal: Changes) -> SubscriptionView:
    """Try a plan (`trial`), or subscribe with the saved card: `incomplete` until the charge succeeds.

    From the default plan only. Without a saved card the way is the checkout of a change.
    """
    async with runtime.unit() as unit:
        who = await _customer_id(unit, principal, wanted.customer)
        if wanted.trial:
            await trials.start_trial(
                unit, customer_id=who, plan_key=wanted.plan, interval=wanted.interval, actor=principal.actor
            )
            found = await subscriptions.subscription_of(unit.tx, who)
            assert found is not None, "on trial"
            return await _view(unit, found.id)
        made = await first_payment.subscribe(
            unit, customer_id=who, plan_key=wanted.plan, interval=wanted.interval, actor=principal.actor
        )
        return await _view(unit, made.id)


@router.get("/{subscription_id}/change")
async def preview_change(
    subscription_id: str,
    runtime: RuntimeDep,
    principal: Reads,
    plan: PlanKey,
    interval: Cycle = "month",
    at_period_end: bool = False,
) -> ChangePreviewView:
    """What a change of plan or cycle would do and cost now, line by line; nothing is stored."""
    async with runtime.unit() as unit:
        found = await _live(unit, principal, subscription_id)
        preview = await change_subscription.preview_change(
            unit, customer_id=found.customer_id, plan_key=plan, interval=interval, at_period_end=at_period_end
        )
    return _preview(preview)


@router.post("/{subscription_id}/change")
async def change(subscription_id: str, wanted: Change, runtime: RuntimeDep, principal: Changes) -> ChangeView:
    """Change the plan or cycle: more at once, by a checkout; less with the end of the period. Repeated, the same."""
    async with runtime.unit() as unit:
        found = await _live(unit, principal, subscription_id)
    changed = await change_subscription.change_subscription(
        runtime,
        customer_id=found.customer_id,
        plan_key=wanted.plan,
        interval=wanted.interval,
        actor=principal.actor,
        at_period_end=wanted.at_period_end,
    )
    async with runtime.unit() as unit:
        after = await _view(unit, found.id)
    checkout = None if changed.checkout is None else checkout_view(changed.checkout)
    return ChangeView(
        way=changed.preview.way,
        takes_effect_at=changed.preview.takes_effect_at,
        subscription=after,
        checkout=checkout,
    )


@router.delete("/{subscription_id}/planned")
async def take_back(subscription_id: str, runtime: RuntimeDep, principal: Changes) -> SubscriptionView:
    """Take back what is to happen with the period: a cancellation, a pause, a change. Without one, nothing changes."""
    async with runtime.unit() as unit:
        found = await _seen(unit, principal, subscription_id)
        await subscriptions.keep(unit, found.id)
        await accounts.record_audit(
            unit, actor=principal.actor, action="subscription.keep", target=found.public_id, detail={}
        )
        return await _view(unit, found.id)


@router.post("/{subscription_id}/pause")
async def pause_subscription(
    subscription_id: str, when: When, runtime: RuntimeDep, principal: Changes
) -> SubscriptionView:
    """Pause with the period, or at once. Meanwhile no fee is charged, and nothing may be used."""
    async with runtime.unit() as unit:
        found = await _seen(unit, principal, subscription_id)
        await pauses.pause(unit, found.id, at_once=when.at_once, actor=principal.actor)
        return await _view(unit, found.id)


@router.post("/{subscription_id}/resume")
async def end_pause(subscription_id: str, runtime: RuntimeDep, principal: Changes) -> ResumedView:
    """End a pause now: without a new fee inside a paid period, else with the fee of the period that begins."""
    async with runtime.unit() as unit:
        found = await _seen(unit, principal, subscription_id)
        invoice = await pauses.resume(unit, found.id, actor=principal.actor)
        return ResumedView(subscription=await _view(unit, found.id), invoice=_invoice(invoice))


@router.post("/{subscription_id}/cancel")
async def cancel(subscription_id: str, when: When, runtime: RuntimeDep, principal: Changes) -> SubscriptionView:
    """Cancel with the period, or at once, which by itself gives nothing back. What is incomplete is dropped at once."""
    async with runtime.unit() as unit:
        found = await _seen(unit, principal, subscription_id)
        if found.status is subscriptions.Status.INCOMPLETE:
            await first_payment.drop(unit, found)
        elif when.at_once:
            await subscriptions.cancel_now(unit, found.id)
        else:
            await subscriptions.request_cancel(unit, found.id)
        detail = {"at_once": when.at_once}
        await accounts.record_audit(
            unit, actor=principal.actor, action="subscription.cancel", target=found.public_id, detail=detail
        )
        return await _view(unit, found.id)


@router.post("/{subscription_id}/pay")
async def pay_first(subscription_id: str, runtime: RuntimeDep, principal: Changes) -> views.CheckoutView:
    """The checkout of a first payment that did not come by itself; the same one for a repeated call."""
    async with runtime.unit() as unit:
        found = await _seen(unit, principal, subscription_id)
    if found.status is not subscriptions.Status.INCOMPLETE:
        raise NothingToPay("its first payment has come, or is no longer waited for")
    return checkout_view(await first_payment.pay_first(runtime, customer_id=found.customer_id))


async def _seen(unit: Unit, principal: Principal, text: str) -> subscriptions.Subscription:
    return await subscriptions.visible_subscription(unit.tx, principal, text)


async def _live(unit: Unit, principal: Principal, text: str) -> subscriptions.Subscription:
    found = await _seen(unit, principal, text)
    if not found.is_live:
        raise ChangeNotLive(f"it is {found.status}; change the one that is live")
    return found


async def _view(unit: Unit, subscription_id: UUID) -> SubscriptionView:
    found = await subscriptions.subscription(unit.tx, subscription_id)
    return await subscriptions.subscription_view(unit.tx, await accounts.customer(unit.tx, found.customer_id), found)


async def _customer_id(unit: Unit, principal: Principal, name: str | None) -> UUID:
    """Who subscribes; somebody else's customer is answered like one that does not exist."""
    if name is None:
        if principal.customer_id is None:
            rule = "is required for an operator, who has no subscription"
            raise InvalidInput(errors=[FieldError("/customer", rule)])
        return principal.customer_id
    found = (await accounts.customer_ids_by_key(unit.tx, [name])).get(name)
    if found is None or not principal.sees(found):
        raise NotFound("no customer has that key or id")
    return found


def _preview(preview: ChangePreview) -> ChangePreviewView:
    return ChangePreviewView(
        way=preview.way,
        plan=preview.plan.plan_key,
        interval=preview.interval,
        takes_effect_at=preview.takes_effect_at,
        currency=preview.fee.currency,
        amount_minor=preview.fee.minor,
        due_now=None if preview.draft is None else views.draft_view(preview.draft),
    )


def _invoice(invoice: Invoice | None) -> views.InvoiceView | None:
    return None if invoice is None else views.invoice_view(invoice)
