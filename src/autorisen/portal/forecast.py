"""What the running period will come to, if use goes on as in the last days. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from autorisen import catalog
from autorisen.billing import CostSoFar
from autorisen.catalog import PlanVersion, UsagePrice, Used
from autorisen.kit.money import Money
from autorisen.metering import NOTHING, MeterDefinition, Quantity
from autorisen.subscriptions import Standing

# A week has each kind of day once.
LOOKED_AT = timedelta(days=7)
# Before a whole day is known, one busy hour would be taken for a month.
KNOWN_LEAST = timedelta(days=1)
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Pace:
    """The time whose average is taken to go on."""

    start: datetime
    end: datetime

    @property
    def days(self) -> int:
        """Whole days, at least one."""
        return (self.end - self.start) // timedelta(days=1)


@dataclass(frozen=True)
class MeterForecast:
    """One meter of the period: `expected` is None for what does not add up over time, `included` where it has no price.

    `is_refused` says that nothing beyond what is included is charged.
    """

    meter: MeterDefinition
    used: Quantity
    expected: Quantity | None
    included: Decimal | None
    is_refused: bool

    @property
    def is_beyond(self) -> bool:
        return self.expected is not None and self.included is not None and self.expected.quantity > self.included


@dataclass(frozen=True)
class Forecast:
    """The period to its end. `pace` is None, and nothing is expected, while too little is known."""

    start_at: datetime
    end_at: datetime
    pace: Pace | None
    days_left: int
    meters: tuple[MeterForecast, ...]
    cost_so_far: Money
    cost: Money | None


def pace_of(now: datetime, known_since: datetime) -> Pace | None:
    """The last seven days, or as many as are known; None before there is a whole one."""
    start = max(now - LOOKED_AT, known_since)
    return Pace(start, now) if now - start >= KNOWN_LEAST else None


def expected(used: Quantity, recent: Quantity, pace: Pace, end_at: datetime) -> Quantity:
    """What was used, and for the time that is left the average of the pace."""
    share = Fraction(_microseconds(end_at - pace.end), _microseconds(pace.end - pace.start))
    if share <= 0:
        return used
    more = Fraction(recent.quantity) * share
    quantity = Decimal(more.numerator) / Decimal(more.denominator) + used.quantity
    whole = (
        used.quantity == used.quantity.to_integral_value() and recent.quantity == recent.quantity.to_integral_value()
    )
    step = Decimal(1) if whole or quantity >= 100 else _CENT
    return Quantity(quantity.quantize(step, ROUND_HALF_UP), used.events + round(recent.events * share))


def _microseconds(time: timedelta) -> int:
    return time // timedelta(microseconds=1)


def forecast_of(
    *,
    now: datetime,
    terms: Standing,
    plan: PlanVersion,
    currency: str,
    meters: Sequence[MeterDefinition],
    used: Mapping[str, Quantity],
    recent: Mapping[str, Quantity],
    pace: Pace | None,
    cost: CostSoFar,
) -> Forecast:
    """The forecast of every meter and of the cost: fees stay, usage is rated as the close rates it."""
    months = catalog.months_of(terms.interval)
    prices = {price.meter: price for price in plan.usage_prices(currency)}
    rows = []
    for meter in meters:
        so_far, price = used.get(meter.key, NOTHING), prices.get(meter.key)
        known = None
        if pace is not None and meter.is_additive:
            known = expected(so_far, recent.get(meter.key, NOTHING), pace, terms.end_at)
        included = None if price is None else price.included * months
        rows.append(MeterForecast(meter, so_far, known, included, price is not None and not price.overage_allowed))
    total = None
    if pace is not None:
        quantities = {row.meter.key: row.expected or row.used for row in rows}
        rated = [
            each.amount
            for key, price in prices.items()
            for each in catalog.rate_cells(price, _by_cell(price, quantities.get(key, NOTHING), cost), months=months)
        ]
        total = sum(rated, start=cost.total - cost.usage_total)
    days_left = -(-max(terms.end_at - now, timedelta(0)) // timedelta(days=1))
    return Forecast(terms.start_at, terms.end_at, pace, days_left, tuple(rows), cost.total, total)


def _by_cell(price: UsagePrice, whole: Quantity, cost: CostSoFar) -> list[Used]:
    """The quantity cut as the use so far is, where the price depends on the meter's dimensions."""
    so_far = {line.cell: line.quantity for line in cost.lines if line.meter == price.meter}
    used = sum(so_far.values())
    found = []
    for each in price.cells:
        share = Fraction(so_far.get(each.cell, 0)) / Fraction(used) if used else Fraction(0)
        part = Fraction(whole.quantity) * share
        found.append(Used((Decimal(part.numerator) / Decimal(part.denominator)).quantize(_CENT, ROUND_HALF_UP)))
    rest = whole.quantity - sum((each.quantity for each in found), Decimal(0))
    return [*found, Used(max(rest, Decimal(0)), whole.events)]
