"""What events add up to, by customer, meter, hour and dimensions, before it is written. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from uuid import UUID

from autorisen.metering.measure import Measure, measure_of
from autorisen.metering.model import EXACT, Aggregation, Measured, Meter

Number = int | Decimal

# Customer, series, hour in UTC like 2026-03-01T08, dimensions: the name of one rollup, in the order all are locked in.
Spot = tuple[str, str, str, str]

measure_for = lru_cache(maxsize=1_000)(measure_of)
_MICROSECOND = timedelta(microseconds=1)
_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, order=True)
class Sample:
    """A value at a time. `key` is the identity of its event, which decides between two of one instant."""

    at: datetime
    key: str
    value: Number


@dataclass(frozen=True)
class CountedEvent:
    """One event that counts for a customer, as it is stored or was amended last."""

    customer_id: UUID
    type: str
    occurred_at: datetime
    key: str
    data: Mapping[str, object]


@dataclass
class Counts:
    """Quantities in the making. Which of the mappings a spot is in follows from the aggregation of its meter."""

    sums: dict[Spot, tuple[Number, int]] = field(default_factory=dict)
    highest: dict[Spot, tuple[Number, int]] = field(default_factory=dict)
    lowest: dict[Spot, tuple[Number, int]] = field(default_factory=dict)
    latest: dict[Spot, tuple[Sample, int]] = field(default_factory=dict)
    unique: dict[Spot, tuple[set[bytes], int]] = field(default_factory=dict)
    # A level is weighted from all samples of its hour, so only its events are counted here.
    levels: dict[Spot, list[Sample]] = field(default_factory=dict)
    # Series, customer and hour of events that a rebuild has yet to count.
    stale: set[tuple[str, str, str]] = field(default_factory=set)

    def add_sums(self, spot: Spot, values: Sequence[Number]) -> None:
        """Add a column of values to a count or sum at once."""
        known, events = self.sums.get(spot, (0, 0))
        self.sums[spot] = (exact_sum([known, *values] if known else values), events + len(values))

    def add(self, meter: Meter, customer_id: str, at: datetime, key: str, measured: Measured) -> None:
        """Add what one event gives to one meter. `key` is its identity, `at` its time."""
        spot = (customer_id, meter.series, hour_text(at), measured.dimensions)
        value, kind = measured.value, meter.definition.aggregation
        if kind is Aggregation.UNIQUE:
            digests, events = self.unique.setdefault(spot, (set(), 0))
            digests.add(value_digest(value))
            self.unique[spot] = (digests, events + 1)
            return
        assert not isinstance(value, str), "only `unique` meters measure texts"
        if kind in (Aggregation.COUNT, Aggregation.SUM):
            self.add_sums(spot, (value,))
        elif kind is Aggregation.MAX:
            known, events = self.highest.get(spot, (value, 0))
            self.highest[spot] = (max(known, value), events + 1)
        elif kind is Aggregation.MIN:
            known, events = self.lowest.get(spot, (value, 0))
            self.lowest[spot] = (min(known, value), events + 1)
        elif kind is Aggregation.LATEST:
            sample = Sample(at, key, value)
            newest, events = self.latest.get(spot, (sample, 0))
            self.latest[spot] = (max(newest, sample), events + 1)
        else:
            self.levels.setdefault(spot, []).append(Sample(at, key, value))


class Counter:
    """Gives stored events to the meters of their type, one by one; what adds up is in `counts`.

    What a meter can't measure is left out: it was stored before the meter was there. For a meter that is being built
    the hour is marked stale instead.
    """

    def __init__(self, meters: Sequence[Meter]) -> None:
        self.counts = Counts()
        self._by_type: dict[str, list[tuple[Meter, Measure]]] = {}
        for meter in meters:
            rules = self._by_type.setdefault(meter.definition.event_type, [])
            rules.append((meter, measure_for(meter.definition)))

    def add(self, event: CountedEvent) -> None:
        customer_id = str(event.customer_id)
        for meter, measure in self._by_type.get(event.type, ()):
            if meter.is_building:
                self.counts.stale.add((meter.series, customer_id, hour_text(event.occurred_at)))
                continue
            measured = measure(event.data)
            if isinstance(measured, Measured):
                self.counts.add(meter, customer_id, event.occurred_at, event.key, measured)


def event_key(source: str, id: str) -> str:
    """The identity of an event as one text, which decides between two of the same instant."""
    return f"{source}\x1f{id}"


def value_digest(value: Number | str) -> bytes:
    """What a `unique` meter keeps of a value: 16 bytes, so that among 10^12 values two collide with odds of 10^-15."""
    return blake2b(str(value).encode(), digest_size=16).digest()


def hour_text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()[:13]


def hour_at(text: str) -> datetime:
    """The instant of `hour_text`."""
    return datetime.fromisoformat(f"{text}:00:00+00:00")


def exact_sum(values: Sequence[Number]) -> Number:
    """The exact sum. Adding Decimals outside of `EXACT` would round to 28 digits."""
    if all(type(value) is int for value in values):
        return sum(values)
    total = Decimal(0)
    for value in values:
        total = EXACT.add(total, Decimal(value))
    return total


def area(samples: Sequence[Sample], end: datetime) -> Decimal:
    """The level times seconds from the first of the samples, which are in order, to `end`."""
    ends = [*(sample.at for sample in samples[1:]), end]
    parts = [
        EXACT.multiply(Decimal(sample.value), seconds(sample.at, until))
        for sample, until in zip(samples, ends, strict=True)
    ]
    return Decimal(exact_sum(parts))


def seconds(start: datetime, end: datetime) -> Decimal:
    """The seconds between two instants, exact to the microsecond."""
    return EXACT.divide(Decimal((end - start) // _MICROSECOND), _MILLION)
