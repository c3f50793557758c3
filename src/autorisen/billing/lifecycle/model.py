"""Which way a wanted change takes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from autorisen.billing.errors import NotAnUpgrade
from autorisen.billing.model import Draft, Interval
from autorisen.catalog import PlanVersion
from autorisen.kit.money import Money
from autorisen.subscriptions import Status, Subscription


class Way(StrEnum):
    """How a change of plan or cycle comes about."""

    AT_ONCE = "at_once"  # when its invoice is paid
    PERIOD_END = "period_end"  # when the period is over, without a payment now
    CANCEL = "cancel"  # to the default plan: the subscription ends with its period


@dataclass(frozen=True)
class ChangePreview:
    """What a change would do and cost. `draft` is what has to be paid for it now; None when nothing has to be."""

    way: Way
    plan: PlanVersion
    interval: Interval
    takes_effect_at: datetime
    draft: Draft | None
    fee: Money


def way_of(
    subscription: Subscription, present: PlanVersion, wanted: PlanVersion, interval: Interval, *, at_period_end: bool
) -> Way:
    """The way from the present plan and cycle to the wanted ones. Raises `NotAnUpgrade` where there is no change.

    More, or the same by the year, holds at once; less, and months after a year, with the end of the period that is
    paid. On trial every plan can be bought at once, also the one that is tried.
    """
    if wanted.is_default:
        if present.is_default:
            raise NotAnUpgrade(f"{present.name} is the present plan")
        return Way.CANCEL
    if subscription.status is Status.PAUSED:
        raise NotAnUpgrade("it is paused; resume it first")
    if subscription.status is Status.TRIALING:
        return Way.AT_ONCE
    same_plan = wanted.plan_key == present.plan_key
    if same_plan and interval == subscription.interval:
        raise NotAnUpgrade(f"{present.name} is the present plan")
    to_months = (subscription.interval, interval) == ("year", "month")
    # Nothing is paid for the default plan's period: there is nothing to wait for.
    if present.is_default and not at_period_end:
        return Way.AT_ONCE
    if at_period_end or to_months or (not same_plan and wanted.rank <= present.rank):
        return Way.PERIOD_END
    return Way.AT_ONCE
