"""Revenue as bars: whole numbers of a drawing that is as wide as it has months. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from autorisen.billing import revenue
from autorisen.kit.money import Money

# One month is a column of so many units; its bar leaves the same room on both sides.
COLUMN, BAR = 20, 14
HEIGHT = 100
# A drawing has so many columns at least: two months are not two walls. The ones before the first month are empty.
COLUMNS_MIN = 12
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
    """Bars over months. `zero` is the height at which nothing is; `top` and `bottom` are the amounts at the ends."""

    bars: tuple[Bar, ...]
    months: tuple[date, ...]
    zero: int
    top: Money | None = None
    bottom: Money | None = None

    @property
    def width(self) -> int:
        return COLUMN * len(self.months)


def mrr_chart(months: Sequence[revenue.MrrMonth]) -> Chart:
    """The MRR that each month ended with."""
    most = max((each.closing for each in months), key=lambda each: each.minor, default=None)
    bars = [
        Bar(_x(column), HEIGHT - size, size, "bar-1", each.month, "MRR", each.closing)
        for column, each in enumerate(months, _empty(months))
        if most and (size := _size(each.closing.minor, most.minor, HEIGHT))
    ]
    return Chart(tuple(bars), _columns(months), HEIGHT, most or None)


def moves_chart(months: Sequence[revenue.MrrMonth]) -> Chart:
    """What moved it: what came stands on the line, what went hangs below it."""
    up = max((sum(_came(each)) for each in months), default=0)
    down = max((sum(_went(each)) for each in months), default=0)
    zero = _size(up, up + down, HEIGHT) if up + down else HEIGHT
    bars: list[Bar] = []
    for column, each in enumerate(months, _empty(months)):
        top = bottom = zero
        for (words, css), minor in zip(CAME, _came(each), strict=True):
            size = _size(minor, up + down, HEIGHT)
            top -= size
            bars.append(Bar(_x(column), top, size, css, each.month, words, Money(minor, each.closing.currency)))
        for (words, css), minor in zip(WENT, _went(each), strict=True):
            size = _size(minor, up + down, HEIGHT)
            bars.append(Bar(_x(column), bottom, size, css, each.month, words, Money(-minor, each.closing.currency)))
            bottom += size
    ends = (Money(minor, months[0].closing.currency) if minor else None for minor in (up, -down))
    return Chart(tuple(bar for bar in bars if bar.height), _columns(months), zero, *ends)


def _empty(months: Sequence[revenue.MrrMonth]) -> int:
    """How many columns come before the first month."""
    return max(COLUMNS_MIN - len(months), 0)


def _columns(months: Sequence[revenue.MrrMonth]) -> tuple[date, ...]:
    """The months, and as many before them as there are empty columns."""
    shown = [each.month for each in months]
    while shown and len(shown) < COLUMNS_MIN:
        shown.insert(0, (shown[0] - timedelta(days=1)).replace(day=1))
    return tuple(shown)


def _came(month: revenue.MrrMonth) -> tuple[int, int, int]:
    return month.new.minor, month.expansion.minor, month.reactivation.minor


def _went(month: revenue.MrrMonth) -> tuple[int, int]:
    return -month.contraction.minor, -month.churn.minor


def _x(column: int) -> int:
    return COLUMN * column + (COLUMN - BAR) // 2


def _size(minor: int, most: int, height: int) -> int:
    """As high as its share of the greatest, and never so low that it is not there."""
    return max(minor * height // most, 1) if minor > 0 else 0
