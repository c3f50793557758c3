"""What a plan allows and charges in a period, by the kind of the period. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from autorisen.catalog import PlanVersion, UsagePrice
from autorisen.subscriptions.model import PeriodKind

# The limits that a meter counts.
METERED_LIMITS: Mapping[str, str] = {"executions": "agent.execution"}


def plan_in(plan: PlanVersion, kind: PeriodKind) -> PlanVersion:
    """What the plan allows in a period of that kind: on trial nothing beyond the allowance, in a pause nothing."""
    if kind == "paid":
        return plan
    prices = tuple(_allowing(price, kind) if isinstance(price, UsagePrice) else price for price in plan.prices)
    none_left = dict.fromkeys(METERED_LIMITS, 0) if kind == "pause" else {}
    return replace(plan, prices=prices, limits={**plan.limits, **none_left})


def plan_charged_in(plan: PlanVersion, kind: PeriodKind) -> PlanVersion:
    """What use costs in a period of that kind.

    A trial costs nothing. In a pause use is refused; what is used all the same is charged without an allowance, so
    that a pause is no way to use for nothing.
    """
    if kind != "pause":
        return plan_in(plan, kind)
    prices = (
        replace(price, included=Decimal(0), minimum=None) if isinstance(price, UsagePrice) else price
        for price in plan.prices
    )
    return replace(plan, prices=tuple(prices))


def _allowing(price: UsagePrice, kind: PeriodKind) -> UsagePrice:
    included = Decimal(0) if kind == "pause" else price.included
    return replace(price, included=included, overage_allowed=False, minimum=None)
