"""Customers: find one, and see its plan, use and invoices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from autorisen import accounts, billing, payments, subscriptions
from autorisen.accounts import ApiKey, Customer, User
from autorisen.billing import CostSoFar, Invoice, Wallet
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
class CustomerPage:
    """Context of console/customer.html. `cost` is empty until the customer has a subscription."""

    customer: Customer
    subscription: Subscription | None
    period: Period | None
    cost: CostSoFar | None
    meters: Sequence[Entitlement]
    methods: Sequence[PaymentMethod]
    invoices: Sequence[Invoice]
    people: Sequence[User]
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
        subscription = await subscriptions.subscription_of(tx, customer.id)
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
            subscription=subscription,
            period=await subscriptions.current_period(tx, subscription.id) if subscription else None,
            cost=await _cost(tx, customer.id, now),
            meters=[
                each
                for each in await subscriptions.entitlements(tx, customer_id=customer.id, now=now)
                if each.kind == "meter" and each.used is not None
            ],
            methods=await payments.payment_methods(tx, customer.id),
            invoices=await billing.list_invoices(tx, customer_id=customer.id, limit=PAGE_SIZE),
            people=await accounts.members_of(tx, customer.id),
            keys=await accounts.list_api_keys(tx, customer.id),
            now=now,
            wallet=await billing.read_wallet(tx, customer.id, now),
        )
    return render(request, "console/customer.html", page)


def _timeline(customer: Customer, **query: str) -> str:
    kept = urlencode({name: value for name, value in query.items() if value})
    return f"/console/customers/{customer.public_id}{'?' if kept else ''}{kept}#timeline"


async def _cost(tx: Tx, customer_id: UUID, now: datetime) -> CostSoFar | None:
    try:
        return await billing.cost_so_far(tx, customer_id=customer_id, now=now)
    except billing.SubscriptionMissing:
        return None
