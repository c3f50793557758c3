"""Read what was used in periods, and rate it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from autorisen import catalog, metering
from autorisen.billing.rated_usage import RatedUsage
from autorisen.billing.rating.rate_usage import PREVIEW, PeriodUsage, RatingTerms, rate_usage
from autorisen.kit.database import Tx


async def rate_period(
    tx: Tx, terms: RatingTerms, *, at: datetime, new_id: Callable[[], UUID] = lambda: PREVIEW
) -> tuple[RatedUsage, ...]:
    """Read what was used in the period and rate it; nothing is stored."""
    (usage,) = await usage_of(tx, [terms])
    names = {meter.key: meter.name for meter in await metering.meters(tx)}
    return rate_usage(terms, usage, names, at=at, new_id=new_id)


async def usage_of(tx: Tx, terms: Sequence[RatingTerms]) -> list[PeriodUsage]:
    """What was used under these terms, in their order: a statement for all, and one for each way to price by cells."""
    prices = [each.plan.usage_prices(each.currency) for each in terms]
    meters = {price.meter for priced in prices for price in priced}
    quantities = await metering.quantities_of(tx, [_stretch(each) for each in terms], keys=meters)
    cells: list[dict[str, Sequence[catalog.Used]]] = [{} for _ in terms]
    for meter, dimensions in sorted({(each.meter, each.dimensions) for row in prices for each in row if each.cells}):
        places = [
            (place, price)
            for place, priced in enumerate(prices)
            for price in priced
            if price.cells and (price.meter, price.dimensions) == (meter, dimensions)
        ]
        stretches = [_stretch(terms[place]) for place, _ in places]
        found = await metering.grouped_quantities_of(tx, stretches, keys=[meter], group_by=dimensions)
        for (place, price), rows in zip(places, found, strict=True):
            groups = ((group, catalog.Used(used.quantity, used.events)) for (_, group), used in rows.items())
            cells[place][meter] = catalog.split([each.cell for each in price.cells], groups)
    return [PeriodUsage(whole, own) for whole, own in zip(quantities, cells, strict=True)]


def _stretch(terms: RatingTerms) -> metering.Stretch:
    return metering.Stretch(terms.customer_id, terms.start_at, terms.end_at)
