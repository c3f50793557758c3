"""Money: exact, one currency at a time, rounded half up in one named place."""

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.kit.money import CurrencyMismatch, Money, UnknownCurrency, round_half_up, tax_fraction

VAT = Decimal("0.15")


def test_money_is_an_integer_of_a_known_currency() -> None:
    for wrong in (1.5, True, Decimal(1), "1"):
        with pytest.raises(TypeError):
            Money(wrong, "ZAR")  # type: ignore[arg-type]  # the fault itself
    with pytest.raises(UnknownCurrency):
        Money(1, "ZZZ")


def test_parse_takes_whole_minor_units_only() -> None:
    assert Money.parse("529.00", "ZAR") == Money(52_900, "ZAR")
    assert Money.parse("-0.01", "USD") == Money(-1, "USD")
    with pytest.raises(ValueError, match="parts of a minor unit"):
        Money.parse("0.005", "ZAR")


def test_sums_and_order_stay_within_one_currency() -> None:
    rand, dollar = Money(100, "ZAR"), Money(100, "USD")
    assert rand + rand - Money(50, "ZAR") == Money(150, "ZAR")
    assert -rand == Money(-100, "ZAR")
    assert Money(99, "ZAR") < rand <= Money(100, "ZAR")
    assert rand != dollar
    assert not Money.zero("ZAR")
    assert rand
    for refused in (lambda: rand + dollar, lambda: rand - dollar, lambda: rand < dollar, lambda: rand <= dollar):
        with pytest.raises(CurrencyMismatch):
            refused()


def test_money_for_people_and_for_logs() -> None:
    assert str(Money(52_900, "ZAR")) == "ZAR 529.00"
    assert Money(-1, "ZAR").major == Decimal("-0.01")
    assert Money(123_456, "USD").format("en_US") == "$1,234.56"


@pytest.mark.parametrize(
    "amount, rounded",
    [("0.5", 1), ("1.5", 2), ("2.5", 3), ("-0.5", -1), ("-2.5", -3), ("0.49999999999", 0), ("2.4999", 2)],
)
def test_half_a_cent_goes_away_from_zero(amount: str, rounded: int) -> None:
    assert round_half_up(Decimal(amount)) == rounded


def test_half_up_differs_from_pythons_default() -> None:
    assert round_half_up(Decimal("2.5")) != int(Decimal("2.5").quantize(Decimal(1), ROUND_HALF_EVEN))


# Worked values: South African VAT Act s66, prices deemed to include 15 % (s64).
@pytest.mark.parametrize(
    "gross, tax",
    [(19_900, 2_596), (24_950, 3_254), (199_900, 26_074), (500_000, 65_217), (500_001, 65_218), (0, 0),
     (-19_900, -2_596)],
)  # fmt: skip
def test_tax_fraction_matches_the_worked_values(gross: int, tax: int) -> None:
    assert tax_fraction(gross, VAT) == tax


@given(st.integers(-(10**15), 10**15))
def test_tax_is_within_half_a_cent_of_the_exact_fraction(gross: int) -> None:
    assert abs(tax_fraction(gross, VAT) - Decimal(gross) * 15 / 115) <= Decimal("0.5")
