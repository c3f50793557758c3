"""Prices by dimension: which use a price is for, told by the values of its meter's dimensions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

# Names and values of dimensions, as metering groups use: (("kind", "input"), ("model", "large")). Absent is "".
Group = tuple[tuple[str, str], ...]

REST = "other"
# A name of a cell longer than this would not fit into an index, or on a page.
NAME_LENGTH_MAX = 1_000


@dataclass(frozen=True)
class Cell:
    """The use that one price is for: each dimension that is named has one of its values; one that is not may have any.

    A cell that names nothing takes the rest: what no other cell of the meter takes.
    """

    match: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def name(self) -> str:
        """As people read it: `kind input, model large or small`."""
        return ", ".join(f"{dimension} {' or '.join(map(_shown, values))}" for dimension, values in self.match) or REST

    @property
    def dimensions(self) -> tuple[str, ...]:
        return tuple(dimension for dimension, _ in self.match)

    def takes(self, group: Mapping[str, str]) -> bool:
        """Whether use with these values belongs here."""
        return all(group.get(dimension, "") in values for dimension, values in self.match)

    def covers(self, other: Cell) -> bool:
        """Whether it takes everything that the other one could take."""
        theirs = dict(other.match)
        return all(dimension in theirs and set(theirs[dimension]) <= set(values) for dimension, values in self.match)


@dataclass(frozen=True)
class Used:
    """A quantity and the number of events that it comes from."""

    quantity: Decimal = Decimal(0)
    events: int = 0


def split(cells: Sequence[Cell], groups: Iterable[tuple[Group, Used]]) -> list[Used]:
    """What each cell takes, and last the rest. The first cell that takes a group has it whole, so the sum stays."""
    found = [Used() for _ in range(len(cells) + 1)]
    for group, used in groups:
        values = dict(group)
        place = next((index for index, cell in enumerate(cells) if cell.takes(values)), len(cells))
        before = found[place]
        found[place] = Used(before.quantity + used.quantity, before.events + used.events)
    return found


def _shown(value: str) -> str:
    return value or "(none)"
