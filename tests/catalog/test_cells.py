"""Prices by dimension: which cell takes a use, what all of them cost together, and the file that says so."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any, LiteralString

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import errors

from autorisen.catalog import (
    CatalogInvalid,
    Cell,
    PlanVersion,
    UsagePrice,
    Used,
    cell_of,
    cell_row,
    cell_rows,
    load_catalog,
    plan_changes,
    price_words,
    rate,
    rate_cells,
    split,
)
from autorisen.catalog.model import UNSAVED
from autorisen.kit.unit import Runtime, Unit
from tests.factories.billing import START
from tests.factories.catalog import apply_text, catalog_of

BY_MODEL = """
included = 100
overage = true
price = [{ currency = "ZAR", amount = "0.10", minimum = "5.00", cap = "40.00" }]
cell = [
    { match = { model = "large", kind = "output" }, price = [{ currency = "ZAR", amount = "1.00" }] },
    { match = { model = ["large", "small"] }, price = [{ currency = "ZAR", amount = "0.50" }] },
    { match = { model = "" }, model = "package", price = [{ currency = "ZAR", amount = "2.00", size = 10 }] },
]
"""
LARGE_OUT = Cell((("kind", ("output",)), ("model", ("large",))))
LARGE_OR_SMALL = Cell((("model", ("large", "small")),))
NO_MODEL = Cell((("model", ("",)),))


def text_of(usage: str, meter: str = 'group_by = { model = "model", kind = "usage.kind" }') -> str:
    return catalog_of(usage).replace('value_path = "amount"', f'value_path = "amount"\n{meter}')


def price_of(usage: str = BY_MODEL) -> UsagePrice:
    return usage_of(text_of(usage))


def usage_of(text: str) -> UsagePrice:
    [price] = [each for each in load_catalog(text).plans[-1].prices if isinstance(each, UsagePrice)]
    return price


def used(*quantities: int) -> list[Used]:
    return [Used(Decimal(quantity), 1) for quantity in quantities]


def test_the_first_cell_that_matches_takes_a_use() -> None:
    price = price_of()
    assert [each.cell for each in price.cells] == [LARGE_OUT, LARGE_OR_SMALL, NO_MODEL]
    assert price.dimensions == ("kind", "model")
    assert price.cell_of({"kind": "output", "model": "large"}) == LARGE_OUT
    assert price.cell_of({"kind": "input", "model": "large"}) == LARGE_OR_SMALL
    assert price.cell_of({"kind": "", "model": ""}) == price.cell_of({}) == NO_MODEL
    assert price.cell_of({"model": "other"}) == Cell()
    assert (LARGE_OUT.name, LARGE_OR_SMALL.name) == ("kind output, model large", "model large or small")
    assert (NO_MODEL.name, Cell().name) == ("model (none)", "other")
    assert [cell_of(cell_row(cell)) for cell in (LARGE_OUT, Cell(), None)] == [LARGE_OUT, Cell(), None]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["large", "small", "tiny", ""]),
            st.sampled_from(["input", "output", ""]),
            st.integers(0, 999),
        ),
        max_size=20,
    )
)
def test_the_cells_sum_to_the_meter(rows: list[tuple[str, str, int]]) -> None:
    price = price_of()
    groups = [((("kind", kind), ("model", model)), Used(Decimal(count), 1)) for model, kind, count in rows]
    parts = split([each.cell for each in price.cells], groups)
    assert sum(each.quantity for each in parts) == sum(count for _, _, count in rows)
    assert sum(each.events for each in parts) == len(rows)
    rated = rate_cells(price, parts)
    assert [each.quantity for each in rated] == [each.quantity for each in parts]
    assert sum(each.included for each in rated) == min(sum(each.quantity for each in parts), 100)
    assert all(each.included + each.billable == each.quantity and each.amount.minor >= 0 for each in rated)
    assert 500 <= sum(each.amount.minor for each in rated) <= 4_000


@given(st.integers(0, 10**6), st.integers(1, 12))
def test_without_cells_it_is_the_same_as_one_price(quantity: int, months: int) -> None:
    price = replace(price_of(), cells=())
    assert rate_cells(price, used(quantity), months=months) == (
        rate(price, Decimal(quantity), events=1, months=months),
    )


@pytest.mark.parametrize(
    "quantities, included, amounts",
    [
        # The allowance of 100 is drawn in the order of the file, the rest last.
        ((0, 0, 0, 0), [0, 0, 0, 0], [0, 0, 0, 500]),
        ((60, 0, 0, 50), [60, 0, 0, 40], [0, 0, 0, 500]),
        ((110, 10, 0, 0), [100, 0, 0, 0], [1000, 500, 0, 0]),
        ((100, 0, 11, 5), [100, 0, 0, 0], [0, 0, 400, 100]),
        ((90, 30, 0, 0), [90, 10, 0, 0], [0, 1000, 0, 0]),
        # The cap of R40 is of all of them: the first leave what the later ones may still cost.
        ((130, 30, 0, 9), [100, 0, 0, 0], [3000, 1000, 0, 0]),
    ],
)
def test_allowance_minimum_and_cap_are_the_meters(
    quantities: tuple[int, ...], included: list[int], amounts: list[int]
) -> None:
    rated = rate_cells(price_of(), used(*quantities))
    assert [int(each.included) for each in rated] == included
    assert [each.amount.minor for each in rated] == amounts
    for each in rated:
        if each.parts:
            assert sum(part.amount.minor for part in each.parts) == each.amount.minor


async def test_it_is_stored_and_read_unchanged(unit: Unit) -> None:
    text = text_of(BY_MODEL)
    sold = (await apply_text(unit, text))["tested"]
    [stored] = sold.usage_prices("ZAR")
    ids = [stored.id, *(each.id for each in stored.cells)]
    assert len(set(ids)) == 4
    nameless = replace(stored, id=UNSAVED, cells=tuple(replace(each, id=UNSAVED) for each in stored.cells))
    assert nameless == price_of()
    assert stored.unit_amount is None
    assert [change.plan_key for change in plan_changes([sold], load_catalog(text))] == ["free"]


def test_the_difference_tells_cells_and_their_order() -> None:
    before = load_catalog(text_of(BY_MODEL))
    [_, added] = plan_changes([], before)
    assert "+ usage.api.use.ZAR.[kind output, model large].unit_amount: 100 minor units" in added.lines
    assert "+ usage.api.use.ZAR.[model (none)].package: 200 minor units per 10" in added.lines
    sold = [replace_version(draft) for draft in before.plans]
    [dearer] = plan_changes(sold, load_catalog(text_of(BY_MODEL.replace('"1.00"', '"1.50"'))))
    assert dearer.lines == (
        "~ usage.api.use.ZAR.[kind output, model large].unit_amount: 100 minor units -> 150 minor units",
    )
    lines = BY_MODEL.splitlines()
    lines[6], lines[7] = lines[7], lines[6]
    [moved] = plan_changes(sold, load_catalog(text_of("\n".join(lines))))
    assert moved.lines == ("~ usage.api.use.ZAR: the order of its cells",)


def replace_version(draft: Any) -> Any:
    return PlanVersion(id=UNSAVED, version=1, effective_from=START, **vars(draft))


def a_cell(match: str = '{ model = "a" }', more: str = "", price: str = 'currency = "ZAR", amount = "1"') -> str:
    return f"{{ match = {match}, {more}price = [{{ {price} }}] }}"


DOLLARS = a_cell(price='currency = "USD", amount = "1"')
TWICE = a_cell(price='currency = "ZAR", amount = "1" }, { currency = "ZAR", amount = "1"')
LONG = a_cell("{ model = [" + ", ".join(f'"{number:0100d}"' for number in range(11)) + "] }")
MANY = ", ".join(a_cell(f'{{ model = "{number}" }}') for number in range(1001))


@pytest.mark.parametrize(
    "cells, path, rule",
    [
        (a_cell('{ modl = "a" }'), "/0/match/modl", "must be a dimension of the meter, which groups by kind, model"),
        (a_cell("{}"), "/0/match", "must name a value"),
        ('{ price = [{ currency = "ZAR", amount = "1" }] }', "/0/match", "is required"),
        (a_cell("{ model = [] }"), "/0/match/model", "must be a text"),
        (a_cell("{ model = 3 }"), "/0/match/model", "must be a text"),
        (a_cell('{ model = ["a", "a"] }'), "/0/match/model", "must not repeat a"),
        (f"{a_cell()}, {a_cell()}", "/1/match", "never decides: cell 0, which comes first, takes all of it"),
        (DOLLARS, "/0/price/0/currency", "must be one that the plan is sold in: ZAR"),
        (DOLLARS, "/0/price", "must have a price in ZAR"),
        (TWICE, "/0/price/1/currency", "must not be repeated"),
        (a_cell(price='currency = "ZAR", amount = "-1"'), "/0/price/0/amount", "must not be negative"),
        (a_cell(more="included = 5, "), "/0/included", "is not a known key"),
        (a_cell(more='model = "x", '), "/0/model", "must be one of"),
        (LONG, "/0/match", "must be at most 1,000 characters"),
        (MANY, "", "must be at most 1,000"),
    ],
)
def test_a_wrong_cell_is_named_by_its_path(cells: str, path: str, rule: str) -> None:
    usage = f'included = 0\noverage = true\nprice = [{{ currency = "ZAR", amount = "1" }}]\ncell = [{cells}]'
    usage = f'{usage}\n# The last currency is the one of the fee: currency = "ZAR"'
    with pytest.raises(CatalogInvalid) as refused:
        load_catalog(text_of(usage))
    found = {error.field: error.rule for error in refused.value.errors}
    assert found.get(f"/plan/1/usage/0/cell{path}", "").startswith(rule), found


def test_only_what_adds_up_may_have_cells() -> None:
    text = text_of(BY_MODEL).replace('aggregation = "sum"', 'aggregation = "max"')
    with pytest.raises(
        CatalogInvalid, match="needs a meter that counts or sums: the parts of a max do not add up to it"
    ):
        load_catalog(text)
    refused = f'included = 0\noverage = false\ncell = [{a_cell()}]\n# currency = "ZAR"'
    with pytest.raises(CatalogInvalid, match="/plan/1/usage/0/cell: must be left out where overage is refused"):
        load_catalog(text_of(refused))
    listed = text_of(BY_MODEL, 'group_by = ["model", "/usage/kind"]')
    assert usage_of(listed).dimensions == ("kind", "model")
    with pytest.raises(CatalogInvalid, match="which groups by nothing"):
        load_catalog(text_of(BY_MODEL, ""))


def test_the_words_and_the_table() -> None:
    price = price_of()
    assert price_words(price)[:2] == ("3 prices by kind and model", "otherwise R0,10 per unit")
    assert [(row.values, row.words) for row in cell_rows(price)] == [
        (("output", "large"), "R1,00 per unit"),
        (("any", "large or small"), "R0,50 per unit"),
        (("any", "(none)"), "R2,00 per 10 units"),
        (("other", "other"), "R0,10 per unit"),
    ]
    assert price_words(replace(price, cells=price.cells[:1]))[0] == "a price by kind and model"


async def test_everybody_reads_the_cells(runtime: Runtime, client: httpx.AsyncClient) -> None:
    async with runtime.unit() as unit:
        await apply_text(unit, text_of(BY_MODEL))
    [usage] = (await client.get("/api/plans")).json()["plans"][-1]["usage"]
    assert [(cell["match"], cell["model"], cell["unit_amount_minor"]) for cell in usage["cells"]] == [
        ({"kind": ["output"], "model": ["large"]}, "per_unit", "100"),
        ({"model": ["large", "small"]}, "per_unit", "50"),
        ({"model": [""]}, "package", None),
    ]
    page = (await client.get("/pricing")).text
    assert "API use by kind and model" in page
    assert "large or small" in page


@pytest.mark.parametrize(
    "change",
    ["included = 1", "minimum_minor = 5", "overage_allowed = false", "cell = '{\"match\": 1}'"],
)
async def test_the_database_refuses_a_cell_with_terms_of_its_own(unit: Unit, change: LiteralString) -> None:
    await apply_text(unit, text_of(BY_MODEL))
    with pytest.raises((errors.CheckViolation, errors.RestrictViolation)):
        await unit.tx.execute(
            "CREATE TEMP TABLE t (LIKE catalog.prices INCLUDING CONSTRAINTS) ON COMMIT DROP; "
            "INSERT INTO t SELECT * FROM catalog.prices WHERE cell <> '{}' LIMIT 1; UPDATE t SET " + change
        )
