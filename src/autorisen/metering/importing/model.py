"""What to import and how, and how far it is. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from hashlib import blake2b

from autorisen.kit.problems import FieldError
from autorisen.metering.errors import InvalidImport
from autorisen.metering.model import Receipt

_ATTRIBUTES = ("id", "source", "type", "subject", "time")


@dataclass(frozen=True)
class ImportOptions:
    """How rows become events.

    `columns` maps `time`, `id`, `type`, `source`, `subject` or `data.<name>` to a column of a CSV file; the constants
    fill what no column gives. `shift_to` moves the first event to that instant, and `stretch` multiplies the distance
    of every event from the first one: the amounts stay what they were, the times do not.
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
            if attribute not in _ATTRIBUTES and not attribute.startswith("data."):
                rule = f"must be one of {', '.join(_ATTRIBUTES)} or data.<name>"
                raise InvalidImport(f"--map {attribute} {rule}", errors=[FieldError(f"map/{attribute}", rule)])
        if not 0 < self.stretch <= 1_000_000:
            rule = "must be above 0 and at most 1,000,000"
            raise InvalidImport(f"--stretch {rule}", errors=[FieldError("stretch", rule)])

    @property
    def moves_time(self) -> bool:
        return self.shift_to is not None or self.stretch != 1

    def place(self, time: datetime, first: datetime) -> datetime:
        """Where an event at `time` comes to lie, when the first one of the file is at `first`; exact to 1 us."""
        distance = Fraction((time - first) // timedelta(microseconds=1)) * Fraction(self.stretch)
        return (self.shift_to or first) + timedelta(microseconds=round(distance))

    def digest(self, content: bytes) -> bytes:
        """Names this import: the same content with the same options is the same import, whatever the file is called."""
        columns = sorted(self.columns.items())
        shown = repr((columns, self.type, self.source, self.subject, self.time_zone, self.shift_to, str(self.stretch)))
        return blake2b(content + shown.encode(), digest_size=16).digest()


@dataclass(frozen=True)
class ImportState:
    """How far an import is: `next_row` is the first row that is not stored yet."""

    next_row: int
    accepted: int
    duplicates: int
    conflicts: int
    rejected: int
    finished_at: datetime | None = None

    def plus(self, rows: int, receipt: Receipt) -> ImportState:
        return ImportState(
            self.next_row + rows,
            self.accepted + receipt.accepted,
            self.duplicates + receipt.duplicates,
            self.conflicts + receipt.conflicts,
            self.rejected + receipt.rejected,
        )


@dataclass(frozen=True)
class ImportReport:
    """What became of a file. `resumed_at` is the row at which an interrupted import went on; 0 for a whole one."""

    rows: int
    accepted: int
    duplicates: int
    conflicts: int
    rejected: int
    resumed_at: int
    first_reasons: Sequence[str] = ()
