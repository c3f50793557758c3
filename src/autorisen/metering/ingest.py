"""Take in events: store what is new, count it, and say what became of each. Every count is decided by a constraint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from uuid import UUID

from autorisen import accounts
from autorisen.kit.problems import FieldError
from autorisen.kit.unit import Unit
from autorisen.metering import store
from autorisen.metering.decode import evidence
from autorisen.metering.measure import measure
from autorisen.metering.model import (
    EXACT,
    OPERATOR,
    Arrival,
    Event,
    MeterDefinition,
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


async def ingest(unit: Unit, producer: UUID | None, events: Sequence[Item]) -> Receipt:
    """Store the new events of one producer and count them, in this transaction. The receipt holds once it commits."""
    return (await ingest_all(unit, [Submission(producer, events)]))[0]


async def ingest_all(unit: Unit, submissions: Sequence[Submission]) -> list[Receipt]:
    """Several submissions in one transaction, as if one after the other: one commit costs one flush of the disk."""
    meters = await store.enter_ingest(unit.tx)
    admission = _Admission(unit.now, meters, await _customers(unit, submissions), len(submissions))
    for number, submission in enumerate(submissions):
        admission.admit(number, submission)
    rows = sorted(admission.arrivals.values(), key=lambda row: (row.tenant, row.event.source, row.event.id))
    batch_id = unit.ids.new()
    earlier = await store.insert_events(unit.tx, rows, batch_id) if rows else {}
    tell = _settle(admission, rows, earlier)
    await _count(unit, admission, [row for place, row in enumerate(rows) if place not in earlier] if earlier else rows)
    if tell:
        await store.insert_conflicts(unit.tx, tell, unit.now)
    if admission.rejections:
        await store.insert_rejected(unit.tx, admission.rejections, unit.now)
    receipts = [outcome.receipt() for outcome in admission.outcomes]
    await store.insert_batch(unit.tx, batch_id, _total(receipts), unit.now)
    return receipts


async def _customers(unit: Unit, submissions: Sequence[Submission]) -> dict[str, str]:
    subjects = {item.subject for each in submissions for item in each.items if isinstance(item, Event)}
    found = await accounts.customer_ids_by_key(unit.tx, sorted(subjects)) if subjects else {}
    return {subject: str(customer_id) for subject, customer_id in found.items()}


class _Admission:
    """Sorts the items of all submissions into arrivals, repetitions and rejections."""

    def __init__(
        self, now: datetime, meters: Sequence[MeterDefinition], customers: Mapping[str, str], submissions: int
    ) -> None:
        self.now = now
        self.now_stamp = now.isoformat()
        self.latest = now + AHEAD_MAX
        self.customers = customers
        self.meters: dict[str, list[MeterDefinition]] = {}
        for meter in meters:
            self.meters.setdefault(meter.event_type, []).append(meter)
        self.arrivals: dict[tuple[str, str, str], Arrival] = {}
        self.repetitions: list[Arrival] = []
        self.rejections: dict[tuple[UUID, bytes], Rejection] = {}
        self.outcomes = [_Outcome(0) for _ in range(submissions)]

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
        values: tuple[tuple[str, int | Decimal], ...] = ()
        for meter in self.meters.get(event.type, ()):
            value = measure(meter, event.data)
            if isinstance(value, FieldError):
                return _reject(event, value)
            values += ((meter.key, value),)
        return Arrival(tenant, customer_id, event, event.stamp or self.now_stamp, values, number, index)


def _reject(event: Event, error: FieldError) -> Rejection:
    return Rejection(event.id, error.field, error.rule, evidence(event))


def _digest(rejection: Rejection) -> bytes:
    return blake2b(rejection.reason.encode() + b"\0" + rejection.body, digest_size=16).digest()


def _settle(admission: _Admission, rows: Sequence[Arrival], earlier: Mapping[int, bytes]) -> list[tuple[UUID, Event]]:
    """Note duplicates and conflicts in the receipts; give the conflicts to keep."""
    conflicts: list[tuple[UUID, Event]] = []
    stored = {(row.tenant, row.event.source, row.event.id): row.event.content for row in rows}

    def note(again: Arrival, content: bytes) -> None:
        results = admission.outcomes[again.submission].results
        if again.event.content == content:
            results.append(Result(again.index, again.event.id, Status.DUPLICATE))
            return
        reason = "this source and id were used for other content; the first one counts"
        results.append(Result(again.index, again.event.id, Status.CONFLICT, reason))
        conflicts.append((UUID(again.tenant), again.event))

    for place, content in earlier.items():
        row = rows[place]
        stored[row.tenant, row.event.source, row.event.id] = content
        note(row, content)
    for again in admission.repetitions:
        note(again, stored[again.tenant, again.event.source, again.event.id])
    return conflicts


async def _count(unit: Unit, admission: _Admission, rows: Sequence[Arrival]) -> None:
    """Add the stored rows to the rollups of known customers, and to the tally of types that no meter counts."""
    sums: store.Sums = {}
    unmetered: dict[str, int] = {}
    for row in rows:
        if row.event.type not in admission.meters:
            unmetered[row.event.type] = unmetered.get(row.event.type, 0) + 1
        if not row.customer_id:
            continue
        hour = row.stamp[:13]
        for meter, value in row.values:
            key = (row.customer_id, meter, hour)
            quantity, events = sums.get(key, (0, 0))
            sums[key] = (_add(quantity, value), events + 1)
    if sums:
        await store.add_to_rollups(unit.tx, sums)
    if unmetered:
        await store.add_unmetered(unit.tx, unmetered, unit.now)


def _add(left: int | Decimal, right: int | Decimal) -> int | Decimal:
    if isinstance(left, int) and isinstance(right, int):
        return left + right
    return EXACT.add(Decimal(left), Decimal(right))


def _total(receipts: Sequence[Receipt]) -> Receipt:
    return Receipt(
        accepted=sum(receipt.accepted for receipt in receipts),
        duplicates=sum(receipt.duplicates for receipt in receipts),
        conflicts=sum(receipt.conflicts for receipt in receipts),
        rejected=sum(receipt.rejected for receipt in receipts),
    )
