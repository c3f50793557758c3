"""What a period's usage costs: the same code for the close, for late usage and for the cost so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from autorisen import catalog, metering, subscriptions
from autorisen.billing.model import Interval, RatedUsage
from autorisen.kit.database import Tx

# The id of a rating that is only looked at and never stored.
PREVIEW = UUID(int=0)
_NONE = metering.Quantity(Decimal(0), 0)


@dataclass(frozen=True)
class RatingTerms:
    """Whose usage, of which time, under which prices."""

    period_id: UUID
    customer_id: UUID
    plan: catalog.PlanVersion
    currency: str
    interval: Interval
    start_at: datetime
    end_at: datetime
    # The part of the planned period that was served: a cut period owes that part of a minimum.
    share: Fraction = catalog.WHOLE_PERIOD


def rate_usage(
    terms: RatingTerms,
    quantities: Mapping[str, metering.Quantity],
    meter_names: Mapping[str, str],
    *,
    at: datetime,
    new_id: Callable[[], UUID],
) -> tuple[RatedUsage, ...]:
    """One rating, as revision 1, for every meter that the plan prices, in the catalog's order, used or not."""
    found = []
    for price in terms.plan.usage_prices(terms.currency):
        used = quantities.get(price.meter, _NONE)
        months = catalog.months_of(terms.interval)
        rated = catalog.rate(price, used.quantity, events=used.events, months=months, share=terms.share)
        found.append(
            RatedUsage(
                id=new_id(),
                period_id=terms.period_id,
                customer_id=terms.customer_id,
                plan_version_id=terms.plan.id,
                meter=price.meter,
                meter_name=meter_names.get(price.meter, price.meter),
                revision=1,
                quantity=rated.quantity,
                events=used.events,
                price_id=price.id,
                included=rated.included,
                billable=rated.billable,
                unit_amount=rated.unit_amount,
                unit_label=price.unit_label,
                amount=rated.amount,
                period_start=terms.start_at,
                period_end=terms.end_at,
                rated_at=at,
                parts=rated.parts,
            )
        )
    return tuple(found)


def served_share(period: subscriptions.Period) -> Fraction:
    """The part of a period's planned time that it lasted, by seconds."""
    planned = period.planned_end_at - period.start_at
    return Fraction(int((period.end_at - period.start_at).total_seconds()), int(planned.total_seconds()))


async def rate_period(
    tx: Tx, terms: RatingTerms, *, at: datetime, new_id: Callable[[], UUID] = lambda: PREVIEW
) -> tuple[RatedUsage, ...]:
    """Read what was used in the period and rate it; nothing is stored."""
    quantities = await metering.quantities(tx, customer_id=terms.customer_id, start=terms.start_at, end=terms.end_at)
    names = {meter.key: meter.name for meter in await metering.meters(tx)}
    return rate_usage(terms, quantities, names, at=at, new_id=new_id)
