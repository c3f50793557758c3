"""What is offered: plan versions and their prices, and the catalog file. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from autorisen.catalog.cells import Cell
from autorisen.catalog.coupons import Coupon
from autorisen.catalog.price_models import PerUnit, PriceModel
from autorisen.kit.money import Money

Interval = Literal["month", "year"]

INTERVALS: tuple[Interval, ...] = ("month", "year")
LIMITS = ("agents", "executions", "projects", "storage_mb", "support_hours")

# Prices read from a file have no identity yet; `apply_catalog` gives them one.
UNSAVED = UUID(int=0)


def months_of(interval: Interval) -> int:
    """How many months one period of that interval lasts."""
    return 12 if interval == "year" else 1


@dataclass(frozen=True)
class FlatPrice:
    """What one period of a plan costs, tax included."""

    id: UUID
    currency: str
    interval: Interval
    amount: Money


@dataclass(frozen=True)
class CellPrice:
    """What the use of one cell costs, where a meter is priced by its dimensions."""

    id: UUID
    cell: Cell
    model: PriceModel


@dataclass(frozen=True)
class UsagePrice:
    """What use costs beyond the allowance. `included`, `minimum` and `cap` are per month, and of the whole meter.

    Without `overage_allowed` nothing beyond the allowance is ever charged. With `minimum`, a month's use is filled up
    to it; with `cap` it goes no higher. With `cells`, the first one that takes a use prices it, and `model` the rest.
    """

    id: UUID
    currency: str
    meter: str
    included: Decimal
    model: PriceModel
    unit_label: str
    overage_allowed: bool = True
    minimum: Money | None = None
    cap: Money | None = None
    cells: tuple[CellPrice, ...] = ()

    @property
    def unit_amount(self) -> Decimal | None:
        """Minor units per unit, where every unit costs the same; None in the other models, or when nothing is sold."""
        if self.overage_allowed and not self.cells and isinstance(self.model, PerUnit):
            return self.model.unit_amount
        return None

    def cell_of(self, group: Mapping[str, str]) -> Cell:
        """The cell that takes use with these values; the rest where none does."""
        return next((each.cell for each in self.cells if each.cell.takes(group)), Cell())

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The names of the dimensions that decide the price, sorted; none where all use costs the same."""
        return tuple(sorted({dimension for each in self.cells for dimension in each.cell.dimensions}))


@dataclass(frozen=True)
class AddonPrice:
    """What one of an extra item costs for a period, tax included. Each of it `raises` limits of the plan by so much."""

    id: UUID
    currency: str
    interval: Interval
    amount: Money
    key: str
    name: str
    unit_label: str
    max_quantity: int
    raises: tuple[tuple[str, int], ...] = ()


Price = FlatPrice | UsagePrice | AddonPrice


@dataclass(frozen=True)
class PlanVersion:
    """One immutable version of a plan. A limit of None means unlimited; a retired plan is no longer sold."""

    id: UUID
    plan_key: str
    version: int
    name: str
    tagline: str
    rank: int
    is_default: bool
    limits: Mapping[str, int | None]
    features: tuple[str, ...]
    prices: tuple[Price, ...]
    effective_from: datetime
    retired: bool = False
    trial_days: int | None = None

    @property
    def currencies(self) -> tuple[str, ...]:
        """The currencies it is sold in, in the order of the file."""
        return tuple(dict.fromkeys(price.currency for price in self.prices if isinstance(price, FlatPrice)))

    def flat_price(self, currency: str, interval: Interval) -> FlatPrice | None:
        """The price of one period, or None when the plan is not sold that way."""
        for price in self.prices:
            if isinstance(price, FlatPrice) and (price.currency, price.interval) == (
                currency,
                interval,
            ):
                return price
        return None

    def addons(self, currency: str, interval: Interval) -> tuple[AddonPrice, ...]:
        """The add-ons that are sold in that currency for that interval, in the order of the file."""
        return tuple(
            price
            for price in self.prices
            if isinstance(price, AddonPrice) and (price.currency, price.interval) == (currency, interval)
        )

    def usage_prices(self, currency: str) -> tuple[UsagePrice, ...]:
        """The usage prices in that currency, in the order of the file."""
        return tuple(p for p in self.prices if isinstance(p, UsagePrice) and p.currency == currency)

    def usage_price(self, currency: str, meter: str) -> UsagePrice | None:
        return next(
            (price for price in self.usage_prices(currency) if price.meter == meter),
            None,
        )


@dataclass(frozen=True)
class PlanDraft:
    """A plan as the catalog file states it: a version that nobody has numbered or dated yet."""

    plan_key: str
    name: str
    tagline: str
    rank: int
    is_default: bool
    limits: Mapping[str, int | None]
    features: tuple[str, ...]
    prices: tuple[Price, ...]
    trial_days: int | None = None


@dataclass(frozen=True)
class CatalogFile:
    """A validated catalog file. `meters` are the raw `[[meter]]` tables, which metering reads."""

    meters: tuple[Mapping[str, object], ...]
    plans: tuple[PlanDraft, ...]
    effective_from: datetime | None = None
    coupons: tuple[Coupon, ...] = ()
