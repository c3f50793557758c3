"""Read a catalog file: strict TOML, every broken rule reported with its path, nothing guessed."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files

from autorisen.catalog.errors import CatalogInvalid
from autorisen.catalog.load_addons import addon_prices
from autorisen.catalog.load_cells import MeterTerms, dimensions_of
from autorisen.catalog.load_coupons import coupons
from autorisen.catalog.load_price_model import currency_of, money_of
from autorisen.catalog.load_usage_price import usage_prices
from autorisen.catalog.model import (
    INTERVALS,
    LIMITS,
    UNSAVED,
    CatalogFile,
    FlatPrice,
    Interval,
    PlanDraft,
    Price,
)
from autorisen.catalog.toml_table import Table
from autorisen.kit.money import EXPONENTS
from autorisen.kit.problems import FieldError

KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
TRIAL_DAYS_MAX = 365
RANK_MAX = 1_000_000
METER_KEY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,3}")


def shipped_catalog() -> str:
    """The text of the catalog that comes with the platform."""
    return files("autorisen.catalog").joinpath("catalog.toml").read_text(encoding="utf-8")


def load_catalog(toml_text: str) -> CatalogFile:
    """Parse and validate a catalog file. Raises `CatalogInvalid` with one error per broken rule."""
    try:
        document = tomllib.loads(toml_text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogInvalid([FieldError("", f"must be TOML 1.0: {error}")]) from error
    except RecursionError:
        raise CatalogInvalid([FieldError("", "must not nest so deep")]) from None
    errors = list(_control_characters(document, ""))
    root = Table(document, "", errors)
    effective_from = root.instant("effective_from")
    known = dict(_meter(table) for table in root.tables("meter"))
    drafts = [_plan(table, known) for table in root.tables("plan", required=True)]
    offered = coupons(root, [draft.plan_key for draft in drafts])
    meters = tuple(table for table in document.get("meter", []) if isinstance(table, dict))
    root.refuse_unknown()
    if not errors:
        errors.extend(_rules_between_plans(drafts))
    if errors:
        raise CatalogInvalid(errors)
    return CatalogFile(meters, tuple(drafts), effective_from, offered)


def _control_characters(value: object, path: str) -> Iterator[FieldError]:
    """Every text of the file that is not one line, also where others read it: no name has a break, nor a NUL."""
    if isinstance(value, str):
        if _CONTROL.search(value):
            yield FieldError(path, "must be one line, without control characters")
    elif isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _control_characters(each, f"{path}/{key}")


def _meter(table: Table) -> tuple[str, MeterTerms]:
    """Key of a meter and what its prices have to know; the rest of its table is metering's to check."""
    terms = MeterTerms(
        unit=table.text("unit"),
        aggregation=str(table.raw.get("aggregation")),
        dimensions=dimensions_of(table.raw.get("group_by")),
    )
    return table.text("key", pattern=METER_KEY), terms


def _plan(table: Table, meters: dict[str, MeterTerms]) -> PlanDraft:
    key = table.text("key", pattern=KEY)
    name, tagline = table.text("name"), table.text("tagline")
    rank, is_default = table.whole("rank", most=RANK_MAX), table.flag("default", fallback=False)
    features = table.texts("features")
    trial_days = _trial_days(table)
    limits = _limits(table.table("limits"))
    flat = [_flat_price(price) for price in table.tables("price", required=True)]
    table.refuse_repeats("price", [(price.currency, price.interval) for price in flat])
    currencies = tuple(dict.fromkeys(price.currency for price in flat))
    usage_tables = table.tables("usage")
    usage = [price for entry in usage_tables for price in usage_prices(entry, meters, currencies)]
    table.refuse_repeats("usage", [(price.meter, price.currency) for price in usage])
    prices: tuple[Price, ...] = (*flat, *usage, *addon_prices(table, limits))
    table.refuse_unknown()
    return PlanDraft(key, name, tagline, rank, is_default, limits, features, prices, trial_days)


def _trial_days(table: Table) -> int | None:
    if "trial_days" not in table.raw:
        return None
    days = table.whole("trial_days")
    if not 1 <= days <= TRIAL_DAYS_MAX:
        table.fail("trial_days", f"must be from 1 to {TRIAL_DAYS_MAX}")
    return days


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


def _flat_price(table: Table) -> FlatPrice:
    currency = currency_of(table)
    interval: Interval = "year" if table.choice("interval", INTERVALS) == "year" else "month"
    amount = money_of(table, "amount", currency)
    table.refuse_unknown()
    return FlatPrice(UNSAVED, currency, interval, amount)


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
    if default.trial_days is not None:
        yield FieldError(f"/plan/{index}/trial_days", "must not be given: the default plan is free")
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
