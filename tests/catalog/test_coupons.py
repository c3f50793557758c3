"""Coupons in the catalog file: every term read, told, stored as versions, and refused by its path."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from autorisen.catalog import (
    FOR_EVER,
    CatalogInvalid,
    CouponCode,
    apply_coupons,
    coupon_changes,
    coupons_by_id,
    load_catalog,
    newest_coupons,
)
from autorisen.catalog.coupons import coupon_of, coupon_terms
from autorisen.catalog.model import UNSAVED
from autorisen.kit.money import Money
from autorisen.kit.unit import Unit
from tests.factories.coupons import catalog_with, coupon_text

FULL = coupon_text(
    """percent = "12.5"
duration = "repeating"
invoices = 3
on = "fees"
plans = ["pro", "enterprise"]
currencies = ["ZAR"]
first_time = true
one_per_customer = false""",
    '{ code = "LAUNCH", max_redemptions = 10, valid_from = 2026-03-01T00:00:00Z, valid_until = 2026-04-01T00:00:00Z }, '
    '{ code = "A-1" }',
)
AMOUNT = coupon_text(
    'duration = "forever"\namount = [{ currency = "ZAR", amount = "100.00" }, { currency = "USD", amount = "5.50" }]',
    '{ code = "WELCOME" }',
    key="welcome",
)
FILE = load_catalog(catalog_with(FULL, AMOUNT))


def test_every_term_is_read() -> None:
    full, amount = FILE.coupons
    assert (full.percent, full.duration, full.invoices, full.scope) == (Decimal("0.125"), "repeating", 3, "fees")
    assert (full.plans, full.currencies) == (("enterprise", "pro"), ("ZAR",))
    assert (full.first_time, full.one_per_customer, full.amounts) == (True, False, ())
    start, end = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    assert full.codes == (CouponCode("A-1"), CouponCode("LAUNCH", 10, start, end))
    assert (full.is_sold_in("ZAR"), full.is_sold_in("USD"), full.amount_in("ZAR")) == (True, False, None)
    assert (amount.percent, amount.invoices, amount.scope, amount.one_per_customer) == (None, FOR_EVER, "all", True)
    assert (amount.amount_in("USD"), amount.is_sold_in("USD")) == (Money(550, "USD"), True)
    assert not replace(amount, amounts=amount.amounts[:1]).is_sold_in("ZAR")
    assert load_catalog(catalog_with(coupon_text())).coupons[0].is_sold_in("USD")


TERMS = {
    "name": "Launch offer",
    "percent": "0.125",
    "amounts": {},
    "duration": "repeating",
    "invoices": 3,
    "scope": "fees",
    "plans": ["enterprise", "pro"],
    "currencies": ["ZAR"],
    "first_time": True,
    "one_per_customer": False,
    "codes": {
        "A-1": {"max_redemptions": None, "valid_from": None, "valid_until": None},
        "LAUNCH": {
            "max_redemptions": 10,
            "valid_from": "2026-03-01T00:00:00+00:00",
            "valid_until": "2026-04-01T00:00:00+00:00",
        },
    },
}


def test_the_terms_are_kept_as_json_and_read_back_whole() -> None:
    full, amount = FILE.coupons
    assert coupon_terms(full) == TERMS
    assert coupon_terms(amount)["percent"] is None
    assert coupon_terms(amount)["amounts"] == {"ZAR": 10_000, "USD": 550}
    for coupon in (full, amount):
        stored = {"id": UUID(int=5), "coupon_key": coupon.key, "version": 2, "retired": True}
        assert coupon_of(stored | {"terms": coupon_terms(coupon)}) == replace(
            coupon, id=UUID(int=5), version=2, retired=True
        )


async def test_they_are_versions_that_are_never_changed(unit: Unit) -> None:
    changes = await apply_coupons(unit, FILE)
    assert [(change.kind, change.plan_key, change.version) for change in changes] == [
        ("add", "launch", 1),
        ("add", "welcome", 1),
    ]
    stored = await newest_coupons(unit.tx)
    assert [replace(coupon, id=UNSAVED) for coupon in stored] == list(FILE.coupons)
    assert await apply_coupons(unit, FILE) == []
    dearer = load_catalog(catalog_with(FULL.replace('"12.5"', '"10"')))
    changed, retired = await apply_coupons(unit, dearer)
    assert changed.lines == ("~ percent: 0.125 -> 0.1",)
    assert (retired.kind, retired.lines) == ("retire", ("no longer in the file",))
    launch, welcome = await newest_coupons(unit.tx)
    assert (launch.version, welcome.version, welcome.retired) == (2, 2, True)
    assert (await coupons_by_id(unit.tx, [stored[0].id]))[stored[0].id] == stored[0]
    assert coupon_changes([launch, welcome], dearer.coupons) == []
    [back] = coupon_changes(
        [launch, welcome], load_catalog(catalog_with(FULL.replace('"12.5"', '"10"'), AMOUNT)).coupons
    )
    assert (back.kind, back.version) == ("change", 3)
    assert "+ amounts.USD: 550" in back.lines
    assert "+ codes.WELCOME.max_redemptions: None" in back.lines


@pytest.mark.parametrize(
    "terms, codes, path, rule",
    [
        ('duration = "once"', "", "/percent", "must stand alone"),
        (
            'percent = "5"\namount = [{ currency = "ZAR", amount = "1" }]\nduration = "once"',
            "",
            "/percent",
            "must stand",
        ),
        ('percent = "0"\nduration = "once"', "", "/percent", "must be more than 0 and at most 100"),
        ('percent = "101"\nduration = "once"', "", "/percent", "must be more than 0 and at most 100"),
        ('percent = 5\nduration = "once"', "", "/percent", "must be a decimal in quotes"),
        ('percent = "5"', "", "/duration", "is required"),
        ('percent = "5"\nduration = "twice"', "", "/duration", "must be one of once, repeating, forever"),
        ('percent = "5"\nduration = "repeating"', "", "/invoices", "is required"),
        ('percent = "5"\nduration = "repeating"\ninvoices = 1', "", "/invoices", "must be from 2 to 120"),
        ('percent = "5"\nduration = "once"\ninvoices = 2', "", "/invoices", "is not a known key"),
        ('percent = "5"\nduration = "once"\non = "usage"', "", "/on", "must be one of all, fees"),
        ('percent = "5"\nduration = "once"\nplans = ["gold"]', "", "/plans", "must name the key of a [[plan]]"),
        ('percent = "5"\nduration = "once"\ncurrencies = ["EUR"]', "", "/currencies", "must name one of ZAR, USD"),
        (
            'amount = [{ currency = "ZAR", amount = "0" }]\nduration = "once"',
            "",
            "/amount/0/amount",
            "must be more than",
        ),
        (
            'amount = [{ currency = "ZAR", amount = "1" }, { currency = "ZAR", amount = "2" }]\nduration = "once"',
            "",
            "/amount/1/currency",
            "must not be repeated",
        ),
        ('percent = "5"\nduration = "once"', '{ code = "launch" }', "/code/0/code", "must match"),
        (
            'percent = "5"\nduration = "once"',
            '{ code = "ABC", max_redemptions = 0 }',
            "/code/0/max_redemptions",
            "must be more",
        ),
        (
            'percent = "5"\nduration = "once"',
            '{ code = "ABC", max_redemptions = 1_000_000_001 }',
            "/code/0/max_redemptions",
            "must be a whole number from 0 to 1000000000",
        ),
        (
            'percent = "5"\nduration = "once"',
            '{ code = "ABC", valid_from = 2026-03-01T00:00:00Z, valid_until = 2026-03-01T00:00:00Z }',
            "/code/0/valid_until",
            "must be later than valid_from",
        ),
        (
            'percent = "5"\nduration = "once"',
            '{ code = "ABC", valid_from = 2026-03-01 }',
            "/code/0/valid_from",
            "must be a date",
        ),
    ],
)
def test_a_wrong_coupon_is_named_by_its_path(terms: str, codes: str, path: str, rule: str) -> None:
    with pytest.raises(CatalogInvalid) as refused:
        load_catalog(catalog_with(coupon_text(terms, codes or '{ code = "ABC" }')))
    found = {error.field: error.rule for error in refused.value.errors}
    assert found.get(f"/coupon/0{path}", "").startswith(rule), found


def test_keys_and_codes_are_unique_in_the_file() -> None:
    with pytest.raises(
        CatalogInvalid, match="/coupon: must not repeat launch; /coupon: must not repeat the code LAUNCH"
    ):
        load_catalog(catalog_with(coupon_text(), coupon_text()))
