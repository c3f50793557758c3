"""What a period's usage costs: the same code for the close, for late usage and for the cost so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from autorisen import catalog, metering, subscriptions
from autorisen.billing.model import Interval
from autorisen.billing.rated_usage import RatedUsage
from autorisen.kit.database import Tx

# The id of a rating that is only looked at and never stored.
PREVIEW = UUID(int=0)
_NONE = metering.Quantity(Decimal(0), 0)
NO_CELLS: Mapping[str, Sequence[catalog.Used]] = {}


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


def rate_usage(
    terms: RatingTerms,
    quantities: Mapping[str, metering.Quantity],
    meter_names: Mapping[str, str],
    *,
    at: datetime,
    new_id: Callable[[], UUID],
    cells: Mapping[str, Sequence[catalog.Used]] = NO_CELLS,
    with_unused: bool = False,
) -> tuple[RatedUsage, ...]:
    """One rating, as revision 1, for every meter that the plan prices, in the catalog's order, used or not.

    Of a meter that is priced by its dimensions, `cells` say what each cell and, last, the rest was used: a rating for
    each that was, and for the rest; `with_unused` for every cell.
    """
    found: list[RatedUsage] = []
    months = catalog.months_of(terms.interval)
    for price in terms.plan.usage_prices(terms.currency):
        whole = quantities.get(price.meter, _NONE)
        used = cells.get(
            price.meter, [catalog.Used()] * len(price.cells) + [catalog.Used(whole.quantity, whole.events)]
        )
        rated = catalog.rate_cells(price, used, months=months, share=terms.share)
        rest = catalog.Cell() if price.cells else None
        rows = [*((each.id, each.cell) for each in price.cells), (price.id, rest)]
        for (price_id, cell), use, each in zip(rows, used, rated, strict=True):
            if with_unused or cell == rest or use.quantity or each.amount:
                name = meter_names.get(price.meter, price.meter)
                found.append(_rated(terms, price, price_id, cell, use.events, each, name, new_id(), at))
    return tuple(found)


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


async def rate_period(
    tx: Tx,
    terms: RatingTerms,
    *,
    at: datetime,
    new_id: Callable[[], UUID] = lambda: PREVIEW,
    with_unused: bool = False,
) -> tuple[RatedUsage, ...]:
    """Read what was used in the period and rate it; nothing is stored."""
    quantities = await metering.quantities(tx, customer_id=terms.customer_id, start=terms.start_at, end=terms.end_at)
    names = {meter.key: meter.name for meter in await metering.meters(tx)}
    cells = {}
    for price in terms.plan.usage_prices(terms.currency):
        if price.cells:
            cells[price.meter] = await _cells_of(tx, terms, price)
    return rate_usage(terms, quantities, names, at=at, new_id=new_id, cells=cells, with_unused=with_unused)


async def _cells_of(tx: Tx, terms: RatingTerms, price: catalog.UsagePrice) -> list[catalog.Used]:
    rows = await metering.grouped_quantities(
        tx,
        customer_id=terms.customer_id,
        start=terms.start_at,
        end=terms.end_at,
        keys=[price.meter],
        group_by=price.dimensions,
    )
    groups = ((group, catalog.Used(used.quantity, used.events)) for (_, group), used in rows.items())
    return catalog.split([each.cell for each in price.cells], groups)
