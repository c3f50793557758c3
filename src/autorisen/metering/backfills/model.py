"""What to backfill and how, and how far it is. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from hashlib import blake2b
from typing import Self
from uuid import UUID
from zoneinfo import ZoneInfo

from autorisen.kit.problems import FieldError
from autorisen.kit.time_zones import time_zones
from autorisen.metering.errors import InvalidBackfill
from autorisen.metering.model import Receipt, Status

ATTRIBUTES = ("id", "source", "type", "subject", "time", "data")
TAG_LIMIT = 120


@dataclass(frozen=True)
class BackfillOptions:
    """How rows become events.

    `columns` maps `time`, `id`, `type`, `source`, `subject`, `data` or `data.<name>` to a column of the file; the
    constants fill what no column gives. Without a map, columns that are named like an attribute are it.
    `shift_to` moves the first event to that instant, and `stretch` multiplies the distance of every event from the
    first one: the amounts stay what they were, the times do not.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    type: str | None = None
    source: str = "import"
    subject: str | None = None
    time_zone: str = "UTC"
    shift_to: datetime | None = None
    stretch: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        for attribute in self.columns:
            if not is_attribute(attribute):
                rule = f"must be one of {', '.join(ATTRIBUTES)} or data.<name>"
                raise InvalidBackfill(f"--map {attribute} {rule}", errors=[FieldError(f"map/{attribute}", rule)])
        if not 0 < self.stretch <= 1_000_000:
            rule = "must be above 0 and at most 1,000,000"
            raise InvalidBackfill(f"--stretch {rule}", errors=[FieldError("stretch", rule)])
        if self.time_zone not in time_zones():
            rule = "must be the IANA name of a time zone, like Africa/Johannesburg"
            raise InvalidBackfill(f"--time-zone {rule}", errors=[FieldError("time_zone", rule)])

    @property
    def moves_time(self) -> bool:
        return self.shift_to is not None or self.stretch != 1

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def place(self, time: datetime, first: datetime) -> datetime:
        """Where an event at `time` comes to lie, when the first one of the file is at `first`; exact to 1 us."""
        distance = Fraction((time - first) // timedelta(microseconds=1)) * Fraction(self.stretch)
        return (self.shift_to or first) + timedelta(microseconds=round(distance))

    def digest(self, content: bytes) -> bytes:
        """Names a backfill: the same content with the same options is the same one, whatever the file is called."""
        columns = sorted(self.columns.items())
        shown = repr((columns, self.type, self.source, self.subject, self.time_zone, self.shift_to, str(self.stretch)))
        return blake2b(content + shown.encode(), digest_size=16).digest()

    def described(self) -> dict[str, object]:
        """What was asked for, without what was left at its default, as it is kept with the backfill."""
        asked: dict[str, object] = {
            "map": dict(sorted(self.columns.items())),
            "type": self.type,
            "source": self.source,
            "subject": self.subject,
            "time_zone": self.time_zone if self.time_zone != "UTC" else None,
            "shift_to": self.shift_to.isoformat() if self.shift_to else None,
            "stretch": str(self.stretch) if self.stretch != 1 else None,
        }
        return {name: value for name, value in asked.items() if value}


def is_attribute(name: str) -> bool:
    return name in ATTRIBUTES or (name.startswith("data.") and len(name) > len("data."))


class BackfillState(StrEnum):
    """Where a backfill stands. What was interrupted stays `running` or `reverting`, and can go on."""

    RUNNING = "running"
    DONE = "done"
    REVERTING = "reverting"
    REVERTED = "reverted"


@dataclass(frozen=True)
class RowCounts:
    """What became of rows. `restored` are events of a reverted backfill that count again, as this file has them."""

    accepted: int = 0
    restored: int = 0
    duplicates: int = 0
    conflicts: int = 0
    rejected: int = 0

    @classmethod
    def of(cls, receipt: Receipt) -> Self:
        return cls(receipt.accepted, 0, receipt.duplicates, receipt.conflicts, receipt.rejected)

    def __add__(self, other: RowCounts) -> RowCounts:
        return RowCounts(
            self.accepted + other.accepted,
            self.restored + other.restored,
            self.duplicates + other.duplicates,
            self.conflicts + other.conflicts,
            self.rejected + other.rejected,
        )


@dataclass(frozen=True)
class Backfill:
    """One backfill: `next_row` is the first row that is not stored yet, `counts` what became of the rows before it.

    `reverted_upto` is the last batch whose events were taken back.
    """

    id: UUID
    tag: str
    actor: str
    file_name: str
    file_digest: bytes
    digest: bytes
    options: Mapping[str, object]
    state: BackfillState
    rows: int
    next_row: int
    counts: RowCounts
    started_at: datetime
    finished_at: datetime | None = None
    reverted_upto: UUID | None = None
    reverted_events: int = 0
    reverted_at: datetime | None = None
    reverted_by: str | None = None

    @property
    def events(self) -> int:
        """How many events it stored or restored: what a revert takes back."""
        return self.counts.accepted + self.counts.restored


@dataclass(frozen=True)
class Refusal:
    """A row that does not count, and why; rows are numbered from 1, without the header."""

    row: int
    id: str | None
    status: Status
    reason: str


@dataclass(frozen=True)
class BackfillReport:
    """What became of a file. `resumed_at` is the row at which an interrupted backfill went on; 0 for a whole one.

    `done_before` is when all of it was stored already, so that nothing was left to do.
    """

    tag: str
    rows: int
    counts: RowCounts
    resumed_at: int
    done_before: datetime | None = None
    first_refusals: Sequence[Refusal] = ()
