"""Read the price of a `[[plan.usage]]` table or of one of its cells: the terms of one price model."""

from __future__ import annotations

from decimal import Decimal

from autorisen.catalog.price_models import (
    MODEL_NAMES,
    ZERO,
    Graduated,
    Package,
    Percentage,
    PerUnit,
    PriceModel,
    Tier,
    Volume,
)
from autorisen.catalog.toml_table import Table
from autorisen.kit.money import EXPONENTS, Money, plain

DECIMAL_PLACES_MAX = 12
PERCENT_MAX = 1000


def currency_of(table: Table) -> str:
    return table.choice("currency", tuple(EXPONENTS))


def money_of(table: Table, key: str, currency: str) -> Money:
    """An amount in whole cents."""
    amount = table.amount(key, places=EXPONENTS[currency])
    return Money(int(amount.scaleb(EXPONENTS[currency])), currency)


def model_name_of(table: Table, *, default: str, is_sold: bool = True) -> str:
    """The key of a price model; the default where the table names none."""
    if "model" not in table.raw:
        return default
    if not is_sold:
        table.take("model")
        table.fail("model", "must be left out where overage is refused")
        return default
    return table.choice("model", tuple(MODEL_NAMES.values()))


def model_of_table(table: Table, name: str, currency: str, unit: str) -> PriceModel:
    """The terms of one price of that model, for a meter that counts in that unit."""
    if name == MODEL_NAMES[Percentage] and unit in EXPONENTS and unit != currency:
        table.fail("currency", f"must be {unit}: a percentage is taken of what the meter counts, and that is {unit}")
    if name == MODEL_NAMES[Package]:
        size = table.quantity("size")
        if not size and "size" in table.raw:
            table.fail("size", "must be more than zero")
        return Package(size, _unit_amount(table, currency))
    if name == MODEL_NAMES[Percentage]:
        percent = table.amount("percent", places=DECIMAL_PLACES_MAX - 2)
        if percent > PERCENT_MAX:
            table.fail("percent", f"must be at most {PERCENT_MAX}")
        return Percentage(Decimal(plain(percent.scaleb(-2))), _fee(table, currency))
    if name in (MODEL_NAMES[Graduated], MODEL_NAMES[Volume]):
        tiers = _tiers(table, currency)
        return Graduated(tiers) if name == MODEL_NAMES[Graduated] else Volume(tiers)
    return PerUnit(_unit_amount(table, currency))


def _tiers(table: Table, currency: str) -> tuple[Tier, ...]:
    """Tiers in rising order, each beginning where the one before ends; the last one is open."""
    tables = table.tables("tiers", required=True)
    tiers: list[Tier] = []
    below = ZERO
    for number, each in enumerate(tables, start=1):
        up_to = _up_to(each, below, is_last=number == len(tables))
        tiers.append(Tier(up_to, _unit_amount(each, currency), _fee(each, currency)))
        below = below if up_to is None else up_to
        each.refuse_unknown()
    return tuple(tiers)


def _up_to(table: Table, below: Decimal, *, is_last: bool) -> Decimal | None:
    if "up_to" not in table.raw:
        if not is_last:
            table.fail("up_to", "is required: only the last tier is open")
        return None
    up_to = table.quantity("up_to")
    if is_last:
        table.fail("up_to", "must be left out: the last tier is open, or use beyond it would have no price")
    elif up_to <= below:
        table.fail("up_to", f"must be more than {below:f}, where this tier begins")
    return up_to


def _unit_amount(table: Table, currency: str) -> Decimal:
    """Minor units for one unit. `per` is a power of ten, so the quotient is always exact."""
    amount = table.amount("amount", places=DECIMAL_PLACES_MAX)
    per = table.whole("per", fallback=1)
    digits = len(str(per)) - 1
    if per != 10**digits or digits > DECIMAL_PLACES_MAX:
        table.fail("per", f"must be a power of ten from 1 to 10^{DECIMAL_PLACES_MAX}")
        digits = 0
    return _minor(table, "amount", amount, currency, digits)


def _fee(table: Table, currency: str) -> Decimal:
    if "fee" not in table.raw:
        return ZERO
    return _minor(table, "fee", table.amount("fee", places=DECIMAL_PLACES_MAX), currency)


def _minor(table: Table, key: str, amount: Decimal, currency: str, digits: int = 0) -> Decimal:
    """Exact minor units of an amount for 10^digits units, in plain digits: 20, not 2E+1, because people read it."""
    minor = Decimal(plain(amount.scaleb(EXPONENTS[currency] - digits)))
    exponent = minor.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > DECIMAL_PLACES_MAX:
        table.fail(key, f"must leave at most {DECIMAL_PLACES_MAX} decimal places of a minor unit per unit")
    return minor
