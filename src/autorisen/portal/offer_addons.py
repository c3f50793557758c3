"""The add-ons that a visitor or a customer is offered, made ready for a page from plan versions. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autorisen.catalog import PlanVersion, addon_offers
from autorisen.kit.money import Money


@dataclass(frozen=True)
class AddonRow:
    """One add-on of one plan: what each costs in the chosen currency (None: not sold so), and what it adds."""

    plan_name: str
    name: str
    unit: str
    monthly: Money | None
    yearly: Money | None
    most: int
    adds: tuple[str, ...]


def addon_rows(plans: Sequence[PlanVersion], *, currency: str) -> tuple[AddonRow, ...]:
    """The add-ons that the plans sell in that currency, plan by plan; empty when none does."""
    found = []
    for plan in plans:
        for each in addon_offers(plan.prices):
            monthly, yearly = each.prices.get((currency, "month")), each.prices.get((currency, "year"))
            if monthly or yearly:
                found.append(
                    AddonRow(plan.name, each.name, each.unit_label, monthly, yearly, each.max_quantity, each.adds)
                )
    return tuple(found)
