"""docs/howto/price-models.md says what the code does: every row of every example is rated."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from textwrap import indent

import pytest

from autorisen.catalog import UsagePrice, load_catalog, rate
from autorisen.kit.money import Money
from tests.factories.catalog import catalog_of

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "price-models.md"
MODELS = ("Per unit", "Graduated", "Volume", "Package", "Percentage", "Minimum and cap")


def examples() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Of each section its TOML and one row of its table after the other."""
    for section in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        title, body = section.split("\n", 1)
        found = re.search(r"```toml\n(.*?)```", body, re.DOTALL)
        if found is None:
            continue
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\|.*\|$", body, re.M)]
        for row in cells[2:]:
            yield title, found[1], dict(zip(cells[0], row, strict=True))


@pytest.mark.parametrize("title, toml, row", list(examples()))
def test_the_page_is_true(title: str, toml: str, row: dict[str, str]) -> None:
    plan = load_catalog(catalog_of(toml)).plans[-1]
    [price] = [price for price in plan.prices if isinstance(price, UsagePrice)]
    rated = rate(price, Decimal(row["quantity"]), events=int(row.get("events", "0")))
    assert rated.amount == Money.parse(row["amount"], price.currency), row["how"]


def test_every_model_has_its_examples() -> None:
    titles = [title for title, _, _ in examples()]
    assert tuple(dict.fromkeys(titles)) == MODELS
    assert min(titles.count(title) for title in MODELS) >= 4


def test_the_example_by_dimension_is_the_one_that_is_rated() -> None:
    cases = Path(__file__).parents[1] / "billing" / "conformance" / "dimensions.toml"
    usage = tomllib.loads(cases.read_text(encoding="utf-8"))["prices"]["by_model"]["usage"]
    assert indent(usage.strip(), "    ") in PAGE.read_text(encoding="utf-8")
