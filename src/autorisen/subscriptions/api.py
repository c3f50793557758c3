"""The machine interface of subscriptions: what a customer has and had, and what it allows."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from autorisen import accounts
from autorisen.accounts import Customer, Principal, Scope, api_key_or_session
from autorisen.kit.database import Tx
from autorisen.kit.http import RuntimeDep
from autorisen.kit.problems import FieldError, InvalidInput, NotFound
from autorisen.kit.unit import Runtime
from autorisen.subscriptions import cancel, store
from autorisen.subscriptions.entitlements import entitlements
from autorisen.subscriptions.errors import SubscriptionNotFound
from autorisen.subscriptions.model import Entitlement, Subscription
from autorisen.subscriptions.views import (
    PeriodList,
    SubscriptionList,
    SubscriptionView,
    period_view,
    subscription_view,
    visible_subscription,
)

router = APIRouter(prefix="/api", tags=["subscriptions"])

_NOT_NOW: dict[int | str, dict[str, Any]] = {409: {"description": "The subscription's state does not allow it"}}

Reads = Annotated[Principal, Depends(api_key_or_session(Scope.BILLING_READ))]
Changes = Annotated[Principal, Depends(api_key_or_session(Scope.ADMIN))]
CustomerName = Annotated[
    str | None,
    Query(
        max_length=120, description="Key or cus_ id of the customer; needed by operators, who have none of their own"
    ),
]


class EntitlementView(BaseModel):
    """One meter or limit. Quantities are decimals; `included` of null is unlimited, `used` of null is not counted."""

    key: str
    kind: Literal["meter", "limit"]
    name: str
    unit: str
    included: str | None
    used: str | None
    left: str | None
    overage_allowed: bool
    unit_price_minor: str | None
    currency: str


class EntitlementList(BaseModel):
    """What the customer may use in the period that runs now."""

    customer: str
    entitlements: list[EntitlementView]


@router.get("/subscription")
async def read_subscription(runtime: RuntimeDep, principal: Reads, customer: CustomerName = None) -> SubscriptionView:
    """The live subscription with its period."""
    async with runtime.database.read() as tx:
        who = await _customer(tx, principal, customer)
        return await subscription_view(tx, who, await _live(tx, who))


@router.get("/subscriptions")
async def list_subscriptions(runtime: RuntimeDep, principal: Reads, customer: CustomerName = None) -> SubscriptionList:
    """Every subscription that the customer ever had, the newest first, with its newest period."""
    async with runtime.database.read() as tx:
        who = await _customer(tx, principal, customer)
        history = await store.subscription_history(tx, who.id)
        return SubscriptionList(subscriptions=[await subscription_view(tx, who, each) for each in history])


@router.get("/subscriptions/{subscription_id}")
async def read_one_subscription(subscription_id: str, runtime: RuntimeDep, principal: Reads) -> SubscriptionView:
    """One subscription, live or over."""
    async with runtime.database.read() as tx:
        found = await visible_subscription(tx, principal, subscription_id)
        return await subscription_view(tx, await accounts.customer(tx, found.customer_id), found)


@router.get("/subscriptions/{subscription_id}/periods")
async def list_periods(subscription_id: str, runtime: RuntimeDep, principal: Reads) -> PeriodList:
    """Every period of a subscription in order: paid ones, trials and pauses, without gap or overlap."""
    async with runtime.database.read() as tx:
        found = await visible_subscription(tx, principal, subscription_id)
        periods = await store.periods_of(tx, found.id)
    return PeriodList(subscription=found.public_id, periods=[period_view(each) for each in periods])


@router.post("/subscription/cancel", responses=_NOT_NOW)
async def cancel_subscription(
    runtime: RuntimeDep, principal: Changes, customer: CustomerName = None
) -> SubscriptionView:
    """Let the subscription end with its period. Until then nothing changes, and it can be resumed."""
    return await _change(runtime, principal, customer, "cancel")


@router.post("/subscription/resume", responses=_NOT_NOW)
async def resume_subscription(
    runtime: RuntimeDep, principal: Changes, customer: CustomerName = None
) -> SubscriptionView:
    """Take back what is to happen with the period (a cancellation, a pause, a change) while it still runs."""
    return await _change(runtime, principal, customer, "resume")


@router.get("/entitlements")
async def read_entitlements(runtime: RuntimeDep, principal: Reads, customer: CustomerName = None) -> EntitlementList:
    """Every meter and limit of the plan in force, with what is used and left."""
    async with runtime.database.read() as tx:
        who = await _customer(tx, principal, customer)
        rows = await entitlements(tx, customer_id=who.id, now=runtime.clock.now())
    return EntitlementList(customer=who.public_id, entitlements=[_entitlement(row) for row in rows])


async def _change(
    runtime: Runtime, principal: Principal, customer: str | None, action: Literal["cancel", "resume"]
) -> SubscriptionView:
    async with runtime.unit() as unit:
        who = await _customer(unit.tx, principal, customer)
        live = await _live(unit.tx, who)
        verb = cancel.request_cancel if action == "cancel" else cancel.keep
        after = await verb(unit, live.id)
        await accounts.record_audit(
            unit, actor=principal.actor, action=f"subscription.{action}", target=after.public_id, detail={}
        )
        return await subscription_view(unit.tx, who, after)


async def _customer(tx: Tx, principal: Principal, name: str | None) -> Customer:
    """Whose subscription it is about; somebody else's is answered like one that does not exist."""
    if name is None:
        if principal.customer_id is None:
            rule = "is required for an operator, who has no subscription"
            raise InvalidInput(errors=[FieldError("query/customer", rule)])
        return await accounts.customer(tx, principal.customer_id)
    ids = await accounts.customer_ids_by_key(tx, [name])
    if name not in ids:
        raise NotFound("no customer has that key or id")
    try:
        return await accounts.customer_for(tx, principal, ids[name])
    except accounts.CustomerNotFound:
        # The same words as for a key that does not exist: the answer must not tell them apart.
        raise NotFound("no customer has that key or id") from None


async def _live(tx: Tx, customer: Customer) -> Subscription:
    found = await store.subscription_of(tx, customer.id)
    if found is None:
        raise SubscriptionNotFound("this customer has no live subscription")
    return found


def _entitlement(row: Entitlement) -> EntitlementView:
    return EntitlementView(
        key=row.key,
        kind=row.kind,
        name=row.name,
        unit=row.unit,
        included=_text(row.included),
        used=_text(row.used),
        left=_text(row.left),
        overage_allowed=row.overage_allowed,
        unit_price_minor=_text(row.unit_price),
        currency=row.currency,
    )


def _text(number: Decimal | None) -> str | None:
    return None if number is None else f"{number.normalize():f}"
