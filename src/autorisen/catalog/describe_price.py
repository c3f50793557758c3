"""Prices and the parts of a rated line in words, as pages and documents show them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from autorisen.catalog.cells import REST, Cell
from autorisen.catalog.model import UsagePrice
from autorisen.catalog.price_models import Package, Part, PartKind, Percentage, PerUnit, PriceModel, Tier, Volume
from autorisen.catalog.rate import Rated
from autorisen.kit.money import EXPONENTS, plain
from autorisen.ui.formats import exact_money, money, number, unit_price

ANY = "any"


def price_words(price: UsagePrice, months: int = 1) -> tuple[str, ...]:
    """What use beyond the allowance of a period costs, one line per term; nothing when none is sold."""
    if not price.overage_allowed:
        return ()
    lines = _model_words(price.model, price, months)
    if price.cells:
        lines = [f"{_some(price)} by {' and '.join(price.dimensions)}", f"otherwise {'; '.join(lines)}"]
    if price.minimum is not None:
        lines.append(f"at least {exact_money(Decimal(price.minimum.minor * months), price.currency)}")
    if price.cap is not None:
        lines.append(f"at most {exact_money(Decimal(price.cap.minor * months), price.currency)}")
    return tuple(lines)


@dataclass(frozen=True)
class CellRow:
    """One row of the table of a price by dimension: the values that it is for, and what the use costs, in words."""

    values: tuple[str, ...]
    words: str


def cell_rows(price: UsagePrice, months: int = 1, dimensions: Sequence[str] = ()) -> tuple[CellRow, ...]:
    """The cells of a price in their order and, last, the rest. `dimensions` are the columns, else the price's own."""
    priced = [(each.cell, each.model) for each in price.cells] + [(Cell(), price.model)]
    rows = []
    for cell, model in priced:
        values = {dimension: " or ".join(value or "(none)" for value in values) for dimension, values in cell.match}
        columns = (values.get(each, ANY if cell.match else REST) for each in dimensions or price.dimensions)
        rows.append(CellRow(tuple(columns), "; ".join(_model_words(model, price, months))))
    return tuple(rows)


def _some(price: UsagePrice) -> str:
    return "a price" if len(price.cells) == 1 else f"{len(price.cells)} prices"


def _model_words(model: PriceModel, price: UsagePrice, months: int) -> list[str]:
    currency = price.currency
    match model:
        case PerUnit():
            return [unit_price(model.unit_amount, currency, price.unit_label)]
        case Package():
            return [f"{exact_money(model.amount, currency)} per {number(model.size)} {price.unit_label}"]
        case Percentage():
            fee = f" and {exact_money(model.fee, currency)} per event" if model.fee else ""
            return [f"{_percent(model.rate)}{fee}"]
        case _:
            whole = "all units: " if isinstance(model, Volume) else ""
            above, lines = Decimal(0), []
            for tier in model.tiers:
                top = None if tier.up_to is None else tier.up_to * months
                lines.append(_tier(whole, above, top, tier, price, months))
                above = above if top is None else top
            return lines


def _tier(whole: str, above: Decimal, top: Decimal | None, tier: Tier, price: UsagePrice, months: int) -> str:
    fee = f" and {exact_money(tier.fee * months, price.currency)} once" if tier.fee else ""
    return f"{_stretch(above, top)}: {whole}{unit_price(tier.unit_amount, price.currency, price.unit_label)}{fee}"


def part_words(part: Part, unit: str) -> str:
    """One part of a rated line: what was counted and at which price. Its amount is said beside it."""
    currency = part.amount.currency
    limit = exact_money(part.unit_amount, currency)
    match part.kind:
        case PartKind.UNITS:
            stretch = "" if part.above is None else f"{_stretch(part.above, part.up_to)}: "
            return f"{stretch}{number(part.quantity)} at {unit_price(part.unit_amount, currency, unit)}"
        case PartKind.TIER_FEE:
            times = "" if part.quantity == 1 else f"{number(part.quantity)} months at "
            return f"{_stretch(part.above or Decimal(0), part.up_to)}: fee, {times}{limit}"
        case PartKind.PACKAGES:
            size = number(part.size)
            return f"{number(part.quantity)} {'package' if part.quantity == 1 else 'packages'} of {size} at {limit}"
        case PartKind.SHARE:
            return f"{_percent(part.unit_amount.scaleb(-EXPONENTS[currency]))} of {number(part.quantity)}"
        case PartKind.EVENT_FEE:
            return f"{number(part.quantity)} {'event' if part.quantity == 1 else 'events'} at {limit}"
        case PartKind.MINIMUM:
            return f"up to the minimum of {limit}"
        case _:
            return f"down to the cap of {limit}"


def rated_words(rated: Rated, unit: str) -> tuple[str, ...]:
    """How the billable part of a rating came to its amount, one line per part; nothing when all is included."""
    if rated.parts:
        return tuple(f"{part_words(part, unit)}: {money(part.amount)}" for part in rated.parts)
    if rated.billable:
        return (f"{number(rated.billable)} at {unit_price(rated.unit_amount, rated.amount.currency, unit)}",)
    return ()


def _stretch(above: Decimal, top: Decimal | None) -> str:
    if top is None:
        return f"above {number(above)}" if above else "all"
    return f"above {number(above)} to {number(top)}" if above else f"up to {number(top)}"


def _percent(rate: Decimal) -> str:
    return f"{plain(rate * 100).replace('.', ',')} %"
