"""What OpenMeter's clients ask, and rows of what they are answered. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from autorisen.metering.model import EventCursor, Group, StoredEvent

WindowSize = Literal["MINUTE", "HOUR", "DAY", "MONTH"]

# What rows are grouped by besides the dimensions of a meter.
SUBJECT, CUSTOMER = "subject", "customer_id"


@dataclass(frozen=True)
class MeterQuestion:
    """The use of one meter from `start` up to, not including, `end`, in windows or in all.

    `subjects` and `customers` name whose; the key's own customer when both are empty. `only` limits to events with
    these values of dimensions. `since` and `to` are repeated as they were asked.
    """

    start: datetime
    end: datetime
    since: str | None
    to: str | None
    window: WindowSize | None
    time_zone: str
    subjects: tuple[str, ...]
    customers: tuple[str, ...]
    group_by: tuple[str, ...]
    only: Group

    @property
    def dimensions(self) -> tuple[str, ...]:
        """What is grouped by of the meter's own."""
        return tuple(name for name in self.group_by if name not in (SUBJECT, CUSTOMER))


@dataclass(frozen=True)
class MeterRow:
    """The use of one customer, and of one group of events, in one window."""

    value: Decimal
    start: datetime
    end: datetime
    subject: str | None
    customer_id: str | None
    group: Group


@dataclass(frozen=True)
class EventQuestion:
    """Which stored events, newest first: by time of use and of arrival, and after where the page before ended.

    `part_of_id` is a part of their ids; of the lists None means any.
    """

    start: datetime
    end: datetime
    ingested_start: datetime
    ingested_end: datetime
    limit: int
    part_of_id: str = ""
    ids: tuple[str, ...] | None = None
    sources: tuple[str, ...] | None = None
    types: tuple[str, ...] | None = None
    subjects: tuple[str, ...] | None = None
    customers: tuple[str, ...] | None = None
    after: EventCursor | None = None


@dataclass(frozen=True)
class IngestedEvent:
    """A stored event and when it arrived."""

    event: StoredEvent
    ingested_at: datetime
