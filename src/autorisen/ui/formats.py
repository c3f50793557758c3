"""How money, quantities and times read on a page: South African English by CLDR, exact, never rounded for looks."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_currency, format_decimal, format_percent
from jinja2 import pass_context
from jinja2.runtime import Context

from autorisen.kit.money import EXPONENTS, Money

LOCALE = "en_ZA"
DEFAULT_ZONE = ZoneInfo("Africa/Johannesburg")
DASH = "\N{EN DASH}"
MILLION = 1_000_000
_AMOUNT = re.compile(rf"\b({'|'.join(EXPONENTS)}) (-?[0-9]+\.[0-9]{{2}})\b")
LEAST_SHOWN = Decimal("0.01")


def money(amount: Money | None) -> str:
    """An exact amount with its currency; a dash when there is none."""
    return DASH if amount is None else amount.format(LOCALE)


def amounts_for_people(text: str) -> str:
    """Words of a rule, whose amounts are as machines read them ("ZAR 5000.00"), with these as pages show them."""
    return _AMOUNT.sub(lambda found: money(Money.parse(found[2], found[1])), text)


def number(value: int | Decimal | None) -> str:
    """A quantity, every digit of it, in groups of three."""
    if value is None:
        return DASH
    exact = Decimal(value)
    places = max(0, -int(exact.normalize().as_tuple().exponent)) if exact else 0
    return str(format_decimal(exact, format="#,##0." + "0" * places if places else "#,##0", locale=LOCALE))


def compact(value: int | Decimal) -> str:
    """A short form for chart labels and bars: 18.1M. Never for money."""
    size = Decimal(value)
    for limit, suffix in ((Decimal(10**9), "B"), (Decimal(10**6), "M"), (Decimal(10**3), "k")):
        if abs(size) >= limit:
            return f"{(size / limit).quantize(Decimal('0.1')).normalize():f}{suffix}".replace(".", ",")
    return number(value)


def unit_price(unit_amount: Decimal, currency: str, unit: str = "unit") -> str:
    """A price per unit (`unit_amount` is minor units for one); below a cent it is said per 1 million units.

    Exact: the scale changes, the digits do not. `unit` is its name, singular or plural.
    """
    price = Decimal(unit_amount).scaleb(-EXPONENTS[currency]).normalize()
    singular = unit.removesuffix("s")
    words = singular
    if 0 < price < LEAST_SHOWN:
        price, words = (price * MILLION).normalize(), f"1\N{NO-BREAK SPACE}million {singular}s"
    return f"{_exact(price, currency)} per {words}"


def exact_money(minor: Decimal, currency: str) -> str:
    """An amount in minor units with all its digits, parts of a cent too: R0,0025."""
    return _exact(minor.scaleb(-EXPONENTS[currency]).normalize(), currency)


def _exact(major: Decimal, currency: str) -> str:
    places = max(EXPONENTS[currency], -int(major.as_tuple().exponent))
    return str(format_currency(major, currency, f"\xa4#,##0.{'0' * places}", locale=LOCALE, currency_digits=False))


def percent(share: Decimal) -> str:
    """A share of one as a percentage without decimals."""
    return str(format_percent(share, locale=LOCALE))


def per_mille(share: int | None) -> str:
    """A share in thousandths as a percentage with one decimal: 12,3%."""
    return DASH if share is None else str(format_percent(Decimal(share).scaleb(-3), "#,##0.0%", locale=LOCALE))


def zone_of(context: Context) -> tzinfo:
    viewer = context.get("viewer")
    return ZoneInfo(viewer.time_zone) if viewer else DEFAULT_ZONE


@pass_context
def date_filter(context: Context, value: datetime | date | None) -> str:
    """1 Mar 2026, in the viewer's time zone."""
    if value is None:
        return DASH
    day = value.astimezone(zone_of(context)) if isinstance(value, datetime) else value
    return str(format_date(day, "d MMM y", locale=LOCALE))


@pass_context
def datetime_filter(context: Context, value: datetime | None) -> str:
    """1 Mar 2026, 08:00, in the viewer's time zone."""
    if value is None:
        return DASH
    return str(format_datetime(value.astimezone(zone_of(context)), "d MMM y, HH:mm", locale=LOCALE))


def ago(value: datetime, now: datetime) -> str:
    """ "3 minutes ago", "in 2 days" or "just now"."""
    if abs(value - now) < timedelta(seconds=1):
        return "just now"
    return str(format_timedelta(value - now, add_direction=True, locale=LOCALE))


def duration(value: timedelta) -> str:
    """ "3 minutes", and "under a second"; the sign is left to the words around it."""
    if abs(value) < timedelta(seconds=1):
        return "under a second"
    return str(format_timedelta(abs(value), locale=LOCALE, threshold=1.5))


def last_instant(end: datetime) -> datetime:
    """The last day inside a half-open period, for "1 Mar to 31 Mar"."""
    return end - timedelta(microseconds=1)


FILTERS: dict[str, Any] = {
    "ago": ago,
    "compact": compact,
    "date": date_filter,
    "datetime": datetime_filter,
    "duration": duration,
    "last_instant": last_instant,
    "money": money,
    "number": number,
    "per_mille": per_mille,
    "percent": percent,
    "unit_price": unit_price,
}
