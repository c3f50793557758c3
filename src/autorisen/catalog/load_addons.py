"""Read the `[[plan.addon]]` tables of a catalog file."""

from __future__ import annotations

import re
from collections.abc import Mapping

from autorisen.catalog.load_price_model import currency_of, money_of
from autorisen.catalog.model import INTERVALS, UNSAVED, AddonPrice, Interval
from autorisen.catalog.toml_table import Table

ADDON_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
QUANTITY_MAX = 1_000_000
# A counted limit is a use of the meter and raised by its allowance; of hours to a reply, less is more.
RAISABLE = ("agents", "projects", "storage_mb")


def addon_prices(plan: Table, limits: Mapping[str, int | None]) -> list[AddonPrice]:
    """The prices of a plan's add-ons, in the order of the file."""
    tables = plan.tables("addon")
    found = [price for table in tables for price in _addon(table, limits)]
    plan.refuse_repeats("addon", [(price.key, price.currency, price.interval) for price in found])
    return found


def _addon(table: Table, limits: Mapping[str, int | None]) -> list[AddonPrice]:
    key, name, unit = table.text("key", pattern=ADDON_KEY), table.text("name"), table.text("unit")
    most = table.whole("max")
    if not 1 <= most <= QUANTITY_MAX:
        table.fail("max", f"must be from 1 to {QUANTITY_MAX:,}")
    raises = _raises(table, limits)
    prices = []
    for each in table.tables("price", required=True):
        currency = currency_of(each)
        interval: Interval = "year" if each.choice("interval", INTERVALS) == "year" else "month"
        amount = money_of(each, "amount", currency)
        if not amount:
            each.fail("amount", "must be more than zero")
        each.refuse_unknown()
        prices.append(AddonPrice(UNSAVED, currency, interval, amount, key, name, unit, most, raises))
    table.refuse_unknown()
    return prices


def _raises(table: Table, limits: Mapping[str, int | None]) -> tuple[tuple[str, int], ...]:
    if "raises" not in table.raw:
        return ()
    inner = table.table("raises")
    found = []
    for limit in RAISABLE:
        if limit not in inner.raw:
            continue
        by = inner.whole(limit)
        if not by:
            inner.fail(limit, "must be more than zero")
        if limits.get(limit, 0) is None:
            inner.fail(limit, "must be left out: the plan has it without limit")
        found.append((limit, by))
    inner.refuse_unknown()
    return tuple(found)
