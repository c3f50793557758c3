"""Compare what producers said, receipts, stored events and rollups, in stretches that fit into memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from autorisen.kit.database import Database, Tx
from autorisen.metering import store_counting
from autorisen.metering.control_totals import store as store_totals
from autorisen.metering.control_totals.model import sum_of
from autorisen.metering.counting import Spot, hour_at
from autorisen.metering.model import HOUR, Meter, hour_of
from autorisen.metering.reconciliation import store
from autorisen.metering.reconciliation.model import (
    EVENTS_LIMIT,
    CheckName,
    Discrepancy,
    Findings,
    Kind,
    Scope,
    compare_batches,
    compare_rolled,
    compare_totals,
    expected_rollups,
    spot_event,
)
from autorisen.metering.usage import store as store_usage

EVENTS_A_STRETCH = 50_000
BATCHES_A_STRETCH = 1_000
_HOURS_A_STRETCH = 100
_FIRST = datetime.fromisoformat("2000-01-01T00:00:00Z")
_AHEAD = timedelta(hours=25)

# Called with how many things were compared since the last call.
Tell = Callable[[int], None]


async def compare_control_totals(database: Database, scope: Scope, tell: Tell) -> Findings:
    """What all producers of each source and hour counted, against what is stored. Hours that are over only."""
    findings, after = Findings(CheckName.CONTROL_TOTALS), None
    until = replace(scope, until=hour_of(scope.until))
    while True:
        async with store.snapshot(database) as tx:
            hours = await store.hours_of_totals(tx, until, after, _HOURS_A_STRETCH)
            for hour in hours:
                said = await store.totals_of_hour(tx, hour)
                stored = await store_totals.tallies(tx, list(said))
                for place, totals in said.items():
                    named = await store.named_events(tx, place)
                    findings.add(compare_totals(place, sum_of(totals), stored[place], *named))
                findings.compared += len(said)
                tell(len(said))
        if len(hours) < _HOURS_A_STRETCH:
            return findings
        after = hours[-1]


async def compare_receipts(database: Database, scope: Scope, tell: Tell) -> Findings:
    """How many events each batch was answered to have stored, against how many there are of it."""
    findings, after = Findings(CheckName.RECEIPTS), store.NOWHERE
    if scope.since is not None:
        async with store.snapshot(database) as tx:
            after = await _before_batches(tx, scope.since)
    while True:
        async with store.snapshot(database) as tx:
            accepted = await store.next_batches(tx, after, BATCHES_A_STRETCH)
            is_last = len(accepted) < BATCHES_A_STRETCH
            # After the last receipt there may be events without one.
            stored = await store.count_by_batch(tx, after, None if is_last else max(accepted))
            found = [await _with_events(tx, each) for each in compare_batches(accepted, stored)]
        findings.add(found)
        findings.compared += len(accepted)
        tell(len(accepted))
        if is_last:
            return findings
        after = max(accepted)


async def _before_batches(tx: Tx, since: datetime) -> UUID:
    """An id before those of all batches that arrived since then, also of one whose receipt is gone."""
    # Ids are of real time, which is not the time of receipts where a sandbox moves the clock.
    floor = int(since.timestamp() * 1000) << 80
    first = await store.first_batch(tx, since)
    return UUID(int=floor if first is None else min(first.int - 1, floor))


async def _with_events(tx: Tx, found: Discrepancy) -> Discrepancy:
    """Name the events that the batch has. Those that it lost are named by a control total, if at all."""
    events = await store.events_of_batch(tx, UUID(found.place["batch"]), EVENTS_LIMIT)
    note = "the events that are left; a control total names those that are gone"
    return replace(
        found,
        events=tuple(spot_event(*event) for event in events),
        events_total=int(found.found.split()[0]),
        note=note if found.kind is Kind.EVENTS_MISSING else "",
    )


async def compared_customers(database: Database, scope: Scope) -> dict[UUID, datetime]:
    """Customers of whom hours before the scope changed within it, with the first of these hours."""
    if scope.since is None:
        return {}
    async with store.snapshot(database) as tx:
        return await store.touched_before(tx, await _before_batches(tx, scope.since), scope.since)


async def compare_rollups(
    database: Database, customer_id: UUID, *, start: datetime | None, until: datetime, findings: Findings
) -> set[tuple[UUID, datetime]]:
    """Count a customer's hours from `start` on again, and compare. Gives the hours that differ, to be repaired."""
    now, end = start or _FIRST, hour_of(until) + _AHEAD
    hours: set[tuple[UUID, datetime]] = set()
    while now < end:
        async with store.snapshot(database) as tx:
            meters = await store_usage.select_meters(tx)
            following = await store.stretch_end(tx, customer_id, now, EVENTS_A_STRETCH)
            then = end if following is None else max(hour_of(following), now + HOUR)
            counts = await store_counting.count_between(tx, [(customer_id, now, then)], meters)
            expected = expected_rollups(counts)
            found = await store.rollups_between(tx, customer_id, now, then, meters)
            names = {meter.series: meter.definition.key for meter in meters}
            differing = compare_rolled(expected, found, names)
            findings.compared += len(expected.keys() | found.keys())
            by_series = {meter.series: meter for meter in meters}
            findings.add([await _named(tx, spot, each, by_series[spot[1]]) for spot, each in differing])
            hours |= {(customer_id, hour_at(spot[2])) for spot, _ in differing}
        now = then
    return hours


async def _named(tx: Tx, spot: Spot, found: Discrepancy, meter: Meter) -> Discrepancy:
    """Name the events from which the rollup of this hour should come."""
    hour = hour_at(spot[2])
    kind = meter.definition.event_type
    events = await store.events_of_hour(tx, UUID(spot[0]), kind, hour, hour + HOUR, EVENTS_LIMIT + 1)
    total = len(events)
    note = f"more than {EVENTS_LIMIT} events" if total > EVENTS_LIMIT else ""
    named = tuple(spot_event(*event) for event in events[:EVENTS_LIMIT])
    return replace(found, events=named, events_total=total, note=note)
