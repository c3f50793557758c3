"""Catalogs for tests: the shipped one, and small ones written out."""

from __future__ import annotations

import re
from decimal import Decimal
from uuid import UUID

from autorisen.catalog import PerUnit, PlanVersion, UsagePrice, current_plans, shipped_catalog
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
        PerUnit(Decimal(unit_amount)),
        "executions",
        overage_allowed,
    )


def catalog_of(usage: str, *, unit: str = "units", fee: str = "0.00", interval: str = "month", extra: str = "") -> str:
    """A catalog file with a Free plan and a plan Tested, whose use of the meter `api.use` is priced as `usage` says.

    `usage` is the inside of a [[plan.usage]] table without its meter; the plan is sold in the currency of its prices.
    The meter sums `amount` of the events of type `api.use`.
    """
    currency = re.findall(r'currency = "(\w+)"', usage)[-1]
    usage = usage.replace("[[price]]", "[[plan.usage.price]]")
    terms = "limits = { agents = 1, executions = 1, projects = 1, storage_mb = 1, support_hours = 1 }"
    return f"""
[[meter]]
key = "api.use"
name = "API use"
event_type = "api.use"
aggregation = "sum"
value_path = "amount"
unit = "{unit}"

[[plan]]
key = "free"
name = "Free"
tagline = "To begin with"
rank = 0
default = true
features = []
{terms}
price = [
    {{ currency = "ZAR", interval = "month", amount = "0.00" }},
    {{ currency = "USD", interval = "month", amount = "0.00" }},
]

[[plan]]
key = "tested"
name = "Tested"
tagline = "What the case is about"
rank = 1
features = []
{terms}
price = [{{ currency = "{currency}", interval = "{interval}", amount = "{fee}" }}]
{extra}
[[plan.usage]]
meter = "api.use"
{usage}
"""
