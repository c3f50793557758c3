"""The public pages: `/` and `/pricing`. Both read the plans from the catalog, so they can't drift from what is sold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from autorisen import catalog, metering, subscriptions
from autorisen.accounts import Principal, visitor
from autorisen.catalog import Interval, PlanVersion
from autorisen.kit.database import Tx
from autorisen.kit.http import RuntimeDep
from autorisen.portal.offer import (
    Comparison,
    Example,
    PlanCard,
    PriceTable,
    Subscribed,
    comparison,
    example_month,
    featured,
    plan_cards,
    price_tables,
    vat_note,
)
from autorisen.portal.offer_addons import AddonRow, addon_rows
from autorisen.ui import render

router = APIRouter()

DEFAULT_CURRENCY = "ZAR"


@dataclass(frozen=True)
class LandingPage:
    """Context of portal/landing.html."""

    plans: tuple[PlanCard, ...]
    example: Example | None
    vat_note: str
    base_url: str


@dataclass(frozen=True)
class PricingPage:
    """Context of portal/pricing.html. `currencies` is empty where the person's currency is fixed."""

    plans: tuple[PlanCard, ...]
    interval: Interval
    currency: str
    currencies: tuple[str, ...]
    comparison: Comparison
    tables: tuple[PriceTable, ...]
    addons: tuple[AddonRow, ...]
    vat_note: str
    has: Subscribed | None


Visitor = Annotated[Principal | None, Depends(visitor)]


async def subscribed(tx: Tx, principal: Principal | None, plans: list[PlanVersion]) -> Subscribed | None:
    """What the person at the page has; None for visitors and operators."""
    if principal is None or principal.customer_id is None:
        return None
    subscription = await subscriptions.subscription_of(tx, principal.customer_id)
    if subscription is None:
        return None
    rank = next((plan.rank for plan in plans if plan.plan_key == subscription.plan_key), 0)
    return Subscribed(subscription.plan_key, rank, subscription.interval, subscription.currency)


@router.get("/")
async def landing(request: Request, runtime: RuntimeDep, person: Visitor) -> HTMLResponse:
    async with runtime.database.read() as tx:
        plans = await catalog.current_plans(tx, runtime.clock.now())
        meters = await metering.meters(tx)
        has = await subscribed(tx, person, plans)
    currency = has.currency if has else DEFAULT_CURRENCY
    shown = featured(plans)
    page = LandingPage(
        plans=plan_cards(plans, meters, currency=currency, interval="month", has=has, is_signed_in=person is not None),
        example=example_month(shown, meters, currency) if shown else None,
        vat_note=vat_note(currency, is_registered=bool(runtime.settings.supplier_vat_number)),
        base_url=runtime.settings.base_url,
    )
    return render(request, "portal/landing.html", page)


@router.get("/pricing")
async def pricing(
    request: Request, runtime: RuntimeDep, person: Visitor, interval: str = "", currency: str = ""
) -> HTMLResponse:
    async with runtime.database.read() as tx:
        plans = await catalog.current_plans(tx, runtime.clock.now())
        meters = await metering.meters(tx)
        has = await subscribed(tx, person, plans)
    sold_in = tuple(dict.fromkeys(code for plan in plans for code in plan.currencies))
    if has is not None:
        currency = has.currency
    elif currency not in sold_in:
        currency = DEFAULT_CURRENCY
    if interval not in {"month", "year"}:
        interval = has.interval if has else "month"
    chosen = cast(Interval, interval)
    page = PricingPage(
        plans=plan_cards(plans, meters, currency=currency, interval=chosen, has=has, is_signed_in=person is not None),
        interval=chosen,
        currency=currency,
        currencies=sold_in if has is None else (),
        comparison=comparison(plans, meters, currency=currency, interval=chosen),
        tables=price_tables(plans, meters, currency=currency, interval=chosen),
        addons=addon_rows(plans, currency=currency),
        vat_note=vat_note(currency, is_registered=bool(runtime.settings.supplier_vat_number)),
        has=has,
    )
    return render(request, "portal/pricing.html", page)
