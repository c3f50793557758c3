"""How events arrive, as an operator looks at it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from autorisen.metering.model import OPERATOR

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# A meter's key is words of a-z, 0-9 and _ joined by dots; anything else of a type becomes _.
_NO_KEY = re.compile(r"[^a-z0-9_.]+")


@dataclass(frozen=True)
class Counts:
    """What became of events that arrived in some time."""

    batches: int = 0
    accepted: int = 0
    duplicates: int = 0
    conflicts: int = 0
    rejected: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.batches + other.batches,
            self.accepted + other.accepted,
            self.duplicates + other.duplicates,
            self.conflicts + other.conflicts,
            self.rejected + other.rejected,
        )

    @property
    def received(self) -> int:
        return self.accepted + self.duplicates + self.conflicts + self.rejected


@dataclass(frozen=True)
class Rates:
    """What arrived in the last hour, the last day, and in each hour of that day. `last_at` is the last batch ever."""

    last_at: datetime | None
    hour: Counts
    day: Counts
    hours: Mapping[datetime, Counts]


@dataclass(frozen=True)
class Lag:
    """How long after their time the newest events arrived; events that carry no time of their own are left out.

    `late` arrived more than an hour after it, `very_late` more than a day, `ahead` before it.
    """

    events: int
    median: timedelta
    p95: timedelta
    longest: timedelta
    late: int
    very_late: int
    ahead: int


@dataclass(frozen=True)
class Source:
    """One source of one producer among the newest events."""

    tenant: UUID
    name: str
    events: int
    last_received_at: datetime
    last_event_at: datetime

    @property
    def is_operators(self) -> bool:
        return self.tenant == OPERATOR


@dataclass(frozen=True)
class Newest:
    """The events that arrived last, up to a number of them, without backfills: since when, how late, from where.

    `silent` are known sources of which none is among them.
    """

    since: datetime | None
    events: int
    lag: Lag | None
    sources: tuple[Source, ...]
    silent: tuple[tuple[UUID, str], ...]


def chart_of(rates: Rates, now: datetime, time_zone: str) -> Mapping[str, object]:
    """What static/js/usage-chart.js draws: each hour of the last day, by what became of the events."""
    first = now.replace(minute=0, second=0, microsecond=0) - DAY + HOUR
    starts = [first + n * HOUR for n in range(24)]
    counts = [rates.hours.get(start, Counts()) for start in starts]
    series = {
        "Accepted": [each.accepted for each in counts],
        "Duplicates": [each.duplicates for each in counts],
        "Rejected": [each.rejected for each in counts],
        "Conflicts": [each.conflicts for each in counts],
    }
    return {
        "label": "Events",
        "unit": "events",
        "bucket": "hour",
        "time_zone": time_zone,
        "stacked": True,
        "starts": [int(start.timestamp()) for start in starts],
        "series": [{"label": name, "values": [str(value) for value in values]} for name, values in series.items()],
    }


def meter_text(event_type: str) -> str:
    """A count of that type as the catalog file says it, to begin from."""
    words = _NO_KEY.sub("_", event_type.lower()).split(".")
    key = ".".join(word if word[:1].isalpha() else f"t{word}" for word in words if word) or "events"
    name = json.dumps(event_type, ensure_ascii=False)
    lines = (
        "[[meter]]",
        f'key = "{key}"',
        f"name = {name}",
        f"event_type = {name}",
        'aggregation = "count"',
        'unit = "events"',
    )
    return "\n".join(lines)


def put_together(rows: Sequence[tuple[datetime, Counts, Counts]], last_at: datetime | None) -> Rates:
    """From the counts of each hour of the day, and of the part of it that is in the last hour."""
    day, hour = Counts(), Counts()
    for _, whole, recent in rows:
        day, hour = day + whole, hour + recent
    return Rates(last_at, hour, day, {start: whole for start, whole, _ in rows})
