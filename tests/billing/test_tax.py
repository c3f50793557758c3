"""South African VAT: worked vectors, rates by date, and who is charged what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from autorisen.billing.model import TaxTerms, TaxTreatment
from autorisen.billing.tax import needs_recipient, percent, standard_rate, tax_statement, tax_terms, vat_contained
from autorisen.kit.money import Money
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


def test_the_rate_follows_the_date() -> None:
    assert standard_rate(date(2018, 3, 31)) == Decimal("0.14")
    assert standard_rate(date(2018, 4, 1)) == Decimal("0.15")
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


def test_a_full_tax_invoice_begins_above_five_thousand_rand() -> None:
    assert not needs_recipient(Money(500_000, "ZAR"))
    assert needs_recipient(Money(500_001, "ZAR"))
    assert not needs_recipient(Money(900_000, "USD"))


def test_the_treatment_is_said() -> None:
    assert tax_statement(VAT_15) == "Prices include VAT at 15 %."
    assert "0 %" in tax_statement(TaxTerms(TaxTreatment.ZERO_RATED, Decimal(0)))
    assert "not registered" in tax_statement(TaxTerms(TaxTreatment.NOT_REGISTERED, Decimal(0)))
    assert percent(Decimal("0.155")) == "15.5 %"
