"""Customers: find one, and see its plan, use and invoices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from autorisen import accounts, billing, catalog, payments, subscriptions
from autorisen.accounts import ApiKey, Customer, User
from autorisen.billing import CostSoFar, Invoice, Wallet
from autorisen.catalog import PlanVersion
from autorisen.console.access import Operator
from autorisen.console.credits_page import GIVEN_KINDS
from autorisen.console.paging import PAGE_SIZE, cursor, older_link
from autorisen.console.read_timeline import Timeline, read_timeline
from autorisen.console.timeline import KINDS, read_place
from autorisen.kit.database import Tx
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import parse_public_id
from autorisen.payments import PaymentMethod
from autorisen.subscriptions import Entitlement, Period, Subscription
from autorisen.ui import render

router = APIRouter(prefix="/customers")

TIMELINE_ROWS = 40


@dataclass(frozen=True)
class CustomersPage:
    """Context of console/customers.html."""

    customers: Sequence[Customer]
    subscriptions: Mapping[UUID, Subscription]
    search: str
    older: str | None


@dataclass(frozen=True)
class Contract:
    """What a customer has: the plan's version, the period, add-ons with their number, and what comes by itself."""

    subscription: Subscription
    plan: PlanVersion
    period: Period
    addons: Sequence[tuple[str, int]]

    @property
    def outlook(self) -> str:
        """What is to happen with the end of the period."""
        if self.subscription.cancel_at_period_end:
            return "ends"
        if self.subscription.pause_at_period_end:
            return "pauses"
        if self.subscription.next_plan_key is not None:
            return f"goes on as {self.subscription.next_plan_key} by the {self.subscription.next_interval}"
        return "goes on"


@dataclass(frozen=True)
class CustomerPage:
    """Context of console/customer.html. `contract` and `cost` are empty until there is a subscription."""

    customer: Customer
    contract: Contract | None
    coupons: Sequence[billing.history.Redemption]
    cost: CostSoFar | None
    meters: Sequence[Entitlement]
    methods: Sequence[PaymentMethod]
    invoices: Sequence[Invoice]
    people: Sequence[User]
    names: Mapping[str, str]
    keys: Sequence[ApiKey]
    timeline: Timeline
    kinds_shown: Sequence[tuple[str, str, bool]]
    older: str | None
    is_newest: bool
    owed: Sequence[Invoice]
    chased: int
    now: datetime
    wallet: Wallet
    kinds: tuple[tuple[str, str], ...] = GIVEN_KINDS
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)


@router.get("")
async def customers_page(
    request: Request, runtime: RuntimeDep, _operator: Operator, search: str = "", after: str = ""
) -> Response:
    async with runtime.database.read() as tx:
        found = await accounts.list_customers(tx, search=search.strip(), after=cursor("cus", after), limit=PAGE_SIZE)
        page = CustomersPage(
            customers=found,
            subscriptions=await subscriptions.subscriptions_of(tx, [each.id for each in found]),
            search=search,
            older=older_link("/console/customers", "cus", found, search=search),
        )
    return render(request, "console/customers.html", page)


@router.get("/{customer_id}")
async def customer_page(
    request: Request, runtime: RuntimeDep, _operator: Operator, customer_id: str, kind: str = "", before: str = ""
) -> Response:
    now = runtime.clock.now()
    place, shown = read_place(before), kind if kind in KINDS else ""
    async with runtime.database.read() as tx:
        customer = await accounts.customer(tx, parse_public_id("cus", customer_id))
        people = await accounts.members_of(tx, customer.id)
        lived = await read_timeline(tx, customer, place, kind=shown, limit=TIMELINE_ROWS)
        open_ones = await billing.list_invoices(
            tx, customer_id=customer.id, status=billing.InvoiceStatus.OPEN, limit=PAGE_SIZE
        )
        page = CustomerPage(
            customer=customer,
            timeline=lived,
            kinds_shown=[
                (_timeline(customer, kind=each), each.capitalize() or "All", each == shown) for each in ("", *KINDS)
            ],
            older=_timeline(customer, kind=shown, before=lived.next) if lived.next else None,
            is_newest=not before,
            owed=open_ones,
            chased=len(await billing.dunned_invoices(tx, [each.id for each in open_ones])),
            contract=await _contract(tx, customer.id, now),
            coupons=await billing.history.redemptions_of(tx, customer.id),
            cost=await _cost(tx, customer.id, now),
            meters=[
                each
                for each in await subscriptions.entitlements(tx, customer_id=customer.id, now=now)
                if each.kind == "meter" and each.used is not None
            ],
            methods=billing.known_cards(await payments.payment_methods(tx, customer.id)),
            invoices=await billing.list_invoices(tx, customer_id=customer.id, limit=PAGE_SIZE),
            people=people,
            names={each.public_id: each.name for each in people},
            keys=await accounts.list_api_keys(tx, customer.id),
            now=now,
            wallet=await billing.read_wallet(tx, customer.id, now),
        )
    return render(request, "console/customer.html", page)


def _timeline(customer: Customer, **query: str) -> str:
    kept = urlencode({name: value for name, value in query.items() if value})
    return f"/console/customers/{customer.public_id}{'?' if kept else ''}{kept}#timeline"


async def _contract(tx: Tx, customer_id: UUID, now: datetime) -> Contract | None:
    subscription = await subscriptions.subscription_of(tx, customer_id)
    if subscription is None:
        return None
    plan = await catalog.plan_version(tx, subscription.plan_version_id)
    quantities = subscriptions.quantities_at(await subscriptions.addon_changes(tx, subscription.id), now)
    sold = plan.addons(subscription.currency, subscription.interval)
    return Contract(
        subscription=subscription,
        plan=plan,
        period=await subscriptions.current_period(tx, subscription.id),
        addons=[(each.name, quantities[each.key]) for each in sold if each.key in quantities],
    )


async def _cost(tx: Tx, customer_id: UUID, now: datetime) -> CostSoFar | None:
    try:
        return await billing.cost_so_far(tx, customer_id=customer_id, now=now)
    except billing.SubscriptionMissing:
        return None
