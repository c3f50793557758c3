"""Catalogs for tests: the shipped one, and small ones written out."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from autorisen.catalog import PlanVersion, UsagePrice, current_plans, shipped_catalog
from autorisen.kit.unit import Unit
from autorisen.ops import apply_catalog_text


async def apply_shipped(unit: Unit) -> dict[str, PlanVersion]:
    """Apply the catalog that comes with the platform, with its meters; gives the plans by key."""
    return await apply_text(unit, shipped_catalog())


async def apply_text(unit: Unit, toml_text: str) -> dict[str, PlanVersion]:
    """Apply a catalog file given as text, with its meters; gives the plans on sale by key."""
    await apply_catalog_text(unit, toml_text)
    return {plan.plan_key: plan for plan in await current_plans(unit.tx, unit.now)}


def usage_price(
    unit_amount: str = "25", *, included: str = "0", currency: str = "ZAR", overage_allowed: bool = True
) -> UsagePrice:
    """A price of `unit_amount` cents per execution."""
    return UsagePrice(
        UUID(int=1),
        currency,
        "agent.execution",
        Decimal(included),
        Decimal(unit_amount),
        "executions",
        overage_allowed,
    )
