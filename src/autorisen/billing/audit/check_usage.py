"""From events to invoice lines: each closed period's usage counted again, rated again, and found on its lines."""

from __future__ import annotations

from collections.abc import Sequence

from autorisen import metering
from autorisen.billing.audit import store
from autorisen.billing.find_late_usage import terms_of
from autorisen.billing.model import Closing
from autorisen.billing.rate_usage import RatingTerms
from autorisen.billing.reconciliation import store as chain
from autorisen.billing.reconciliation.compare_closings import due_amounts
from autorisen.billing.reconciliation.model import (
    Rating,
    compare_amounts,
    compare_lines,
    compare_quantity,
    whole_meters,
)
from autorisen.kit.audit import Check
from autorisen.kit.database import Tx
from autorisen.kit.findings import Finding, Findings
from autorisen.metering import Discrepancy

_CLOSINGS_AT_ONCE = 500


async def _run(tx: Tx, findings: Findings) -> None:
    after = None
    while True:
        closings = await chain.next_closings(tx, None, after, _CLOSINGS_AT_ONCE)
        for closing, terms in zip(closings, await terms_of(tx, closings), strict=True):
            findings.count(1)
            findings.add([finding_of(each) for each in await _compare(tx, closing, terms)])
        if len(closings) < _CLOSINGS_AT_ONCE:
            return
        after = closings[-1].period_id


async def _compare(tx: Tx, closing: Closing, terms: RatingTerms) -> list[Discrepancy]:
    ratings = await chain.ratings_of(tx, closing.period_id)
    priced = [price.meter for price in terms.plan.usage_prices(terms.currency)]
    return [
        *await _quantities(tx, closing, ratings),
        *compare_amounts(closing, ratings, due_amounts(terms, ratings), priced),
        *compare_lines(closing, ratings, await chain.lines_of(tx, ratings)),
    ]


async def _quantities(tx: Tx, closing: Closing, ratings: Sequence[Rating]) -> list[Discrepancy]:
    """Each meter against the raw events that were stored when it was rated, corrections of that time included."""
    found = []
    who, start, end = closing.customer_id, closing.period_start, closing.period_end
    for rating in whole_meters(ratings).values():
        counted = await metering.usage_as_of(
            tx, customer_id=who, meter=rating.meter, start=start, end=end, at=rating.rated_at
        )
        # A level goes on from before the period: the nightly reconciliation compares its rollups.
        if counted is not None and counted.quantity != rating.quantity:
            events = await metering.events_of_meter(tx, customer_id=who, meter=rating.meter, start=start, end=end)
            found.append(compare_quantity(closing, rating, counted, events))
    return found


def finding_of(each: Discrepancy) -> Finding:
    """A difference of the reconciliation as a finding of the audit."""
    row = ", ".join(f"{name} {value}" for name, value in each.place.items())
    events = f"; events {', '.join(each.events[:5])}" if each.events else ""
    return Finding(each.kind.value, row, each.expected, each.found + events)


CHECK_USAGE = Check("usage", "events, rated usage and invoice lines say the same", store.count_closings, _run)
