"""What an audit finds: the row that is wrong, what was expected of it, what is there. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from autorisen.kit.money import Money

# What one check lists; beyond it findings are only counted.
LISTED_LIMIT = 1_000


@dataclass(frozen=True)
class Finding:
    """One thing that is not as the facts say: the row, what was expected of it, what is there.

    `cents` is by how many minor units of `currency`; 0 where no money differs, such as for a missing period.
    """

    kind: str
    row: str
    expected: str
    found: str
    cents: int = 0
    currency: str = ""


def _nobody(compared: int) -> None:
    """Nobody wants to know how far a check is."""


@dataclass
class Findings:
    """What one check came to: how many things it compared, how many are wrong, and the first of those.

    `tell` is called with how many it has compared so far.
    """

    check: str
    tell: Callable[[int], None] = _nobody
    compared: int = 0
    wrong: int = 0
    cents: int = 0
    listed: list[Finding] = field(default_factory=list)

    def count(self, compared: int) -> None:
        """So many more were compared."""
        self.compared += compared
        self.tell(self.compared)

    def add(self, found: Sequence[Finding]) -> None:
        self.wrong += len(found)
        self.cents += sum(each.cents for each in found)
        self.listed += found[: max(0, LISTED_LIMIT - len(self.listed))]


def amounts_differ(kind: str, row: str, expected: Money, found: Money) -> list[Finding]:
    """The finding of two amounts that ought to be one; empty when they are."""
    if expected == found:
        return []
    cents = abs(expected.minor - found.minor)
    return [Finding(kind, row, str(expected), str(found), cents, expected.currency)]
