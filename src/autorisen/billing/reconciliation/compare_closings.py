"""Compare every closed period: usage with what was rated, ratings with their prices, lines with their ratings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from autorisen import catalog, metering
from autorisen.billing.find_late_usage import terms_of
from autorisen.billing.model import Closing
from autorisen.billing.rate_usage import PREVIEW, PeriodUsage, RatingTerms, rate_usage
from autorisen.billing.reconciliation import store
from autorisen.billing.reconciliation.model import (
    Rating,
    compare_amounts,
    compare_lines,
    compare_quantity,
    compare_sum,
    newest,
    whole_meters,
)
from autorisen.kit.database import Database, Tx
from autorisen.metering import CheckName, Findings, Scope

_CLOSINGS_AT_ONCE = 50


async def count_closings(tx: Tx, scope: Scope) -> int:
    """How many closed periods there are to compare."""
    return await store.count_closings(tx, scope.since)


async def compare_closings(database: Database, scope: Scope, tell: Callable[[int], None]) -> tuple[Findings, Findings]:
    """What differs between usage and ratings, and between ratings and invoice lines."""
    rated, lines = Findings(CheckName.RATED_USAGE), Findings(CheckName.INVOICE_LINES)
    after = None
    while True:
        async with metering.snapshot(database) as tx:
            closings = await store.next_closings(tx, scope.since, after, _CLOSINGS_AT_ONCE)
            for closing in closings:
                await _compare(tx, closing, rated, lines)
                tell(1)
        if len(closings) < _CLOSINGS_AT_ONCE:
            break
        after = closings[-1].period_id
    async with metering.snapshot(database) as tx:
        lines.add([compare_sum(each) for each in await store.wrong_sums(tx, scope.since)])
    return rated, lines


async def _compare(tx: Tx, closing: Closing, rated: Findings, lines: Findings) -> None:
    ratings = await store.ratings_of(tx, closing.period_id)
    rated.compared += len(ratings)
    (terms,) = await terms_of(tx, [closing])
    priced = [price.meter for price in terms.plan.usage_prices(terms.currency)]
    rated.add(compare_amounts(closing, ratings, due_amounts(terms, ratings), priced))
    await _compare_quantities(tx, closing, ratings, rated)
    billed = await store.lines_of(tx, ratings)
    lines.compared += len(billed)
    lines.add(compare_lines(closing, ratings, billed))


def due_amounts(terms: RatingTerms, ratings: Sequence[Rating]) -> dict[UUID, int]:
    """What each rating's quantity costs, by the rating's id."""
    due: dict[UUID, int] = {}
    prices = {price.meter: price for price in terms.plan.usage_prices(terms.currency) if price.cells}
    for rating in ratings:
        used = {rating.meter: metering.Quantity(rating.quantity, rating.events)}
        price = prices.get(rating.meter)
        cells = {} if price is None else {rating.meter: _rated_together(price, rating, ratings)}
        usage = PeriodUsage(used, cells)
        for again in rate_usage(terms, usage, {}, at=rating.rated_at, new_id=lambda: PREVIEW, with_unused=True):
            if (again.meter, again.cell) == (rating.meter, rating.cell):
                due[rating.id] = again.amount.minor
    return due


def _rated_together(price: catalog.UsagePrice, rating: Rating, ratings: Sequence[Rating]) -> list[catalog.Used]:
    """What every cell of the meter was rated at when this one was: they share an allowance."""
    held = newest([each for each in ratings if each.meter == rating.meter and each.rated_at <= rating.rated_at])
    cells = [*(each.cell for each in price.cells), catalog.Cell()]
    found = [held.get((rating.meter, cell)) for cell in cells]
    return [catalog.Used() if each is None else catalog.Used(each.quantity, each.events) for each in found]


async def _compare_quantities(tx: Tx, closing: Closing, ratings: Sequence[Rating], rated: Findings) -> None:
    """What is counted now, or else what was counted when it was rated: what came later waits for the next invoice."""
    customer_id, start, end = closing.customer_id, closing.period_start, closing.period_end
    now = await metering.quantities(tx, customer_id=customer_id, start=start, end=end)
    for meter, rating in whole_meters(ratings).items():
        if now.get(meter, metering.NOTHING).quantity == rating.quantity:
            continue
        counted = await metering.usage_as_of(
            tx, customer_id=customer_id, meter=meter, start=start, end=end, at=rating.rated_at
        )
        if counted is None or counted.quantity == rating.quantity:
            rated.explained += 1
            continue
        events = await metering.events_of_meter(tx, customer_id=customer_id, meter=meter, start=start, end=end)
        rated.add([compare_quantity(closing, rating, counted, events)])
