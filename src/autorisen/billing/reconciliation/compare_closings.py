"""Compare every closed period: usage with what was rated, ratings with their prices, lines with their ratings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from autorisen import catalog, metering
from autorisen.billing.model import Closing
from autorisen.billing.rating.find_late_usage import terms_of
from autorisen.billing.rating.rate_usage import RatingTerms, rows_of
from autorisen.billing.reconciliation import store
from autorisen.billing.reconciliation.model import (
    Billed,
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
            for billed, terms in zip(await store.billed_of(tx, closings), await terms_of(tx, closings), strict=True):
                await _compare(tx, billed, terms, rated, lines)
                tell(1)
        if len(closings) < _CLOSINGS_AT_ONCE:
            break
        after = closings[-1].period_id
    async with metering.snapshot(database) as tx:
        lines.add([compare_sum(each) for each in await store.wrong_sums(tx, scope.since)])
    return rated, lines


async def _compare(tx: Tx, billed: Billed, terms: RatingTerms, rated: Findings, lines: Findings) -> None:
    rated.compared += len(billed.ratings)
    rated.add(compare_amounts(billed, due_amounts(terms, billed.ratings), priced_meters(terms)))
    await _compare_quantities(tx, billed.closing, billed.ratings, rated)
    lines.compared += len(billed.lines)
    lines.add(compare_lines(billed))


def priced_meters(terms: RatingTerms) -> list[str]:
    """The meters that have a price under these terms."""
    return [price.meter for price in terms.plan.usage_prices(terms.currency)]


def due_amounts(terms: RatingTerms, ratings: Sequence[Rating]) -> dict[UUID, int]:
    """What each rating's quantity costs, by the rating's id: nothing, where these terms have no price for it."""
    prices = {price.meter: price for price in terms.plan.usage_prices(terms.currency)}
    return {each.id: _due(terms, prices.get(each.meter), each, ratings) for each in ratings}


def _due(terms: RatingTerms, price: catalog.UsagePrice | None, rating: Rating, ratings: Sequence[Rating]) -> int:
    if price is None:
        return 0
    used = _rated_together(price, rating, ratings) if price.cells else [_used(rating)]
    again = catalog.rate_cells(price, used, months=catalog.months_of(terms.interval), share=terms.share)
    by_cell = {cell: each.amount.minor for (_, cell), each in zip(rows_of(price), again, strict=True)}
    return by_cell.get(rating.cell, 0)


def _rated_together(price: catalog.UsagePrice, rating: Rating, ratings: Sequence[Rating]) -> list[catalog.Used]:
    """What every cell of the meter was rated at when this one was: they share an allowance."""
    held = newest([each for each in ratings if each.meter == rating.meter and each.rated_at <= rating.rated_at])
    return [_used(held.get((rating.meter, cell))) for _, cell in rows_of(price)]


def _used(rating: Rating | None) -> catalog.Used:
    return catalog.Used() if rating is None else catalog.Used(rating.quantity, rating.events)


async def _compare_quantities(tx: Tx, closing: Closing, ratings: Sequence[Rating], rated: Findings) -> None:
    """What is counted now, or else what was counted when it was rated: what came later waits for the next invoice."""
    who, start, end = closing.customer_id, closing.period_start, closing.period_end
    now = await metering.quantities(tx, customer_id=who, start=start, end=end)
    changed = [
        each
        for meter, each in whole_meters(ratings).items()
        if now.get(meter, metering.NOTHING).quantity != each.quantity
    ]
    wrong = await find_misrated(tx, [(closing, each) for each in changed]) if changed else []
    rated.explained += len(changed) - len(wrong)
    rated.add(wrong)


async def find_misrated(tx: Tx, rated: Sequence[tuple[Closing, Rating]]) -> list[metering.Discrepancy]:
    """The whole meters that were not rated at what the raw events said then, corrections of that time included.

    A level goes on from before its period: the comparison of its rollups is what it is held to.
    """
    asked = [
        metering.UsageAsOf(each.customer_id, rating.meter, each.period_start, each.period_end, rating.rated_at)
        for each, rating in rated
    ]
    found = []
    for (closing, rating), use, counted in zip(rated, asked, await metering.usages_as_of(tx, asked), strict=True):
        if counted is not None and counted.quantity != rating.quantity:
            events = await metering.events_of_meter(
                tx, customer_id=use.customer_id, meter=use.meter, start=use.start, end=use.end
            )
            found.append(compare_quantity(closing, rating, counted, events))
    return found
