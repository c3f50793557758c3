"""Revenue as bars: whole numbers of a drawing that is as wide as it has months. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from autorisen.billing import revenue
from autorisen.kit.money import Money

# One month is a column of so many units; its bar leaves the same room on both sides.
COLUMN, BAR = 20, 14
HEIGHT = 100
CAME = (("New", "bar-1"), ("Expansion", "bar-2"), ("Reactivation", "bar-3"))
WENT = (("Contraction", "bar-5"), ("Churn", "bar-4"))


@dataclass(frozen=True)
class Bar:
    """One rectangle. `css` names its colour, `words` say what it is."""

    x: int
    y: int
    height: int
    css: str
    month: date
    words: str
    amount: Money


@dataclass(frozen=True)
class Chart:
    """Bars over months. `zero` is the height at which nothing is."""

    bars: tuple[Bar, ...]
    months: tuple[date, ...]
    zero: int

    @property
    def width(self) -> int:
        return COLUMN * len(self.months)


def mrr_chart(months: Sequence[revenue.MrrMonth]) -> Chart:
    """The MRR that each month ended with."""
    most = max((each.closing.minor for each in months), default=0)
    bars = [
        Bar(_x(column), HEIGHT - size, size, "bar-1", each.month, "MRR", each.closing)
        for column, each in enumerate(months)
        if (size := _size(each.closing.minor, most, HEIGHT))
    ]
    return Chart(tuple(bars), tuple(each.month for each in months), HEIGHT)


def moves_chart(months: Sequence[revenue.MrrMonth]) -> Chart:
    """What moved it: what came stands on the line, what went hangs below it."""
    up = max((sum(_came(each)) for each in months), default=0)
    down = max((sum(_went(each)) for each in months), default=0)
    zero = _size(up, up + down, HEIGHT) if up + down else HEIGHT
    bars: list[Bar] = []
    for column, each in enumerate(months):
        top = bottom = zero
        for (words, css), minor in zip(CAME, _came(each), strict=True):
            size = _size(minor, up + down, HEIGHT)
            top -= size
            bars.append(Bar(_x(column), top, size, css, each.month, words, Money(minor, each.closing.currency)))
        for (words, css), minor in zip(WENT, _went(each), strict=True):
            size = _size(minor, up + down, HEIGHT)
            bars.append(Bar(_x(column), bottom, size, css, each.month, words, Money(-minor, each.closing.currency)))
            bottom += size
    return Chart(tuple(bar for bar in bars if bar.height), tuple(each.month for each in months), zero)


def _came(month: revenue.MrrMonth) -> tuple[int, int, int]:
    return month.new.minor, month.expansion.minor, month.reactivation.minor


def _went(month: revenue.MrrMonth) -> tuple[int, int]:
    return -month.contraction.minor, -month.churn.minor


def _x(column: int) -> int:
    return COLUMN * column + (COLUMN - BAR) // 2


def _size(minor: int, most: int, height: int) -> int:
    """As high as its share of the greatest, and never so low that it is not there."""
    return max(minor * height // most, 1) if minor > 0 else 0
