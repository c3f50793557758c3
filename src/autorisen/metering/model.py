"""Events, meters, receipts and windows of time. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, Inexact
from enum import StrEnum
from uuid import UUID

import msgspec

from autorisen.metering.filters import Filter

# Events of operator keys share this tenant, so that a customer's key neither meets nor learns of their ids.
OPERATOR = UUID(int=0)

# Names and values of dimensions, like (("model", "large"),); empty where usage is not grouped.
Group = tuple[tuple[str, str], ...]

# Sums stay exact: 18 digits before the point, 12 after it, and room for 10^46 such values.
EXACT = Context(prec=76, traps=[Inexact])
QUANTITY_LIMIT = 10**18
QUANTITY_DECIMALS = 12

HOUR = timedelta(hours=1)


class Event(msgspec.Struct, frozen=True, gc=False):
    """One valid CloudEvent. `time` is None when the producer sent none: then the arrival counts as its time.

    `stamp` is the time as text in UTC. `data_json` and `extensions_json` are what is kept, in one order of names, so
    that the same content is the same text. A struct and not a dataclass: the ingest path makes tens of thousands of
    them a second.
    """

    source: str
    id: str
    type: str
    subject: str
    time: datetime | None
    stamp: str
    data: dict[str, object]
    data_json: str
    extensions_json: str

    @property
    def content(self) -> tuple[str, str, str, str, str]:
        """What tells a repeated event from a conflicting one."""
        return (self.type, self.subject, self.stamp, self.data_json, self.extensions_json)


class Measured(msgspec.Struct, frozen=True, gc=False):
    """What one event adds to one meter: a number, or a text for a `unique` meter, under one set of dimensions.

    `dimensions` is JSON with the names in order, empty when there are none.
    """

    value: int | Decimal | str
    dimensions: str = ""


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """A valid event on its way into the store: event `index` of one submission, and what it adds to each meter.

    `stamp` is its time, or its arrival. Ids are texts here, and `customer_id` is empty while the subject is nobody's.
    `values` follow the meters of its type; None where a filter leaves the event out.
    """

    tenant: str
    customer_id: str
    event: Event
    stamp: str
    values: tuple[Measured | None, ...]
    submission: int
    index: int


class Rejection(msgspec.Struct, frozen=True):
    """An event that can't be counted: `field` is a JSON pointer into it, `rule` says what must hold."""

    id: str | None
    field: str
    rule: str
    body: bytes

    @property
    def reason(self) -> str:
        return f"{self.field} {self.rule}".strip()


class Status(StrEnum):
    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    REJECTED = "rejected"


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one event of a batch; only those not plainly accepted are reported one by one."""

    index: int
    id: str | None
    status: Status
    reason: str | None = None
    field: str | None = None


class Receipt(msgspec.Struct, frozen=True):
    """What became of a batch. It is given only after the commit."""

    accepted: int
    duplicates: int
    conflicts: int
    rejected: int
    results: tuple[Result, ...] = ()


class Aggregation(StrEnum):
    """How the values of events become one quantity.

    `latest` is the value of the newest event; `unique` the number of different values; `time_weighted` the average of
    a level that holds until the next event, weighted by time.
    """

    COUNT = "count"
    SUM = "sum"
    MAX = "max"
    MIN = "min"
    LATEST = "latest"
    UNIQUE = "unique"
    TIME_WEIGHTED = "time_weighted"


@dataclass(frozen=True)
class Dimension:
    """A name under which usage can be grouped, and the keys that lead from `data` to its value."""

    name: str
    path: tuple[str, ...]


@dataclass(frozen=True)
class MeterDefinition:
    """How events become a quantity: those of `event_type` that pass `filter`, by the value at `value_path`.

    `value_path` are the keys that lead from `data` to the value; empty for a count. Quantities are kept per combination
    of the values of `group_by`, which is in the order of their names.
    """

    key: str
    name: str
    unit: str
    event_type: str
    aggregation: Aggregation
    value_path: tuple[str, ...] = ()
    filter: Filter | None = None
    group_by: tuple[Dimension, ...] = ()

    @property
    def is_plain(self) -> bool:
        """A count or sum of every event of its type: what the ingest path adds up column by column."""
        return self.is_additive and self.filter is None and not self.group_by

    @property
    def is_additive(self) -> bool:
        """Quantities of two stretches of time add up to that of both."""
        return self.aggregation in (Aggregation.COUNT, Aggregation.SUM)


@dataclass(frozen=True)
class Meter:
    """A stored meter. `series` names the rollups that hold its quantities now; a rebuild makes a new series.

    `is_building` marks one that is counted from the raw events in the background and that nobody reads yet.
    """

    definition: MeterDefinition
    series: str
    is_building: bool = False


@dataclass(frozen=True)
class Rebuild:
    """A meter that is being counted from about `events_total` raw events, of which `events_done` were looked at."""

    meter: Meter
    events_total: int
    events_done: int
    started_at: datetime


class Quantity(msgspec.Struct, frozen=True):
    """An exact amount of use and how many events it comes from."""

    quantity: Decimal
    events: int


NOTHING = Quantity(Decimal(0), 0)


class Bucket(msgspec.Struct, frozen=True):
    """The use of one stretch of time that begins at `start`."""

    start: datetime
    quantity: Decimal
    events: int


class Window(msgspec.Struct, frozen=True):
    """A stretch of time cut into whole hours, which rollups answer, and the edges, which raw events answer."""

    head_start: datetime
    hours_start: datetime
    hours_end: datetime
    tail_end: datetime


def hour_of(instant: datetime) -> datetime:
    """The beginning of the hour in UTC."""
    return instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def window(start: datetime, end: datetime) -> Window:
    """Cut the half-open stretch `start` to `end`; without a whole hour in it all of it is edge."""
    first = hour_of(start)
    if first < start:
        first += HOUR
    last = hour_of(end)
    if last <= first:
        return Window(start, end, end, end)
    return Window(start, first, last, end)


@dataclass(frozen=True)
class StoredEvent:
    """One event as it is kept. `customer_id` is None as long as nobody of that name is known."""

    source: str
    id: str
    type: str
    subject: str
    customer_id: UUID | None
    occurred_at: datetime
    data_json: str
    extensions_json: str


@dataclass(frozen=True)
class EventCursor:
    """Where a page of events ended: pages go from the newest event time to the oldest."""

    occurred_at: datetime
    source: str
    id: str


@dataclass(frozen=True)
class EventCounts:
    """How many events are kept, and what needs a look."""

    stored: int
    unknown_customer: int
    unmetered: int
    conflicts: int
    rejected: int


@dataclass(frozen=True)
class Unmetered:
    """A type of events that no meter counts, with how many arrived."""

    type: str
    events: int
    last_seen_at: datetime


@dataclass(frozen=True)
class Unclaimed:
    """A subject that is no customer's, with how many events wait for it."""

    subject: str
    events: int


@dataclass(frozen=True)
class IngestHealth:
    """The last hour of ingest and what waits for a person."""

    last_received_at: datetime | None
    accepted: int
    duplicates: int
    conflicts: int
    rejected: int
    unclaimed: tuple[Unclaimed, ...]
    unmetered: tuple[Unmetered, ...]
