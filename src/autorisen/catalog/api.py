"""The machine interface of the catalog: what is sold, for everybody."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from autorisen.catalog import store
from autorisen.catalog.model import FlatPrice, PlanVersion, UsagePrice
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import public_id

router = APIRouter(prefix="/api", tags=["catalog"])


class FlatPriceView(BaseModel):
    """What one period costs, tax included. `amount` is in major units; `amount_minor` in cents."""

    id: str
    currency: str
    interval: Literal["month", "year"]
    amount: str
    amount_minor: int


class UsagePriceView(BaseModel):
    """What use costs beyond the monthly allowance. `unit_amount_minor` is cents per unit, exact, as a decimal."""

    id: str
    currency: str
    meter: str
    unit: str
    included: str
    unit_amount_minor: str
    overage_allowed: bool


class PlanView(BaseModel):
    """One plan as it is sold now. A limit of null is unlimited."""

    key: str
    version: int
    name: str
    tagline: str
    rank: int
    is_default: bool
    effective_from: datetime
    limits: dict[str, int | None]
    features: list[str]
    prices: list[FlatPriceView]
    usage: list[UsagePriceView]


class PlanList(BaseModel):
    """Every plan on sale, the smallest first."""

    plans: list[PlanView]


@router.get("/plans")
async def list_plans(
    runtime: RuntimeDep,
    currency: Annotated[Literal["ZAR", "USD"] | None, Query(description="Only prices in this currency")] = None,
) -> PlanList:
    """What is on sale now, with every price. Public: no key is needed."""
    async with runtime.database.read() as tx:
        plans = await store.current_plans(tx, runtime.clock.now())
    return PlanList(plans=[_plan(plan, currency) for plan in plans])


def _plan(plan: PlanVersion, currency: str | None) -> PlanView:
    wanted = [price for price in plan.prices if currency in (None, price.currency)]
    return PlanView(
        key=plan.plan_key,
        version=plan.version,
        name=plan.name,
        tagline=plan.tagline,
        rank=plan.rank,
        is_default=plan.is_default,
        effective_from=plan.effective_from,
        limits=dict(plan.limits),
        features=list(plan.features),
        prices=[_flat(price) for price in wanted if isinstance(price, FlatPrice)],
        usage=[_usage(price) for price in wanted if isinstance(price, UsagePrice)],
    )


def _flat(price: FlatPrice) -> FlatPriceView:
    return FlatPriceView(
        id=public_id("prc", price.id),
        currency=price.currency,
        interval=price.interval,
        amount=f"{price.amount.major:f}",
        amount_minor=price.amount.minor,
    )


def _usage(price: UsagePrice) -> UsagePriceView:
    return UsagePriceView(
        id=public_id("prc", price.id),
        currency=price.currency,
        meter=price.meter,
        unit=price.unit_label,
        included=f"{price.included:f}",
        unit_amount_minor=f"{price.unit_amount:f}",
        overage_allowed=price.overage_allowed,
    )
