"""What the add-ons of a period cost: one line each, in arrears, by the time that they were there. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from autorisen import catalog, subscriptions
from autorisen.billing.model import Line, LineKind, TaxTerms
from autorisen.billing.tax import vat_contained
from autorisen.kit.money import Money, round_half_up
from autorisen.subscriptions import AddonChange, HeldAddon

# As a reader multiplies it: the last place of a month is a fortieth of a second.
_PLACES = 8
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class AddonTime:
    """The time that is charged: a period, or the part of it that is over; its fees are for all of it as planned."""

    start_at: datetime
    end_at: datetime
    planned_end_at: datetime

    @property
    def planned(self) -> int:
        return (self.planned_end_at - self.start_at) // _TICK


def addon_lines(
    plan: catalog.PlanVersion,
    changes: Sequence[AddonChange],
    time: AddonTime,
    *,
    currency: str,
    interval: catalog.Interval,
    terms: TaxTerms,
) -> tuple[Line, ...]:
    """A line for each add-on that there was some of, in the plan's order: the average quantity, times the price."""
    lines = []
    for addon in plan.addons(currency, interval):
        held = subscriptions.held_between(changes, addon.key, time.start_at, time.end_at)
        quantity = average(held, time)
        amount = Money(round_half_up(addon.amount.minor * quantity), currency)
        if amount:
            lines.append(_line(addon, held, quantity, amount, terms))
    return tuple(lines)


def average(held: Sequence[HeldAddon], time: AddonTime) -> Decimal:
    """How many there were on average of the planned time, half up to the last place."""
    used = sum(each.quantity * ((each.end_at - each.start_at) // _TICK) for each in held)
    scaled = (Fraction(used * 10**_PLACES, time.planned) + Fraction(1, 2)).__floor__()
    whole, rest = divmod(scaled, 10**_PLACES)
    return (Decimal(whole) + Decimal(rest).scaleb(-_PLACES)).normalize() if rest else Decimal(whole)


def _line(
    addon: catalog.AddonPrice, held: Sequence[HeldAddon], quantity: Decimal, amount: Money, terms: TaxTerms
) -> Line:
    least, most = min(each.quantity for each in held), max(each.quantity for each in held)
    how_many = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    by_time = "" if quantity == most else ", by the second"
    return Line(
        kind=LineKind.ADDON,
        description=f"{addon.name}: {how_many}{by_time}",
        quantity=quantity,
        included=Decimal(0),
        unit_amount=Decimal(addon.amount.minor),
        unit_label=addon.unit_label,
        amount=amount,
        tax=vat_contained(amount, terms),
        period_start=held[0].start_at,
        period_end=held[-1].end_at,
        price_id=addon.id,
    )
