"""What is offered: plan versions and their prices, the catalog file, and the difference between the two. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from autorisen.catalog.price_models import (
    MODEL_NAMES,
    Package,
    Percentage,
    PerUnit,
    PriceModel,
)
from autorisen.kit.money import Money, plain

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
class UsagePrice:
    """What use costs beyond the allowance. `included`, `minimum` and `cap` are per month.

    Without `overage_allowed` nothing beyond the allowance is ever charged. With `minimum`, a month's line is filled up
    to it; with `cap` it goes no higher.
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

    @property
    def unit_amount(self) -> Decimal | None:
        """Minor units per unit, where every unit costs the same; None in the other models, or when nothing is sold."""
        return self.model.unit_amount if self.overage_allowed and isinstance(self.model, PerUnit) else None


Price = FlatPrice | UsagePrice


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


@dataclass(frozen=True)
class CatalogFile:
    """A validated catalog file. `meters` are the raw `[[meter]]` tables, which metering reads."""

    meters: tuple[Mapping[str, object], ...]
    plans: tuple[PlanDraft, ...]
    effective_from: datetime | None = None


@dataclass(frozen=True)
class Change:
    """One plan that an apply would add, change or retire, with a line per changed term."""

    kind: Literal["add", "change", "retire"]
    plan_key: str
    version: int
    lines: tuple[str, ...]


def terms(plan: PlanVersion | PlanDraft) -> dict[str, str]:
    """Every term of a plan as text, by its path: two plans are the same offer exactly when these are equal."""
    found = {
        "name": plan.name,
        "tagline": plan.tagline,
        "rank": str(plan.rank),
        "default": str(plan.is_default).lower(),
        "features": " | ".join(plan.features),
    }
    for limit, value in plan.limits.items():
        found[f"limits.{limit}"] = "unlimited" if value is None else str(value)
    for price in plan.prices:
        if isinstance(price, FlatPrice):
            found[f"price.{price.currency}.{price.interval}"] = str(price.amount)
        else:
            path = f"usage.{price.meter}.{price.currency}"
            found |= {f"{path}.{term}": value for term, value in _usage_terms(price).items()}
    return found


def _usage_terms(price: UsagePrice) -> dict[str, str]:
    found = {"included": f"{plain(price.included)} {price.unit_label}"}
    model = price.model
    match model:
        case PerUnit():
            found["unit_amount"] = f"{plain(model.unit_amount)} minor units"
        case Package():
            found["model"] = MODEL_NAMES[Package]
            found["package"] = f"{plain(model.amount)} minor units per {plain(model.size)}"
        case Percentage():
            found["model"] = MODEL_NAMES[Percentage]
            found["percent"] = f"{plain(model.rate * 100)} %"
            found["fee"] = f"{plain(model.fee)} minor units per event"
        case _:
            found["model"] = MODEL_NAMES[type(model)]
            for number, tier in enumerate(model.tiers, start=1):
                bound = "above" if tier.up_to is None else f"up to {plain(tier.up_to)}"
                fee = f" and {plain(tier.fee)} once" if tier.fee else ""
                found[f"tier.{number}"] = f"{bound}: {plain(tier.unit_amount)} minor units{fee}"
    found["overage"] = "allowed" if price.overage_allowed else "refused"
    if price.minimum is not None:
        found["minimum"] = str(price.minimum)
    if price.cap is not None:
        found["cap"] = str(price.cap)
    return found


def plan_changes(current: Sequence[PlanVersion], file: CatalogFile) -> list[Change]:
    """What applying the file would do to the newest version of each plan. Nothing to do gives an empty list."""
    newest = {plan.plan_key: plan for plan in current}
    changes: list[Change] = []
    for draft in file.plans:
        known = newest.pop(draft.plan_key, None)
        after = terms(draft)
        if known is None:
            changes.append(Change("add", draft.plan_key, 1, _difference({}, after)))
        elif known.retired or terms(known) != after:
            before = {} if known.retired else terms(known)
            changes.append(
                Change(
                    "change",
                    draft.plan_key,
                    known.version + 1,
                    _difference(before, after),
                )
            )
    for gone in newest.values():
        if not gone.retired:
            changes.append(
                Change(
                    "retire",
                    gone.plan_key,
                    gone.version + 1,
                    ("no longer in the file",),
                )
            )
    return changes


def _difference(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    lines = []
    for path in [*before, *(path for path in after if path not in before)]:
        old, new = before.get(path), after.get(path)
        if old is None:
            lines.append(f"+ {path}: {new}")
        elif new is None:
            lines.append(f"- {path}: {old}")
        elif old != new:
            lines.append(f"~ {path}: {old} -> {new}")
    return tuple(lines)
