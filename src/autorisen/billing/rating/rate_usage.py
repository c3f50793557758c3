"""What a period's usage costs: the same code for the close, for late usage and for the cost so far. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from autorisen import catalog, metering, subscriptions
from autorisen.billing.model import Interval
from autorisen.billing.rated_usage import RatedUsage

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
    kind: subscriptions.PeriodKind = "paid"


@dataclass(frozen=True)
class PeriodUsage:
    """What was used in a period, by meter; of one priced by its dimensions also what each cell and the rest took."""

    quantities: Mapping[str, metering.Quantity]
    cells: Mapping[str, Sequence[catalog.Used]] = field(default_factory=dict)

    def of(self, price: catalog.UsagePrice) -> Sequence[catalog.Used]:
        """The use of each cell of a price and, last, of the rest."""
        whole = self.quantities.get(price.meter, _NONE)
        none = [catalog.Used()] * len(price.cells)
        return self.cells.get(price.meter, [*none, catalog.Used(whole.quantity, whole.events)])


def terms_of_period(period: subscriptions.Period, plan: catalog.PlanVersion, currency: str) -> RatingTerms:
    """The prices and the time under which a period's usage is rated."""
    return RatingTerms(
        period_id=period.id,
        customer_id=period.customer_id,
        plan=subscriptions.plan_charged_in(plan, period.kind),
        currency=currency,
        interval=period.interval,
        start_at=period.start_at,
        end_at=period.end_at,
        share=served_share(period),
        kind=period.kind,
    )


def rate_usage(
    terms: RatingTerms,
    usage: PeriodUsage,
    meter_names: Mapping[str, str],
    *,
    at: datetime,
    new_id: Callable[[], UUID],
    with_unused: bool = False,
) -> tuple[RatedUsage, ...]:
    """One rating, as revision 1, for every meter that the plan prices, in the catalog's order, used or not.

    Of a meter that is priced by its dimensions a rating for each cell that was used, and for the rest; `with_unused`
    for every cell.
    """
    found: list[RatedUsage] = []
    months = catalog.months_of(terms.interval)
    for price in terms.plan.usage_prices(terms.currency):
        used = usage.of(price)
        rated = catalog.rate_cells(price, used, months=months, share=terms.share)
        name = meter_names.get(price.meter, price.meter)
        rest = catalog.Cell() if price.cells else None
        for (price_id, cell), use, each in zip(rows_of(price), used, rated, strict=True):
            if with_unused or cell == rest or use.quantity or each.amount:
                found.append(_rated(terms, price, price_id, cell, use.events, each, name, new_id(), at))
    return tuple(found)


def rows_of(price: catalog.UsagePrice) -> list[tuple[UUID, catalog.Cell | None]]:
    """The price and the cell of each rating of a meter, the rest last; no cell where dimensions decide nothing."""
    rest = catalog.Cell() if price.cells else None
    return [*((each.id, each.cell) for each in price.cells), (price.id, rest)]


def _rated(  # noqa: PLR0917 -- a row of as many columns
    terms: RatingTerms,
    price: catalog.UsagePrice,
    price_id: UUID,
    cell: catalog.Cell | None,
    events: int,
    rated: catalog.Rated,
    name: str,
    id: UUID,
    at: datetime,
) -> RatedUsage:
    return RatedUsage(
        id=id,
        period_id=terms.period_id,
        customer_id=terms.customer_id,
        plan_version_id=terms.plan.id,
        meter=price.meter,
        meter_name=name,
        revision=1,
        quantity=rated.quantity,
        events=events,
        price_id=price_id,
        included=rated.included,
        billable=rated.billable,
        unit_amount=rated.unit_amount,
        unit_label=price.unit_label,
        amount=rated.amount,
        period_start=terms.start_at,
        period_end=terms.end_at,
        rated_at=at,
        parts=rated.parts,
        cell=cell,
    )


def served_share(period: subscriptions.Period) -> Fraction:
    """The part of a period's planned time that it lasted, by seconds."""
    planned = period.planned_end_at - period.start_at
    return Fraction(int((period.end_at - period.start_at).total_seconds()), int(planned.total_seconds()))
