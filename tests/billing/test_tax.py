"""South African VAT: worked vectors, rates by date, and who is charged what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from autorisen.billing.model import TaxTerms, TaxTreatment
from autorisen.billing.parties import supplier_party
from autorisen.billing.tax import needs_recipient, percent, standard_rate, tax_statement, tax_terms, vat_contained
from autorisen.kit.money import Money
from autorisen.kit.settings import Settings
from tests.factories.billing import BUYER, START, SUPPLIER, VAT_15


@pytest.mark.parametrize(
    "gross,vat,net",
    [
        (19_900, 2_596, 17_304),
        (24_950, 3_254, 21_696),
        (52_900, 6_900, 46_000),
        (199_900, 26_074, 173_826),
        (500_000, 65_217, 434_783),
        (500_001, 65_218, 434_783),
        (-19_900, -2_596, -17_304),
        (0, 0, 0),
    ],
)
def test_the_tax_fraction_is_half_up_and_the_net_is_the_rest(gross: int, vat: int, net: int) -> None:
    contained = vat_contained(Money(gross, "ZAR"), VAT_15)
    assert (contained.minor, gross - contained.minor) == (vat, net)


@pytest.mark.parametrize(
    "day, rate",
    [
        (date(1991, 9, 30), "0.10"),
        (date(1993, 4, 6), "0.10"),
        (date(1993, 4, 7), "0.14"),
        (date(2018, 3, 31), "0.14"),
        (date(2018, 4, 1), "0.15"),
        (date(2026, 3, 1), "0.15"),
    ],
)
def test_the_rate_follows_the_date(day: date, rate: str) -> None:
    assert standard_rate(day) == Decimal(rate)


def test_before_the_first_rate_nothing_is_known() -> None:
    with pytest.raises(ValueError, match="no VAT rate"):
        standard_rate(date(1991, 1, 1))


def test_the_day_is_the_day_in_south_africa() -> None:
    late = datetime(2018, 3, 31, 22, 0, tzinfo=UTC)
    assert tax_terms(supplier=SUPPLIER, customer=BUYER, currency="ZAR", at=late).rate == Decimal("0.15")


def test_who_is_charged_what() -> None:
    abroad = replace(BUYER, country="DE")
    unregistered = replace(SUPPLIER, vat_number="")

    def treatment(supplier: object = SUPPLIER, customer: object = BUYER, currency: str = "ZAR") -> TaxTreatment:
        return tax_terms(supplier=supplier, customer=customer, currency=currency, at=START).treatment  # type: ignore[arg-type]  # parties, by name

    assert treatment() is TaxTreatment.STANDARD
    assert treatment(currency="USD") is TaxTreatment.STANDARD
    assert treatment(customer=abroad) is TaxTreatment.STANDARD
    assert treatment(customer=abroad, currency="USD") is TaxTreatment.ZERO_RATED
    assert treatment(supplier=unregistered) is TaxTreatment.NOT_REGISTERED


@pytest.mark.parametrize(
    "since, at, number",
    [
        ("", datetime(2026, 3, 1, tzinfo=UTC), "4123456789"),
        ("2026-04-01", datetime(2026, 3, 31, 21, 59, tzinfo=UTC), ""),
        ("2026-04-01", datetime(2026, 3, 31, 22, 0, tzinfo=UTC), "4123456789"),
    ],
)
def test_the_seller_is_registered_from_a_day_on(since: str, at: datetime, number: str) -> None:
    settings = Settings(supplier_name="Us", supplier_vat_number="4123456789", supplier_vat_from=since)
    supplier = supplier_party(settings, at)
    assert supplier.vat_number == number
    expected = TaxTreatment.STANDARD if number else TaxTreatment.NOT_REGISTERED
    assert tax_terms(supplier=supplier, customer=BUYER, currency="ZAR", at=at).treatment is expected


def test_a_full_tax_invoice_begins_above_five_thousand_rand() -> None:
    assert not needs_recipient(Money(500_000, "ZAR"))
    assert needs_recipient(Money(500_001, "ZAR"))
    assert not needs_recipient(Money(900_000, "USD"))


def test_the_treatment_is_said() -> None:
    assert tax_statement(VAT_15) == "Prices include VAT at 15 %."
    assert "0 %" in tax_statement(TaxTerms(TaxTreatment.ZERO_RATED, Decimal(0)))
    assert "not registered" in tax_statement(TaxTerms(TaxTreatment.NOT_REGISTERED, Decimal(0)))
    assert percent(Decimal("0.155")) == "15.5 %"
