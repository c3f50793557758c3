"""Take in events: store what is new, count it, and say what became of each. Every count is decided by a constraint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import cast
from uuid import UUID

import msgspec

from autorisen import accounts
from autorisen.kit.problems import FieldError
from autorisen.kit.unit import Unit
from autorisen.metering import store, store_counting
from autorisen.metering.counting import Counts, Number, event_key, measure_for
from autorisen.metering.decode import evidence
from autorisen.metering.measure import Measure
from autorisen.metering.model import (
    OPERATOR,
    Arrival,
    Event,
    Measured,
    Meter,
    Receipt,
    Rejection,
    Result,
    Status,
)

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD_MAX = timedelta(hours=24)

Item = Event | Rejection


@dataclass(frozen=True)
class Submission:
    """The events of one request. `producer` is the customer of its key, None for an operator's key."""

    producer: UUID | None
    items: Sequence[Item]


@dataclass
class _Outcome:
    """The receipt of one submission in the making."""

    size: int
    results: list[Result] = field(default_factory=list)

    def receipt(self) -> Receipt:
        if not self.results:
            return Receipt(self.size, 0, 0, 0)
        counts = dict.fromkeys(Status, 0)
        for result in self.results:
            counts[result.status] += 1
        return Receipt(
            accepted=self.size - len(self.results),
            duplicates=counts[Status.DUPLICATE],
            conflicts=counts[Status.CONFLICT],
            rejected=counts[Status.REJECTED],
            results=tuple(sorted(self.results, key=lambda result: result.index)),
        )


async def ingest(
    unit: Unit, producer: UUID | None, events: Sequence[Item], *, backfill_id: UUID | None = None
) -> Receipt:
    """Store the new events of one producer and count them, in this transaction. The receipt holds once it commits."""
    return (await ingest_all(unit, [Submission(producer, events)], backfill_id=backfill_id))[0]


async def ingest_all(
    unit: Unit, submissions: Sequence[Submission], *, backfill_id: UUID | None = None
) -> list[Receipt]:
    """Several submissions in one transaction, as if one after the other: one commit costs one flush of the disk."""
    entering = await store_counting.begin_counting(unit.tx)
    customers = await _customers(unit, submissions)
    meters = await store_counting.entered(entering)
    admission = _Admission(unit.now, meters, customers, len(submissions))
    for number, submission in enumerate(submissions):
        admission.admit(number, submission)
    rows = sorted(admission.arrivals.values(), key=lambda row: (row.tenant, row.event.source, row.event.id))
    batch_id = unit.ids.new()
    batch = store.Batch(batch_id, unit.now, backfill_id)
    # What is said of the batch if all its rows turn out to be new; within it, repetitions are known not to be.
    unseen = None if admission.repetitions else admission.receipt()
    all_new = await store.insert_events(unit.tx, rows, batch, unseen) if rows else True
    earlier = {} if all_new else await _earlier(unit, rows, batch_id)
    tell = await _settle(unit, admission, rows, earlier, batch_id)
    await _count(unit, admission, [row for place, row in enumerate(rows) if place not in earlier] if earlier else rows)
    if tell:
        await store.insert_conflicts(unit.tx, tell, unit.now)
    if admission.rejections:
        await store.insert_rejected(unit.tx, admission.rejections, unit.now)
    if unseen is None or not (rows and all_new):
        await store.insert_batch(unit.tx, batch, admission.receipt())
    return [outcome.receipt() for outcome in admission.outcomes]


async def _customers(unit: Unit, submissions: Sequence[Submission]) -> dict[str, str]:
    subjects = {item.subject for each in submissions for item in each.items if isinstance(item, Event)}
    found = await accounts.customer_ids_by_key(unit.tx, sorted(subjects)) if subjects else {}
    return {subject: str(customer_id) for subject, customer_id in found.items()}


