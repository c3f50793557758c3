"""Every price model from the file to the database, the API, the difference and the words, and back unchanged."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any, LiteralString

import httpx
import pytest
from psycopg import errors
from psycopg.types.json import Jsonb

from autorisen.catalog import (
    CatalogInvalid,
    UsagePrice,
    load_catalog,
    part_rows,
    part_words,
    parts_of,
    plan_changes,
    price_words,
    rate,
    rated_words,
)
from autorisen.catalog.model import UNSAVED
from autorisen.kit.unit import Runtime, Unit
from tests.factories.catalog import apply_text, catalog_of, usage_price

PER_UNIT = 'included = 10\noverage = true\nprice = [{ currency = "ZAR", amount = "0.25" }]'
PACKAGE = 'model = "package"\nincluded = 0\noverage = true\nprice = [{ currency = "ZAR", amount = "5.00", size = 100 }]'
SHARE = 'model = "percentage"\nincluded = 0\noverage = true\nprice = [{ currency = "ZAR", percent = "1.5" }]'
SHARE_FEE = SHARE.replace('"1.5"', '"1.5", fee = "0.20"')
TIERS = """
included = 0
overage = true
[[price]]
currency = "ZAR"
minimum = "20.00"
cap = "500.00"
tiers = [{ up_to = 10, amount = "1.00" }, { up_to = 50, amount = "0.80", fee = "2.00" }, { amount = "0.50" }]
"""
GRADUATED, VOLUME = f'model = "graduated"{TIERS}', f'model = "volume"{TIERS}'
ALL = {"per_unit": PER_UNIT, "package": PACKAGE, "percentage": SHARE_FEE, "graduated": GRADUATED, "volume": VOLUME}


def price_of(usage: str, unit: str = "units") -> UsagePrice:
    [price] = [
        each for each in load_catalog(catalog_of(usage, unit=unit)).plans[-1].prices if not hasattr(each, "amount")
    ]
    assert isinstance(price, UsagePrice)
    return price


@pytest.mark.parametrize("name", ALL)
async def test_a_price_is_stored_and_read_unchanged(unit: Unit, name: str) -> None:
    sold = (await apply_text(unit, catalog_of(ALL[name])))["tested"]
    [stored] = sold.usage_prices("ZAR")
    assert replace(stored, id=UNSAVED) == price_of(ALL[name])
    assert plan_changes([sold], load_catalog(catalog_of(ALL[name])))[0].plan_key == "free"
    assert (stored.unit_amount is None) is (name != "per_unit")


async def test_the_api_says_the_terms_of_each_model(runtime: Runtime, client: httpx.AsyncClient) -> None:
    wanted: dict[str, dict[str, Any]] = {
        "package": {"package_size": "100", "package_minor": "500"},
        "percentage": {"rate": "0.015", "event_fee_minor": "20"},
        "graduated": {
            "tiers": [
                {"up_to": "10", "unit_amount_minor": "100", "fee_minor": "0"},
                {"up_to": "50", "unit_amount_minor": "80", "fee_minor": "200"},
                {"up_to": None, "unit_amount_minor": "50", "fee_minor": "0"},
            ],
            "minimum_minor": 2000,
            "cap_minor": 50_000,
        },
    }
    for name, terms in wanted.items():
        async with runtime.unit() as unit:
            await apply_text(unit, catalog_of(ALL[name]))
        [usage] = (await client.get("/api/plans")).json()["plans"][-1]["usage"]
        assert usage["model"] == name
        assert {key: usage[key] for key in terms} == terms


@pytest.mark.parametrize(
    "name, lines",
    [
        ("per_unit", ["unit_amount: 25 minor units"]),
        ("package", ["model: package", "package: 500 minor units per 100"]),
        ("percentage", ["model: percentage", "percent: 1.5 %", "fee: 20 minor units per event"]),
        (
            "graduated",
            [
                "model: graduated",
                "tier.1: up to 10: 100 minor units",
                "tier.2: up to 50: 80 minor units and 200 once",
                "tier.3: above: 50 minor units",
                "minimum: ZAR 20.00",
                "cap: ZAR 500.00",
            ],
        ),
    ],
)
def test_the_difference_tells_every_term(name: str, lines: list[str]) -> None:
    [_, added] = plan_changes([], load_catalog(catalog_of(ALL[name])))
    for line in lines:
        assert f"+ usage.api.use.ZAR.{line}" in added.lines


@pytest.mark.parametrize(
    "model",
    [
        {"model": "package", "size": "0", "amount": "1"},
        {"model": "package", "amount": "1"},
        {"model": "percentage", "rate": "-1", "fee": "0"},
        {"model": "volume", "tiers": [{"up_to": "10", "unit_amount": "1", "fee": "0"}]},
        {
            "model": "graduated",
            "tiers": [
                {"up_to": "10", "unit_amount": "1", "fee": "0"},
                {"up_to": "10", "unit_amount": "1", "fee": "0"},
                {"up_to": None, "unit_amount": "1", "fee": "0"},
            ],
        },
        {"model": "gift"},
        {},
    ],
)
async def test_the_database_refuses_a_model_that_leaves_use_unpriced(unit: Unit, model: dict[str, Any]) -> None:
    check: LiteralString = "SELECT catalog.model_is_sound(%s)"
    assert await (await unit.tx.execute(check, [Jsonb(model)])).fetchone() == (False,)


async def test_the_database_refuses_a_cap_below_the_minimum(unit: Unit) -> None:
    plan = (await apply_text(unit, catalog_of(PER_UNIT)))["tested"]
    with pytest.raises(errors.CheckViolation, match="prices_cap_holds_minimum"):
        await unit.tx.execute(
            """
            INSERT INTO catalog.prices (id, plan_version_id, position, currency, kind, meter, included, unit_amount,
                                        unit_label, overage_allowed, minimum_minor, cap_minor)
            VALUES (gen_random_uuid(), %s, 9, 'ZAR', 'usage', 'api.use', 0, 1, 'units', true, 200, 100)
            """,
            [plan.id],
        )


FAULTS = [
    (PACKAGE, "size = 100", "size = 0", "size", "must be more than zero"),
    (PACKAGE, ", size = 100", "", "size", "is required"),
    (SHARE, '"1.5"', '"1000.1"', "percent", "must be at most 1000"),
    (PACKAGE, '"package"', '"gift"', None, "must be one of"),
    (PACKAGE, "overage = true", "overage = false", None, "must be left out where overage is refused"),
    (VOLUME, "up_to = 10, ", "", "tiers/0/up_to", "is required: only the last tier is open"),
    (VOLUME, "up_to = 50", "up_to = 10", "tiers/1/up_to", "must be more than 10"),
    (VOLUME, '{ amount = "0.50"', '{ up_to = 99, amount = "0.50"', "tiers/2/up_to", "must be left out"),
    (VOLUME, '"500.00"', '"10.00"', "cap", "must not be less than the minimum"),
    (VOLUME, '"20.00"', '"0.00"', "minimum", "must be more than zero, or left out"),
    (PER_UNIT, "0.25", "0.123456789012345", "amount", "decimal places"),
    (PER_UNIT, 'amount = "0.25"', 'amount = "0.000001", per = 1_000_000_000_000', "amount", "must leave at most 12"),
    (PER_UNIT, 'amount = "0.25"', 'amount = "0.25", per = 7', "per", "must be a power of ten"),
]


@pytest.mark.parametrize("usage, old, new, place, rule", FAULTS)
def test_a_fault_is_named_by_its_place(usage: str, old: str, new: str, place: str | None, rule: str) -> None:
    assert old in usage
    with pytest.raises(CatalogInvalid) as raised:
        load_catalog(catalog_of(usage.replace(old, new, 1)))
    path = f"/plan/1/usage/0/{'model' if place is None else f'price/0/{place}'}"
    found = {error.field: error.rule for error in raised.value.errors}
    assert rule in found[path], found


def test_a_percentage_is_of_money_in_its_own_currency() -> None:
    assert price_of(SHARE, unit="ZAR").currency == "ZAR"
    with pytest.raises(CatalogInvalid) as raised:
        load_catalog(catalog_of(SHARE, unit="USD"))
    [error] = raised.value.errors
    assert error.field == "/plan/1/usage/0/price/0/currency"
    assert "must be USD" in error.rule


@pytest.mark.parametrize(
    "price, quantity, events, months, terms, words",
    [
        (price_of(PER_UNIT), "12", 1, 1, ("R0,25 per unit",), ("2 at R0,25 per unit",)),
        (price_of(PER_UNIT), "10", 1, 1, ("R0,25 per unit",), ()),
        (price_of(PACKAGE), "100", 1, 1, ("R5,00 per 100 units",), ("1 package of 100 at R5,00: R5,00",)),
        (price_of(PACKAGE), "101", 1, 1, ("R5,00 per 100 units",), ("2 packages of 100 at R5,00: R10,00",)),
        (price_of(SHARE), "100", 1, 1, ("1,5 %",), ("1,5 % of 100: R1,50",)),
        (
            price_of(SHARE_FEE),
            "100",
            1,
            1,
            ("1,5 % and R0,20 per event",),
            ("1,5 % of 100: R1,50", "1 event at R0,20: R0,20"),
        ),
        (
            price_of(SHARE_FEE),
            "0",
            2,
            1,
            ("1,5 % and R0,20 per event",),
            ("2 events at R0,20: R0,40",),
        ),
        (
            price_of(GRADUATED),
            "121",
            1,
            2,
            (
                "up to 20: R1,00 per unit",
                "above 20 to 100: R0,80 per unit and R4,00 once",
                "above 100: R0,50 per unit",
                "at least R40,00",
                "at most R1 000,00",
            ),
            (
                "up to 20: 20 at R1,00 per unit: R20,00",
                "above 20 to 100: 80 at R0,80 per unit: R64,00",
                "above 20 to 100: fee, 2 months at R2,00: R4,00",
                "above 100: 21 at R0,50 per unit: R10,50",
            ),
        ),
        (
            price_of(VOLUME),
            "11",
            1,
            1,
            (
                "up to 10: all units: R1,00 per unit",
                "above 10 to 50: all units: R0,80 per unit and R2,00 once",
                "above 50: all units: R0,50 per unit",
                "at least R20,00",
                "at most R500,00",
            ),
            (
                "above 10 to 50: 11 at R0,80 per unit: R8,80",
                "above 10 to 50: fee, R2,00: R2,00",
                "up to the minimum of R20,00: R9,20",
            ),
        ),
        (
            price_of(GRADUATED[: GRADUATED.index("tiers = ")] + 'tiers = [{ amount = "0.50" }]'),
            "2000",
            1,
            1,
            ("all: R0,50 per unit", "at least R20,00", "at most R500,00"),
            ("all: 2 000 at R0,50 per unit: R1 000,00", "down to the cap of R500,00: -R500,00"),
        ),
        (usage_price(overage_allowed=False), "3", 1, 1, (), ()),
    ],
)
def test_prices_and_parts_in_words(
    price: UsagePrice, quantity: str, events: int, months: int, terms: tuple[str, ...], words: tuple[str, ...]
) -> None:
    assert tuple(text.replace("\N{NO-BREAK SPACE}", " ") for text in price_words(price, months)) == terms
    rated = rate(price, Decimal(quantity), events=events, months=months)
    assert tuple(text.replace("\N{NO-BREAK SPACE}", " ") for text in rated_words(rated, price.unit_label)) == words
    assert parts_of(part_rows(rated.parts), "ZAR") == rated.parts


def test_a_fee_of_a_tier_that_begins_at_nothing() -> None:
    fee_first = GRADUATED.replace('amount = "1.00" }', 'amount = "1.00", fee = "3.00" }')
    rated = rate(price_of(fee_first), Decimal(5))
    assert part_words(rated.parts[1], "units") == "up to 10: fee, R3,00"
