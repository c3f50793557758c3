"""Read the `[[plan.usage]]` tables of a catalog file: one price per currency, in one of the price models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from autorisen.catalog.load_cells import MeterTerms, cell_prices
from autorisen.catalog.load_price_model import currency_of, model_name_of, model_of_table, money_of
from autorisen.catalog.model import UNSAVED, UsagePrice
from autorisen.catalog.price_models import MODEL_NAMES, ZERO, PerUnit
from autorisen.catalog.toml_table import Table
from autorisen.kit.money import Money

_UNKNOWN_METER = MeterTerms("", "", ())


def usage_prices(table: Table, meters: Mapping[str, MeterTerms], currencies: tuple[str, ...]) -> Iterator[UsagePrice]:
    """The prices of one meter, one per currency that the plan is sold in. `meters` are those of the file."""
    meter = table.choice("meter", tuple(meters), rule="must be the key of a [[meter]] in this file")
    included, overage = table.quantity("included"), table.flag("overage")
    model_name = model_name_of(table, default=MODEL_NAMES[PerUnit], is_sold=overage)
    terms = meters.get(meter, _UNKNOWN_METER)
    found: dict[str, UsagePrice] = {}
    for each in table.tables("price", required=overage):
        currency = currency_of(each)
        if currency in found:
            each.fail("currency", "must not be repeated in one table")
        model = model_of_table(each, model_name, currency, terms.unit)
        minimum, cap = _limits(each, currency)
        found[currency] = UsagePrice(UNSAVED, currency, meter, included, model, terms.unit, overage, minimum, cap)
        each.refuse_unknown()
    cells = cell_prices(table, terms, currencies, model_name=model_name, is_sold=overage)
    if not overage and found:
        table.fail("price", "must be left out where overage is refused")
    for currency in sorted(found.keys() - set(currencies)):
        table.fail("price", f"has a price in {currency}, in which the plan is not sold")
    for currency in currencies:
        if overage and currency not in found:
            table.fail("price", f"must have a price in {currency}, in which the plan is sold")
        unsold = UsagePrice(UNSAVED, currency, meter, included, PerUnit(ZERO), terms.unit, overage)
        yield replace(found.get(currency, unsold), cells=cells.get(currency, ()))
    table.refuse_unknown()


def _limits(table: Table, currency: str) -> tuple[Money | None, Money | None]:
    """The minimum and the cap of a month's line."""
    limits: list[Money | None] = []
    for key in ("minimum", "cap"):
        limit = money_of(table, key, currency) if key in table.raw else None
        if limit is not None and not limit:
            table.fail(key, "must be more than zero, or left out")
        limits.append(limit)
    minimum, cap = limits
    if minimum is not None and cap is not None and cap < minimum:
        table.fail("cap", "must not be less than the minimum")
    return minimum, cap