class _Admission:
    """Sorts the items of all submissions into arrivals, repetitions and rejections."""

    def __init__(self, now: datetime, meters: Sequence[Meter], customers: Mapping[str, str], submissions: int) -> None:
        self.now = now
        self.now_stamp: str = msgspec.to_builtins(now)
        self.latest = now + AHEAD_MAX
        self.customers = customers
        self.meters: dict[str, list[Meter]] = {}
        self.measures: dict[str, list[Measure]] = {}
        self.building: dict[str, list[Meter]] = {}
        for meter in meters:
            kind = meter.definition.event_type
            if meter.is_building:
                self.building.setdefault(kind, []).append(meter)
                continue
            self.meters.setdefault(kind, []).append(meter)
            self.measures.setdefault(kind, []).append(measure_for(meter.definition))
        self.arrivals: dict[tuple[str, str, str], Arrival] = {}
        self.repetitions: list[Arrival] = []
        self.rejections: dict[tuple[UUID, bytes], Rejection] = {}
        self.outcomes = [_Outcome(0) for _ in range(submissions)]

    def receipt(self) -> Receipt:
        """What is known of all submissions together."""
        results = [result for outcome in self.outcomes for result in outcome.results]
        return _Outcome(sum(outcome.size for outcome in self.outcomes), results).receipt()

    def admit(self, number: int, submission: Submission) -> None:
        outcome = self.outcomes[number]
        outcome.size = len(submission.items)
        tenant = str(submission.producer or OPERATOR)
        own = tenant if submission.producer else None
        for index, item in enumerate(submission.items):
            checked = item if isinstance(item, Rejection) else self._check(tenant, own, item, number, index)
            if isinstance(checked, Rejection):
                outcome.results.append(Result(index, checked.id, Status.REJECTED, checked.rule, checked.field))
                self.rejections[submission.producer or OPERATOR, _digest(checked)] = checked
                continue
            identity = (tenant, checked.event.source, checked.event.id)
            if self.arrivals.setdefault(identity, checked) is not checked:
                self.repetitions.append(checked)

    def _check(self, tenant: str, own: str | None, event: Event, number: int, index: int) -> Arrival | Rejection:
        customer_id = self.customers.get(event.subject, "")
        if own is not None and customer_id != own:
            return _reject(event, FieldError("/subject", "is not yours: a customer's key sends its own events only"))
        if event.time is not None and not EARLIEST <= event.time <= self.latest:
            return _reject(event, FieldError("/time", "must be from the year 2000 to at most 24 hours ahead"))
        values: list[Measured | None] = []
        for measure in self.measures.get(event.type, ()):
            value = measure(event.data)
            if isinstance(value, FieldError):
                return _reject(event, value)
            values.append(value)
        return Arrival(tenant, customer_id, event, event.stamp or self.now_stamp, tuple(values), number, index)


def _reject(event: Event, error: FieldError) -> Rejection:
    return Rejection(event.id, error.field, error.rule, evidence(event))


def _digest(rejection: Rejection) -> bytes:
    return blake2b(rejection.reason.encode() + b"\0" + rejection.body, digest_size=16).digest()


async def _earlier(unit: Unit, rows: Sequence[Arrival], batch_id: UUID) -> dict[int, bool]:
    """The places of rows that were stored before, with whether they are the same."""
    compared = await store.compare_events(unit.tx, rows, batch_id)
    return {place: same for place, (ours, same) in compared.items() if not ours}


async def _settle(
    unit: Unit, admission: _Admission, rows: Sequence[Arrival], earlier: Mapping[int, bool], batch_id: UUID
) -> list[tuple[UUID, Event]]:
    """Note duplicates and conflicts in the receipts; give the conflicts to keep."""
    again = [(rows[place], same) for place, same in earlier.items()]
    if admission.repetitions:
        compared = await store.compare_events(unit.tx, admission.repetitions, batch_id)
        again += [(admission.repetitions[place], same) for place, (_, same) in compared.items()]
    conflicts: list[tuple[UUID, Event]] = []
    for row, same in again:
        results = admission.outcomes[row.submission].results
        if same:
            results.append(Result(row.index, row.event.id, Status.DUPLICATE))
            continue
        reason = "this source and id were used for other content; the first one counts"
        results.append(Result(row.index, row.event.id, Status.CONFLICT, reason))
        conflicts.append((UUID(row.tenant), row.event))
    return conflicts


async def _count(unit: Unit, admission: _Admission, rows: Sequence[Arrival]) -> None:
    """Add the stored rows to the rollups of known customers, and to the tally of types that no meter counts."""
    counts = Counts()
    groups: dict[tuple[str, str, str], list[Arrival]] = {}
    unmetered: dict[str, int] = {}
    for row in rows:
        kind = row.event.type
        if kind not in admission.meters:
            unmetered[kind] = unmetered.get(kind, 0) + 1
        if row.customer_id and (kind in admission.meters or kind in admission.building):
            groups.setdefault((row.customer_id, kind, row.stamp[:13]), []).append(row)
    for (customer_id, kind, hour), group in groups.items():
        for place, meter in enumerate(admission.meters.get(kind, ())):
            values = [row.values[place] for row in group]
            if meter.definition.is_plain:
                # Nothing is filtered out of a plain meter.
                numbers = [each.value for each in cast("list[Measured]", values)]
                counts.add_sums((customer_id, meter.series, hour, ""), cast("list[Number]", numbers))
                continue
            for row, measured in zip(group, values, strict=True):
                if measured is not None:
                    key = event_key(row.event.source, row.event.id)
                    counts.add(meter, customer_id, row.event.time or unit.now, key, measured)
        for meter in admission.building.get(kind, ()):
            counts.stale.add((meter.series, customer_id, hour))
    await store_counting.add_counts(unit.tx, counts, [each for group in admission.meters.values() for each in group])
    if unmetered:
        await store.add_unmetered(unit.tx, unmetered, unit.now)
