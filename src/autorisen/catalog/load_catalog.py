"""Read a catalog file: strict TOML, every broken rule reported with its path, nothing guessed."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from importlib.resources import files

from autorisen.catalog.errors import CatalogInvalid
from autorisen.catalog.model import (
    INTERVALS,
    LIMITS,
    UNSAVED,
    CatalogFile,
    FlatPrice,
    Interval,
    PlanDraft,
    Price,
    UsagePrice,
)
from autorisen.catalog.toml_table import Table
from autorisen.kit.money import EXPONENTS, Money
from autorisen.kit.problems import FieldError

KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
METER_KEY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,3}")
DECIMAL_PLACES_MAX = 12


def shipped_catalog() -> str:
    """The text of the catalog that comes with the platform."""
    return files("autorisen.catalog").joinpath("catalog.toml").read_text(encoding="utf-8")


def load_catalog(toml_text: str) -> CatalogFile:
    """Parse and validate a catalog file. Raises `CatalogInvalid` with one error per broken rule."""
    try:
        document = tomllib.loads(toml_text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogInvalid([FieldError("", f"must be TOML 1.0: {error}")]) from error
    errors: list[FieldError] = []
    root = Table(document, "", errors)
    effective_from = _effective_from(root)
    units = dict(_meter(table) for table in root.tables("meter"))
    drafts = [_plan(table, units) for table in root.tables("plan", required=True)]
    meters = tuple(table for table in document.get("meter", []) if isinstance(table, dict))
    root.refuse_unknown()
    if not errors:
        errors.extend(_rules_between_plans(drafts))
    if errors:
        raise CatalogInvalid(errors)
    return CatalogFile(meters, tuple(drafts), effective_from)


def _effective_from(root: Table) -> datetime | None:
    value = root.take("effective_from", required=False)
    if value is None:
        return None
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    root.fail("effective_from", "must be a date and time with a UTC offset")
    return None


def _meter(table: Table) -> tuple[str, str]:
    """Key and unit of a meter; the rest of its table is metering's to check."""
    return table.text("key", pattern=METER_KEY), table.text("unit")


def _plan(table: Table, units: dict[str, str]) -> PlanDraft:
    key = table.text("key", pattern=KEY)
    name, tagline = table.text("name"), table.text("tagline")
    rank, is_default = table.whole("rank"), table.flag("default", fallback=False)
    features = table.texts("features")
    limits = _limits(table.table("limits"))
    flat = [_flat_price(price) for price in table.tables("price", required=True)]
    table.refuse_repeats("price", [(price.currency, price.interval) for price in flat])
    currencies = tuple(dict.fromkeys(price.currency for price in flat))
    usage_tables = table.tables("usage")
    usage = [price for entry in usage_tables for price in _usage_prices(entry, units, currencies)]
    table.refuse_repeats("usage", [(price.meter, price.currency) for price in usage])
    table.refuse_unknown()
    prices: tuple[Price, ...] = (*flat, *usage)
    return PlanDraft(key, name, tagline, rank, is_default, limits, features, prices)


def _limits(table: Table) -> dict[str, int | None]:
    limits: dict[str, int | None] = {}
    for limit in LIMITS:
        if table.raw.get(limit) == "unlimited":
            table.take(limit)
            limits[limit] = None
        else:
            limits[limit] = table.whole(limit)
    table.refuse_unknown()
    return limits


def _currency(table: Table) -> str:
    return table.choice("currency", tuple(EXPONENTS))


def _flat_price(table: Table) -> FlatPrice:
    currency = _currency(table)
    interval: Interval = "year" if table.choice("interval", INTERVALS) == "year" else "month"
    amount = table.amount("amount", places=EXPONENTS[currency])
    table.refuse_unknown()
    return FlatPrice(
        UNSAVED,
        currency,
        interval,
        Money(int(amount.scaleb(EXPONENTS[currency])), currency),
    )


def _usage_prices(table: Table, units: dict[str, str], currencies: tuple[str, ...]) -> Iterator[UsagePrice]:
    meter = table.choice("meter", tuple(units), rule="must be the key of a [[meter]] in this file")
    included, overage = table.quantity("included"), table.flag("overage")
    unit_amounts: dict[str, Decimal] = {}
    for price in table.tables("price", required=overage):
        currency, unit_amount = _unit_amount(price)
        if currency in unit_amounts:
            price.fail("currency", "must not be repeated in one table")
        unit_amounts[currency] = unit_amount
    if not overage and unit_amounts:
        table.fail("price", "must be left out where overage is refused")
    for currency in sorted(unit_amounts.keys() - set(currencies)):
        table.fail("price", f"has a price in {currency}, in which the plan is not sold")
    for currency in currencies:
        if overage and currency not in unit_amounts:
            table.fail("price", f"must have a price in {currency}, in which the plan is sold")
        unit_amount = unit_amounts.get(currency, Decimal(0))
        yield UsagePrice(
            UNSAVED,
            currency,
            meter,
            included,
            unit_amount,
            units.get(meter, ""),
            overage,
        )
    table.refuse_unknown()


def _unit_amount(table: Table) -> tuple[str, Decimal]:
    """Minor units for one unit. `per` is a power of ten, so the quotient is always exact."""
    currency = _currency(table)
    amount = table.amount("amount", places=DECIMAL_PLACES_MAX)
    per = table.whole("per", fallback=1)
    digits = len(str(per)) - 1
    if per != 10**digits or digits > DECIMAL_PLACES_MAX:
        table.fail("per", f"must be a power of ten from 1 to 10^{DECIMAL_PLACES_MAX}")
        digits = 0
    table.refuse_unknown()
    # Plain digits: 20, not 2E+1, because people read it.
    unit_amount = Decimal(f"{amount.scaleb(EXPONENTS[currency] - digits).normalize():f}")
    exponent = unit_amount.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > DECIMAL_PLACES_MAX:
        table.fail(
            "amount",
            f"must leave at most {DECIMAL_PLACES_MAX} decimal places of a minor unit per unit",
        )
    return currency, unit_amount


def _rules_between_plans(drafts: list[PlanDraft]) -> Iterator[FieldError]:
    """Rules that no single plan can break: they are checked once each plan is sound."""
    for key, count in Counter(draft.plan_key for draft in drafts).items():
        if count > 1:
            yield FieldError("/plan", f"must not repeat the key {key}")
    for rank, count in Counter(draft.rank for draft in drafts).items():
        if count > 1:
            yield FieldError("/plan", f"must not repeat the rank {rank}")
    defaults = [(index, draft) for index, draft in enumerate(drafts) if draft.is_default]
    if len(defaults) != 1:
        yield FieldError("/plan", f"must have exactly one default plan, not {len(defaults)}")
        return
    index, default = defaults[0]
    flat = [price for price in default.prices if isinstance(price, FlatPrice)]
    if any(price.amount for price in flat):
        yield FieldError(
            f"/plan/{index}/price",
            "must be zero: everybody who signs up starts on the default plan",
        )
    monthly = {price.currency for price in flat if price.interval == "month"}
    for currency in sorted(EXPONENTS.keys() - monthly):
        rule = f"must have a monthly price in {currency}: customers of every currency start on the default plan"
        yield FieldError(f"/plan/{index}/price", rule)
