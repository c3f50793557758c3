"""The machine interface of the catalog: what is sold, for everybody."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from autorisen.catalog import store
from autorisen.catalog.model import AddonPrice, FlatPrice, PlanVersion, UsagePrice
from autorisen.catalog.price_models import (
    MODEL_NAMES,
    Package,
    Percentage,
    PerUnit,
    PriceModel,
    Tier,
)
from autorisen.catalog.price_rows import cell_row
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import public_id
from autorisen.kit.money import plain

router = APIRouter(prefix="/api", tags=["catalog"])


class FlatPriceView(BaseModel):
    """What one period costs, tax included. `amount` is in major units; `amount_minor` in cents."""

    id: str
    currency: str
    interval: Literal["month", "year"]
    amount: str
    amount_minor: int


class TierView(BaseModel):
    """The units up to and with `up_to` (null: all further ones) and what each costs; `fee_minor` is once a month."""

    up_to: str | None
    unit_amount_minor: str
    fee_minor: str


class ModelView(BaseModel):
    """How a quantity becomes money, all in cents as exact decimals; what a model does not have is null.

    per_unit: `unit_amount_minor`. graduated and volume: `tiers`. package: `package_minor` for each `package_size`
    begun. percentage: `rate` (0.015 is 1.5 %) of the metered amount, and `event_fee_minor` per event.
    """

    model: Literal["per_unit", "graduated", "volume", "package", "percentage"]
    unit_amount_minor: str | None = None
    tiers: list[TierView] | None = None
    package_size: str | None = None
    package_minor: str | None = None
    rate: str | None = None
    event_fee_minor: str | None = None


class CellView(ModelView):
    """What use with these values of the meter's dimensions costs: one of each listed, any of a dimension not named."""

    id: str
    match: dict[str, list[str]]


class UsagePriceView(ModelView):
    """What use costs beyond the monthly allowance, which all cells share in their order.

    The first of `cells` that a use matches prices it; its own model here prices the rest. A month's use is filled up
    to `minimum_minor` and goes no higher than `cap_minor`.
    """

    id: str
    currency: str
    meter: str
    unit: str
    included: str
    cells: list[CellView]
    minimum_minor: int | None
    cap_minor: int | None
    overage_allowed: bool


class AddonPriceView(FlatPriceView):
    """What one of an extra item costs for a period, tax included; each raises limits by `raises`."""

    key: str
    name: str
    unit: str
    max_quantity: int
    raises: dict[str, int]


class PlanView(BaseModel):
    """One plan as it is sold now. A limit of null is unlimited; `trial_days` of null means that there is no trial."""

    key: str
    version: int
    name: str
    tagline: str
    rank: int
    is_default: bool
    trial_days: int | None
    effective_from: datetime
    limits: dict[str, int | None]
    features: list[str]
    prices: list[FlatPriceView]
    usage: list[UsagePriceView]
    addons: list[AddonPriceView]


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
        trial_days=plan.trial_days,
        effective_from=plan.effective_from,
        limits=dict(plan.limits),
        features=list(plan.features),
        prices=[_flat(price) for price in wanted if isinstance(price, FlatPrice)],
        usage=[_usage(price) for price in wanted if isinstance(price, UsagePrice)],
        addons=[_addon(price) for price in wanted if isinstance(price, AddonPrice)],
    )


def _addon(price: AddonPrice) -> AddonPriceView:
    return AddonPriceView(
        id=public_id("prc", price.id),
        currency=price.currency,
        interval=price.interval,
        amount=f"{price.amount.major:f}",
        amount_minor=price.amount.minor,
        key=price.key,
        name=price.name,
        unit=price.unit_label,
        max_quantity=price.max_quantity,
        raises=dict(price.raises),
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
        **_model(price.model),
        cells=[
            CellView(id=public_id("prc", each.id), **cell_row(each.cell), **_model(each.model)) for each in price.cells
        ],
        minimum_minor=None if price.minimum is None else price.minimum.minor,
        cap_minor=None if price.cap is None else price.cap.minor,
        overage_allowed=price.overage_allowed,
    )


def _model(model: PriceModel) -> dict[str, Any]:
    name = MODEL_NAMES[type(model)]
    match model:
        case PerUnit():
            return {"model": name, "unit_amount_minor": plain(model.unit_amount)}
        case Package():
            return {"model": name, "package_size": plain(model.size), "package_minor": plain(model.amount)}
        case Percentage():
            return {"model": name, "rate": plain(model.rate), "event_fee_minor": plain(model.fee)}
        case _:
            return {"model": name, "tiers": [_tier(tier) for tier in model.tiers]}


def _tier(tier: Tier) -> TierView:
    return TierView(
        up_to=None if tier.up_to is None else plain(tier.up_to),
        unit_amount_minor=plain(tier.unit_amount),
        fee_minor=plain(tier.fee),
    )
