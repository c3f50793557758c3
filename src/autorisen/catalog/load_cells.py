"""Read the cells of a `[[plan.usage]]` table: prices by the values of the meter's dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autorisen.catalog.cells import NAME_LENGTH_MAX, Cell
from autorisen.catalog.load_price_model import currency_of, model_name_of, model_of_table
from autorisen.catalog.model import UNSAVED, CellPrice
from autorisen.catalog.toml_table import Table

CELLS_MAX = 1_000
# What adds up over groups of events; the largest of two groups is not their sum.
ADDITIVE = ("count", "sum")


@dataclass(frozen=True)
class MeterTerms:
    """What a price has to know of its meter, as the file says it; the meter itself is metering's to check."""

    unit: str
    aggregation: str
    dimensions: tuple[str, ...]


def dimensions_of(raw: object) -> tuple[str, ...]:
    """The names under which a `group_by` groups: of a table its keys, of a list of paths their last parts."""
    if isinstance(raw, Mapping):
        return tuple(sorted(str(name) for name in raw))
    paths = raw if isinstance(raw, list) else []
    parted = (path.split("/" if path.startswith("/") else ".") for path in paths if isinstance(path, str))
    return tuple(sorted(parts[-1] for parts in parted))


def cell_prices(
    table: Table, meter: MeterTerms, currencies: Sequence[str], *, model_name: str, is_sold: bool
) -> dict[str, tuple[CellPrice, ...]]:
    """The cells of one usage table in their order, by currency. A cell without a model of its own has the table's."""
    tables = table.tables("cell")
    if tables and not is_sold:
        table.fail("cell", "must be left out where overage is refused")
    elif tables and meter.aggregation not in ADDITIVE:
        rule = f"needs a meter that counts or sums: the parts of a {meter.aggregation} do not add up to it"
        table.fail("cell", rule)
    elif len(tables) > CELLS_MAX:
        table.fail("cell", f"must be at most {CELLS_MAX:,}")
    found: dict[str, list[CellPrice]] = {currency: [] for currency in currencies}
    before: list[Cell] = []
    for each in tables:
        cell = _cell(each, meter)
        hidden_by = next((number for number, other in enumerate(before) if other.covers(cell)), None)
        if hidden_by is not None and cell.match:
            each.fail("match", f"never decides: cell {hidden_by}, which comes first, takes all of it")
        before.append(cell)
        _prices(each, cell, meter, found, model_name=model_name)
        each.refuse_unknown()
    return {currency: tuple(cells) for currency, cells in found.items()}


def _cell(table: Table, meter: MeterTerms) -> Cell:
    match = table.table("match")
    found = []
    for dimension in sorted(match.raw):
        if dimension not in meter.dimensions:
            known = ", ".join(meter.dimensions) or "nothing"
            match.fail(dimension, f"must be a dimension of the meter, which groups by {known}")
        found.append((dimension, match.one_or_more(dimension)))
    cell = Cell(tuple(found))
    if "match" in table.raw and not match.raw:
        table.fail("match", "must name a value of a dimension: the price of the rest is the table's own")
    if len(cell.name) > NAME_LENGTH_MAX:
        table.fail("match", f"must be at most {NAME_LENGTH_MAX:,} characters: make it two cells")
    return cell


def _prices(table: Table, cell: Cell, meter: MeterTerms, found: dict[str, list[CellPrice]], *, model_name: str) -> None:
    """Adds the cell's price to the list of each currency."""
    name = model_name_of(table, default=model_name)
    priced: set[str] = set()
    for each in table.tables("price", required=True):
        currency = currency_of(each)
        if currency in priced:
            each.fail("currency", "must not be repeated in one table")
        if currency not in found:
            each.fail("currency", f"must be one that the plan is sold in: {', '.join(found)}")
        priced.add(currency)
        found.setdefault(currency, []).append(
            CellPrice(UNSAVED, cell, model_of_table(each, name, currency, meter.unit))
        )
        each.refuse_unknown()
    for currency in sorted(found.keys() - priced):
        table.fail("price", f"must have a price in {currency}, in which the plan is sold")
