"""The cases in conformance/ hold: the lines of a period, to the cent, from the catalog text to the tax."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from autorisen.billing.addons.addon_lines import AddonTime, addon_lines
from autorisen.billing.build_invoice import Fee, LateUsage, close_lines, upgrade_lines
from autorisen.billing.coupons import with_discounts
from autorisen.billing.model import Line, TaxTerms, sum_of
from autorisen.billing.rated_usage import RatedUsage
from autorisen.billing.rating.rate_usage import PeriodUsage, RatingTerms, rate_usage
from autorisen.billing.tax import tax_terms
from autorisen.catalog import FlatPrice, PlanVersion, Used, load_catalog, split
from autorisen.kit.money import Money
from autorisen.metering import Quantity
from autorisen.subscriptions import AddonChange
from tests.factories.billing import BUYER, START, SUPPLIER, a_draft
from tests.factories.catalog import catalog_of
from tests.factories.coupons import redemption_of

CASES = Path(__file__).parent / "conformance"
DEFAULTS = {
    "start": START,
    "end": datetime(2026, 4, 1, 8, tzinfo=UTC),
    "interval": "month",
    "quantity": "0",
    "coupons": [],
    "addons": [],
}


def cases() -> Iterator[Any]:
    for path in sorted(CASES.glob("*.toml")):
        file = tomllib.loads(path.read_text(encoding="utf-8"))
        for case in file["case"]:
            known = DEFAULTS | case | {"price": file["prices"][case["price"]]}
            yield pytest.param(known, id=f"{path.stem}: {case['name']}")


@pytest.mark.parametrize("case", list(cases()))
def test_the_lines_are_to_the_cent(case: dict[str, Any]) -> None:
    lines = discounted(case, upgraded(case) if "upgrade" in case else closed(case))
    assert [[line.kind.value, f"{line.amount.major:.2f}", f"{line.tax.major:.2f}"] for line in lines] == case["lines"]
    for line in lines:
        if line.parts:
            assert sum_of([part.amount for part in line.parts], line.amount.currency) == line.amount


def test_there_are_enough_cases_and_each_has_its_source() -> None:
    found = [param.values[0] for param in cases()]
    assert len(found) >= 160
    assert all(case["source"] for case in found)
    assert len({param.id for param in cases()}) == len(found)


def discounted(case: dict[str, Any], lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """The lines, and those of the case's coupons, the first one redeemed first."""
    if not lines:
        return lines
    currency = lines[0].amount.currency
    draft = a_draft(*lines, terms=terms_of(case, currency), currency=currency)
    held = [redemption_of(text, used=used, id=number) for number, (text, used) in enumerate(case["coupons"], start=1)]
    return with_discounts(draft, held, case.get("plan", "pro")).lines


def plan_of(case: dict[str, Any]) -> PlanVersion:
    """The plan Tested of the case, as a stored version of it would be."""
    price = case["price"]
    text = catalog_of(
        price["usage"],
        unit=price.get("unit", "units"),
        fee=price.get("fee", "0.00"),
        interval=case["interval"],
        extra=price.get("addons", ""),
    ).replace('value_path = "amount"', f'value_path = "amount"\ngroup_by = {price.get("group_by", [])}')
    draft = load_catalog(text).plans[-1]
    return PlanVersion(id=UUID(int=1), version=1, effective_from=START, **vars(draft))


def rated(case: dict[str, Any], quantity: str) -> RatedUsage:
    [usage] = all_rated(case, quantity)
    return usage


def all_rated(case: dict[str, Any], quantity: str) -> tuple[RatedUsage, ...]:
    """The ratings of the meter: one, or of a price by dimension one for each cell, cut by the case's `groups`."""
    plan = plan_of(case)
    start, end = case["start"], case["end"]
    terms = RatingTerms(
        period_id=UUID(int=2),
        customer_id=UUID(int=3),
        plan=plan,
        currency=plan.currencies[0],
        interval=case["interval"],
        start_at=start,
        end_at=end,
        share=Fraction((end - start).days, (case.get("planned_end", end) - start).days),
    )
    used = {"api.use": Quantity(Decimal(quantity), case.get("events", 1))}
    cells = {}
    if "groups" in case:
        [price] = plan.usage_prices(plan.currencies[0])
        groups = [(tuple(sorted(names.items())), Used(Decimal(part), 1)) for part, names in case["groups"]]
        cells = {"api.use": split([each.cell for each in price.cells], groups)}
    return rate_usage(terms, PeriodUsage(used, cells), {}, at=end, new_id=lambda: UUID(int=4))


def fee_of(case: dict[str, Any], amount: Money) -> Fee:
    return Fee("Tested", case["interval"], amount, UUID(int=5), case["start"], case["end"])


def terms_of(case: dict[str, Any], currency: str) -> TaxTerms:
    supplier = SUPPLIER if case.get("vat") else replace(SUPPLIER, vat_number="")
    customer = replace(BUYER, country=case.get("country", BUYER.country))
    return tax_terms(supplier=supplier, customer=customer, currency=currency, at=case["end"])


def closed(case: dict[str, Any]) -> tuple[Line, ...]:
    """The lines of the period's close: its usage, corrections of the period before, the next fee."""
    usage = all_rated(case, case["quantity"])
    late = case.get("late")
    corrections = [LateUsage(rated(case, late["billed"]), rated(case, late["now"]))] if late else []
    currency = usage[0].amount.currency
    [flat] = [price for price in plan_of(case).prices if isinstance(price, FlatPrice)]
    terms = terms_of(case, currency)
    addons = added(case, currency, terms)
    return close_lines(usage=usage, late=corrections, fee=fee_of(case, flat.amount), terms=terms, addons=addons)


def added(case: dict[str, Any], currency: str, terms: TaxTerms) -> tuple[Line, ...]:
    """The lines of the case's add-ons: `[key, quantity, since]`, in the order of the changes."""
    changes = [
        AddonChange(UUID(int=6), key, number, quantity, since)
        for number, (key, quantity, since) in enumerate(case["addons"], start=1)
    ]
    time = AddonTime(case["start"], case["end"], case.get("planned_end", case["end"]))
    return addon_lines(plan_of(case), changes, time, currency=currency, interval=case["interval"], terms=terms)


def upgraded(case: dict[str, Any]) -> tuple[Line, ...]:
    """The lines of an upgrade within the period."""
    change = case["upgrade"]
    new_fee = fee_of(case, Money.parse(change["fee"], "ZAR"))
    paid = fee_of(case, Money.parse(change["paid"], "ZAR")) if "paid" in change else None
    return upgrade_lines(new_fee=new_fee, paid_fee=paid, at=change["at"], terms=terms_of(case, "ZAR"))
