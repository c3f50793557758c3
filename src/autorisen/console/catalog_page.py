"""What is sold, as it was applied: every plan with its prices, and who is on which version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from autorisen import billing, catalog, metering, subscriptions
from autorisen.billing import Migration
from autorisen.catalog import AddonOffer, Coupon, CouponCode, FlatPrice, PlanVersion
from autorisen.console.access import Operator
from autorisen.kit.http import RuntimeDep
from autorisen.kit.money import EXPONENTS
from autorisen.ui import flash, render

router = APIRouter(prefix="/catalog")

_NOTICE_DAYS = 30


@dataclass(frozen=True)
class UsageRow:
    """One meter of a plan: its allowance a month, and in each currency what more costs."""

    name: str
    unit: str
    included: Decimal
    words: Sequence[Sequence[str]]
    dimensions: Sequence[str]
    cells: Sequence[tuple[Sequence[str], Sequence[str]]]


@dataclass(frozen=True)
class PlanRow:
    """A plan as a card. `live` is how many subscribe to any version of it."""

    plan: PlanVersion
    live: int
    is_announced: bool
    fees: Sequence[FlatPrice]
    currencies: Sequence[str]
    usage: Sequence[UsageRow]
    addons: Sequence[AddonOffer]
    limits: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class CouponRow:
    """One code of a coupon, what it takes off in each currency, and how many have it."""

    coupon: Coupon
    code: CouponCode
    words: str
    redeemed: int


@dataclass(frozen=True)
class CatalogPage:
    """Context of console/catalog.html."""

    plans: Sequence[PlanRow]
    coupons: Sequence[CouponRow]


@dataclass(frozen=True)
class MovesPage:
    """Context of console/plan_moves.html."""

    migration: Migration
    notice_days: int


@router.get("")
async def catalog_page(request: Request, runtime: RuntimeDep, _operator: Operator) -> Response:
    now = runtime.clock.now()
    async with runtime.database.read() as tx:
        names = {meter.key: meter.name for meter in await metering.meters(tx)}
        counts = await subscriptions.status_counts(tx)
        current = {plan.plan_key: plan for plan in await catalog.current_plans(tx, now)}
        newest = await catalog.newest_plans(tx)
        coupons = [coupon for coupon in await catalog.newest_coupons(tx) if not coupon.retired]
        redeemed = await billing.code_counts(tx)
    live: dict[str, int] = {}
    for (key, status), count in counts.items():
        live[key] = live.get(key, 0) + (count if status in subscriptions.LIVE else 0)
    shown = [*current.values(), *(plan for plan in newest if current.get(plan.plan_key) != plan)]
    shown.sort(key=lambda plan: (plan.retired, plan.rank, plan.version))
    page = CatalogPage(
        plans=[plan_row(plan, names, live.get(plan.plan_key, 0), now) for plan in shown],
        coupons=[
            CouponRow(coupon, code, _takes_off(coupon), redeemed.get(code.code, 0))
            for coupon in coupons
            for code in coupon.codes
        ],
    )
    return render(request, "console/catalog.html", page)


def _takes_off(coupon: Coupon) -> str:
    """In words, of every currency in which it takes something off; alike where it is a share."""
    words = (billing.coupon_words(coupon, currency) for currency in EXPONENTS if coupon.is_sold_in(currency))
    return "; ".join(dict.fromkeys(words))


def plan_row(plan: PlanVersion, names: Mapping[str, str], live: int, now: datetime) -> PlanRow:
    """A plan made ready for the page. Pure."""
    currencies = plan.currencies
    return PlanRow(
        plan=plan,
        live=live,
        is_announced=now < plan.effective_from,
        fees=[price for price in plan.prices if isinstance(price, FlatPrice)],
        currencies=currencies,
        usage=[
            _usage_row(plan, price.meter, names.get(price.meter, price.meter), currencies)
            for price in plan.usage_prices(currencies[0])
        ],
        addons=catalog.addon_offers(plan.prices),
        limits=[(catalog.LIMIT_NAMES[limit], catalog.limit_words(plan, limit)) for limit in plan.limits],
    )


def _usage_row(plan: PlanVersion, meter: str, name: str, currencies: Sequence[str]) -> UsageRow:
    prices = [price for currency in currencies if (price := plan.usage_price(currency, meter)) is not None]
    first = prices[0]
    by_currency = [catalog.cell_rows(price) for price in prices] if first.cells else []
    return UsageRow(
        name=name,
        unit=first.unit_label,
        included=first.included,
        words=[catalog.price_words(price) for price in prices],
        dimensions=first.dimensions,
        cells=[(rows[0].values, [row.words for row in rows]) for rows in zip(*by_currency, strict=True)],
    )


@router.get("/{plan}/moves")
async def moves_page(
    request: Request, runtime: RuntimeDep, _operator: Operator, plan: str, to: int = 1, notice: int = _NOTICE_DAYS
) -> Response:
    """What each subscriber of another version would pay; nothing is changed by looking."""
    days = min(max(notice, 0), 365)
    async with runtime.database.read() as tx:
        found = await billing.preview_moves(
            tx, plan_key=plan, to_version=to, now=runtime.clock.now(), notice=timedelta(days=days)
        )
    return render(request, "console/plan_moves.html", MovesPage(found, days))


@router.post("/{plan}/moves")
async def move(
    runtime: RuntimeDep,
    operator: Operator,
    plan: str,
    to: Annotated[int, Form()],
    notice: Annotated[int, Form(ge=0, le=365)] = _NOTICE_DAYS,
) -> Response:
    """Tell everybody who can be moved, and move them with the end of a period after the notice."""
    async with runtime.unit() as unit:
        found = await billing.preview_moves(
            unit.tx, plan_key=plan, to_version=to, now=unit.now, notice=timedelta(days=notice)
        )
        new = await billing.announce_moves(unit, found.plan, found.moves, actor=operator.actor)
    response = RedirectResponse(f"/console/catalog/{plan}/moves?to={to}&notice={notice}", 303)
    flash(response, f"{new:,} customers are told by mail now.")
    return response
