"""From events to invoice lines: each closed period's usage counted again, rated again, and found on its lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autorisen.billing.audit import store
from autorisen.billing.model import Closing
from autorisen.billing.rating.find_late_usage import terms_of
from autorisen.billing.reconciliation import store as chain
from autorisen.billing.reconciliation.compare_closings import due_amounts, find_misrated, priced_meters
from autorisen.billing.reconciliation.model import Rating, compare_amounts, compare_lines, whole_meters
from autorisen.kit.audit import Check
from autorisen.kit.database import Tx
from autorisen.kit.findings import Finding, Findings
from autorisen.metering import Discrepancy

_CLOSINGS_AT_ONCE = 500
# Of so many events what they measured is held at once; a period that has more is counted alone.
_EVENTS_AT_ONCE = 100_000


async def _run(tx: Tx, findings: Findings) -> None:
    after = None
    while True:
        closings = await chain.next_closings(tx, None, after, _CLOSINGS_AT_ONCE)
        every = await chain.billed_of(tx, closings)
        for billed, terms in zip(every, await terms_of(tx, closings), strict=True):
            wrong = compare_amounts(billed, due_amounts(terms, billed.ratings), priced_meters(terms))
            findings.add([finding_of(each) for each in [*wrong, *compare_lines(billed)]])
        rated = [(each.closing, rating) for each in every for rating in whole_meters(each.ratings).values()]
        for some in _by_events(rated):
            findings.add([finding_of(each) for each in await find_misrated(tx, some)])
        findings.count(len(closings))
        if len(closings) < _CLOSINGS_AT_ONCE:
            return
        after = closings[-1].period_id


def _by_events(rated: Sequence[tuple[Closing, Rating]]) -> Iterator[list[tuple[Closing, Rating]]]:
    some: list[tuple[Closing, Rating]] = []
    events = 0
    for each in rated:
        if some and events + each[1].events > _EVENTS_AT_ONCE:
            yield some
            some, events = [], 0
        some.append(each)
        events += each[1].events
    if some:
        yield some


def finding_of(each: Discrepancy) -> Finding:
    """A difference of the reconciliation as a finding of the audit."""
    row = ", ".join(f"{name} {value}" for name, value in each.place.items())
    events = f"; events {', '.join(each.events[:5])}" if each.events else ""
    return Finding(each.kind.value, row, each.expected, each.found + events)


CHECK_USAGE = Check("usage", "events, rated usage and invoice lines say the same", store.count_closings, _run)
