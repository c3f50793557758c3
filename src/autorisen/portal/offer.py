"""What a visitor or a customer is offered, made ready for a page from plan versions. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from urllib.parse import urlencode

from autorisen.catalog import (
    LIMIT_NAMES,
    REST,
    Interval,
    PlanVersion,
    Rated,
    UsagePrice,
    cell_rows,
    limit_words,
    months_of,
    price_words,
    rate,
    rated_words,
)
from autorisen.kit.money import Money
from autorisen.metering import MeterDefinition

# One month of a busy team, for the example on the landing page; it is rated by the real prices.
EXAMPLE_USE: Mapping[str, Decimal] = {
    "agent.execution": Decimal(2_640),
    "llm.input_tokens": Decimal(9_184_220),
    "llm.output_tokens": Decimal(412_905),
}


LIMITS_SHOWN = ("agents", "projects", "storage_mb", "support_hours")


@dataclass(frozen=True)
class Subscribed:
    """What the person at the page has: plan, its rank, its interval and currency."""

    plan_key: str
    rank: int
    interval: Interval
    currency: str


@dataclass(frozen=True)
class Allowance:
    """One meter of a plan: what is included in a period, and what more costs, in words (nothing: not sold)."""

    name: str
    unit: str
    included: Decimal
    beyond: tuple[str, ...]


@dataclass(frozen=True)
class Action:
    """What can be done with a plan; without `href` it is only said."""

    label: str
    href: str | None = None


@dataclass(frozen=True)
class PlanCard:
    """One plan as a card. `monthly` and `saving` are set for yearly prices: what a month costs, and the share saved."""

    key: str
    name: str
    tagline: str
    price: Money
    interval: Interval
    monthly: Money | None
    saving: Decimal | None
    allowances: tuple[Allowance, ...]
    limits: tuple[str, ...]
    features: tuple[str, ...]
    is_current: bool
    is_marked: bool
    action: Action
    trial_days: int | None


@dataclass(frozen=True)
class Comparison:
    """The same thing for every plan, side by side; None where a plan does not have it."""

    allowances: tuple[tuple[str, tuple[Allowance | None, ...]], ...]
    limits: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class PriceTable:
    """What the use of one meter costs by the values of its dimensions, for every plan; "" where a plan has no price."""

    name: str
    dimensions: tuple[str, ...]
    plans: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]


@dataclass(frozen=True)
class Example:
    """A month on one plan, rated: what the landing page shows."""

    plan_name: str
    fee: Money
    lines: tuple[tuple[str, Rated, tuple[str, ...]], ...]
    total: Money


def plan_cards(
    plans: Sequence[PlanVersion],
    meters: Sequence[MeterDefinition],
    *,
    currency: str,
    interval: Interval,
    has: Subscribed | None = None,
    is_signed_in: bool = False,
) -> tuple[PlanCard, ...]:
    """The plans sold in that currency and interval, by rank, each with what this person can do with it."""
    names = {meter.key: meter.name for meter in meters}
    cards = []
    for plan in plans:
        price = plan.flat_price(currency, interval)
        if price is None:
            continue
        monthly = plan.flat_price(currency, "month")
        is_current = (
            has is not None and has.plan_key == plan.plan_key and (has.interval == interval or not price.amount)
        )
        cards.append(
            PlanCard(
                key=plan.plan_key,
                name=plan.name,
                tagline=plan.tagline,
                price=price.amount,
                interval=interval,
                monthly=per_month(price.amount) if interval == "year" and price.amount else None,
                saving=_saving(price.amount, monthly.amount) if monthly and interval == "year" else None,
                allowances=tuple(
                    allowance(each, names.get(each.meter, each.meter), interval) for each in plan.usage_prices(currency)
                ),
                limits=tuple(_limits(plan)),
                features=plan.features,
                is_current=is_current,
                is_marked=is_current or (has is None and plan is _middle(plans)),
                action=_action(plan, interval, has, is_current=is_current, is_signed_in=is_signed_in),
                trial_days=plan.trial_days if has is None else None,
            )
        )
    return tuple(cards)


def sold(plans: Sequence[PlanVersion], currency: str, interval: Interval) -> list[PlanVersion]:
    """The plans that can be had in that currency and interval."""
    return [plan for plan in plans if plan.flat_price(currency, interval) is not None]


def comparison(
    plans: Sequence[PlanVersion], meters: Sequence[MeterDefinition], *, currency: str, interval: Interval
) -> Comparison:
    """What the plans sold that way include, row by row."""
    offered = sold(plans, currency, interval)
    rows = []
    for meter in meters:
        prices = [plan.usage_price(currency, meter.key) for plan in offered]
        if any(prices):
            cells = tuple(None if price is None else allowance(price, meter.name, interval) for price in prices)
            rows.append((meter.name, cells))
    limits = tuple((LIMIT_NAMES[key], tuple(limit_words(plan, key) for plan in offered)) for key in LIMITS_SHOWN)
    return Comparison(tuple(rows), limits)


def price_tables(
    plans: Sequence[PlanVersion], meters: Sequence[MeterDefinition], *, currency: str, interval: Interval
) -> tuple[PriceTable, ...]:
    """A table for every meter that some plan prices by its dimensions; empty when none does."""
    offered = sold(plans, currency, interval)
    found = []
    for meter in meters:
        prices = {plan.name: plan.usage_price(currency, meter.key) for plan in offered}
        dimensions = tuple(sorted({name for price in prices.values() if price for name in price.dimensions}))
        if not dimensions:
            continue
        names = tuple(name for name, price in prices.items() if price and price.overage_allowed)
        words: dict[tuple[str, ...], dict[str, str]] = {}
        for name in names:
            price = prices[name]
            for row in cell_rows(price, months_of(interval), dimensions) if price else ():
                words.setdefault(row.values, {})[name] = row.words
        # The rest stands last, also where only one plan has a cell.
        ordered = sorted(words, key=lambda values: values == (REST,) * len(dimensions))
        rows = tuple((values, tuple(words[values].get(name, "") for name in names)) for values in ordered)
        found.append(PriceTable(meter.name, dimensions, names, rows))
    return tuple(found)


def allowance(price: UsagePrice, name: str, interval: Interval) -> Allowance:
    """The allowance of one period; a year pools twelve months."""
    return Allowance(
        name=name,
        unit=price.unit_label,
        included=price.included * months_of(interval),
        beyond=price_words(price, months_of(interval)),
    )


def per_month(yearly: Money) -> Money:
    """A twelfth, for comparison only: rounded half up to the cent."""
    cents = (Decimal(yearly.minor) / 12).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    return Money(int(cents), yearly.currency)


def example_month(plan: PlanVersion, meters: Sequence[MeterDefinition], currency: str) -> Example | None:
    """EXAMPLE_USE on that plan, by the rating that invoices use; None when the plan is not sold in that currency."""
    fee = plan.flat_price(currency, "month")
    if fee is None:
        return None
    names = {meter.key: meter.name for meter in meters}
    rates = [(p, rate(p, EXAMPLE_USE[p.meter])) for p in plan.usage_prices(currency) if p.meter in EXAMPLE_USE]
    lines = tuple(
        (names.get(price.meter, price.meter), rated, rated_words(rated, price.unit_label)) for price, rated in rates
    )
    total = sum((rated.amount for _, rated in rates), start=fee.amount)
    return Example(plan.name, fee.amount, lines, total)


def featured(plans: Sequence[PlanVersion]) -> PlanVersion | None:
    """The first plan that costs money: the example is rated on it."""
    return next((plan for plan in plans if not plan.is_default), None)


def vat_note(currency: str, *, is_registered: bool) -> str:
    """What a price says about VAT. A supplier who is not registered charges none, and must not claim to."""
    if currency != "ZAR":
        return ""
    return "VAT included" if is_registered else "any VAT included"


def upgrade_address(plan_key: str, interval: str) -> str:
    return "/app/upgrade?" + urlencode({"plan": plan_key, "interval": interval})


def _saving(yearly: Money, monthly: Money) -> Decimal | None:
    if not monthly.minor:
        return None
    return 1 - Decimal(yearly.minor) / (12 * Decimal(monthly.minor))


def _middle(plans: Sequence[PlanVersion]) -> PlanVersion:
    return featured(plans) or plans[0]


def _limits(plan: PlanVersion) -> list[str]:
    texts = []
    for key, one, many in (("agents", "agent", "agents"), ("projects", "project", "projects")):
        value = plan.limits.get(key, 0)
        texts.append(f"Unlimited {many}" if value is None else f"{value} {one if value == 1 else many}")
    return [*texts, f"{limit_words(plan, 'storage_mb')} storage"]


def _action(
    plan: PlanVersion, interval: Interval, has: Subscribed | None, *, is_current: bool, is_signed_in: bool
) -> Action:
    if not is_signed_in:
        return Action("Start free" if plan.is_default else f"Start with {plan.name}", "/register")
    if has is None:
        return Action("Not for operators")
    if is_current:
        return Action("Your plan")
    if plan.plan_key == has.plan_key:
        return Action(f"Pay by the {interval}", upgrade_address(plan.plan_key, interval))
    if plan.rank > has.rank:
        return Action(f"Upgrade to {plan.name}", upgrade_address(plan.plan_key, interval))
    return Action("Change at the end of the period", upgrade_address(plan.plan_key, interval))
