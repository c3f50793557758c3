"""The customer's dashboard at `/app`: where things stand, in one look. Every figure comes through a door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from autorisen import accounts, billing, catalog, metering, payments, projectplan, subscriptions
from autorisen.accounts import Customer, Principal, member
from autorisen.billing import CostSoFar, Invoice, InvoiceStatus, LineRow
from autorisen.kit.database import Tx
from autorisen.kit.http import RuntimeDep
from autorisen.portal.offer import upgrade_address, vat_note
from autorisen.portal.usage_chart import RANGES, Chart, Stretch, charts_of, stretch_of
from autorisen.subscriptions import Entitlement, Subscription
from autorisen.ui import render

router = APIRouter()

INVOICES_SHOWN = 5


@dataclass(frozen=True)
class Contract:
    """The subscription as the dashboard says it, with the next plan up, if there is one."""

    subscription: Subscription
    plan_name: str
    is_paid: bool
    next_plan: str | None
    upgrade_href: str | None


@dataclass(frozen=True)
class Dashboard:
    """Context of portal/dashboard.html."""

    customer: Customer
    contract: Contract | None
    cost: CostSoFar | None
    cost_rows: tuple[LineRow, ...]
    allowances: tuple[Entitlement, ...]
    charts: tuple[Chart, ...]
    chart: Chart | None
    stretch: Stretch
    ranges: dict[str, str]
    invoices: tuple[Invoice, ...]
    unpaid: Invoice | None
    has_method: bool
    has_used: bool
    vat_note: str
    projects: projectplan.ProjectStatus
    base_url: str
    now: datetime


Member = Annotated[Principal, Depends(member)]


@router.get("/app")
async def dashboard(
    request: Request, runtime: RuntimeDep, principal: Member, range: str = "", meter: str = ""
) -> HTMLResponse:
    assert principal.customer_id is not None, "a member has a customer"
    now = runtime.clock.now()
    async with runtime.database.read() as tx:
        customer = await accounts.customer(tx, principal.customer_id)
        cost = await cost_of(tx, customer.id, now)
        meters = await metering.meters(tx)
        period = (cost.start_at, cost.end_at) if cost else None
        stretch = stretch_of(range, now=now, time_zone=customer.time_zone, period=period)
        charts = await charts_of(
            tx, customer_id=customer.id, meters=meters, stretch=stretch, time_zone=customer.time_zone
        )
        invoices = tuple(await billing.list_invoices(tx, customer_id=customer.id, limit=INVOICES_SHOWN))
        unpaid = await billing.list_invoices(tx, customer_id=customer.id, status=InvoiceStatus.OPEN, limit=1)
        allowances = await subscriptions.entitlements(tx, customer_id=customer.id, now=now)
        page = Dashboard(
            customer=customer,
            contract=await contract_of(tx, customer.id, now),
            cost=cost,
            cost_rows=billing.line_rows(cost.lines, customer.time_zone) if cost else (),
            allowances=tuple(each for each in allowances if each.kind == "meter"),
            charts=charts,
            chart=chosen_chart(charts, meter),
            stretch=stretch,
            ranges=dict(RANGES),
            invoices=invoices,
            unpaid=next(iter(unpaid), None),
            has_method=await payments.default_method(tx, customer.id) is not None,
            has_used=bool(await metering.recent_events(tx, customer_id=customer.id, limit=1)),
            vat_note=vat_note(customer.currency, is_registered=bool(runtime.settings.supplier_vat_number)),
            projects=projectplan.project_status(),
            base_url=runtime.settings.base_url,
            now=now,
        )
    return render(request, "portal/dashboard.html", page, partial="portal/_usage_card.html")


async def cost_of(tx: Tx, customer_id: UUID, now: datetime) -> CostSoFar | None:
    """The cost so far; None in the moments before a new customer's first period."""
    try:
        return await billing.cost_so_far(tx, customer_id=customer_id, now=now)
    except billing.SubscriptionMissing:
        return None


async def contract_of(tx: Tx, customer_id: UUID, now: datetime) -> Contract | None:
    subscription = await subscriptions.subscription_of(tx, customer_id)
    if subscription is None:
        return None
    plan = await catalog.plan_version(tx, subscription.plan_version_id)
    higher = [each for each in await catalog.current_plans(tx, now) if each.rank > plan.rank]
    following = min(higher, key=lambda each: each.rank, default=None)
    return Contract(
        subscription=subscription,
        plan_name=plan.name,
        is_paid=not plan.is_default,
        next_plan=following.name if following else None,
        upgrade_href=upgrade_address(following.plan_key, subscription.interval) if following else None,
    )


def chosen_chart(charts: tuple[Chart, ...], key: str) -> Chart | None:
    """The chart of that meter; without a known one, of the first meter that was used at all."""
    named = next((chart for chart in charts if chart.meter.key == key), None)
    used = next((chart for chart in charts if chart.total), None)
    return named or used or next(iter(charts), None)
