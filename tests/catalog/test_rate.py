"""Rating: worked examples, and the laws that hold for every price and quantity."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, Inexact
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.catalog import UsagePrice, load_catalog, rate, shipped_catalog
from tests.factories.catalog import usage_price

quantities = st.decimals(min_value=0, max_value=10**15, places=6)
unit_amounts = st.decimals(min_value=0, max_value=10**6, places=12)
prices = st.builds(
    lambda included, unit_amount, overage: replace(
        usage_price(), included=included, unit_amount=unit_amount, overage_allowed=overage
    ),
    st.decimals(min_value=0, max_value=10**12, places=6),
    unit_amounts,
    st.booleans(),
)


def shipped(plan_key: str, meter: str, currency: str = "ZAR") -> UsagePrice:
    plan = next(plan for plan in load_catalog(shipped_catalog()).plans if plan.plan_key == plan_key)
    found = [p for p in plan.prices if isinstance(p, UsagePrice) and (p.meter, p.currency) == (meter, currency)]
    assert len(found) == 1
    return found[0]


# Each worked by hand: (quantity - allowance) x cents per unit, half a cent and more up.
EXAMPLES = """
    plan        meter              currency  months  quantity  billable   cents
    free        agent.execution    ZAR            1        50         0       0
    free        agent.execution    ZAR            1        51         0       0
    free        llm.input_tokens   USD            1   9000000         0       0
    pro         agent.execution    ZAR            1         0         0       0
    pro         agent.execution    ZAR            1      2000         0       0
    pro         agent.execution    ZAR            1      2001         1      25
    pro         agent.execution    ZAR            1      2100       100    2500
    pro         agent.execution    ZAR           12     24000         0       0
    pro         agent.execution    ZAR           12     24001         1      25
    pro         llm.input_tokens   ZAR            1   5000083        83       0  # 0.498 cents
    pro         llm.input_tokens   ZAR            1   5000084        84       1  # 0.504 cents
    pro         llm.input_tokens   ZAR            1   6000000   1000000    6000
    pro         llm.input_tokens   ZAR            1  22361870  17361870  104171  # 104,171.22 cents
    pro         llm.input_tokens   ZAR            1  18059974  13059974   78360  # 78,359.844 cents
    pro         llm.output_tokens  ZAR            1   4088665   3588665  107660  # 107,659.95 cents
    pro         llm.output_tokens  ZAR            1    500050        50       2  # 1.5 cents: half goes up
    pro         llm.output_tokens  ZAR            1    500049        49       1  # 1.47 cents
    pro         llm.output_tokens  USD            1   1500000   1000000    1650
    enterprise  agent.execution    ZAR            1      8001         1      20
    enterprise  llm.input_tokens   ZAR            1  51000000   1000000    4500
    enterprise  llm.output_tokens  ZAR            1   6000000   1000000   22500
    enterprise  llm.input_tokens   USD            1  51000000   1000000     250
"""


@pytest.mark.parametrize("example", EXAMPLES.strip().splitlines()[1:])
def test_worked_examples(example: str) -> None:
    plan, meter, currency, months, quantity, billable, cents = example.partition("#")[0].split()
    rated = rate(shipped(plan, meter, currency), Decimal(quantity), months=int(months))
    assert (rated.amount.minor, rated.amount.currency) == (int(cents), currency)
    assert rated.billable == Decimal(billable)


@given(prices, quantities, st.integers(1, 12))
def test_the_amount_is_the_exact_product_rounded_once(price: UsagePrice, quantity: Decimal, months: int) -> None:
    rated = rate(price, quantity, months=months)
    over = max(Fraction(quantity) - Fraction(price.included) * months, Fraction(0))
    exact = over * Fraction(price.unit_amount) if price.overage_allowed else Fraction(0)
    assert rated.amount.minor == (exact + Fraction(1, 2)).__floor__()
    assert abs(rated.amount.minor - exact) <= Fraction(1, 2)


@given(prices, quantities, quantities)
def test_more_use_never_costs_less(price: UsagePrice, one: Decimal, other: Decimal) -> None:
    low, high = sorted((one, other))
    assert rate(price, low).amount <= rate(price, high).amount


@given(prices, quantities, st.integers(1, 12))
def test_nothing_is_negative_and_the_parts_make_the_quantity(price: UsagePrice, quantity: Decimal, months: int) -> None:
    rated = rate(price, quantity, months=months)
    assert rated.amount.minor >= 0
    assert rated.included >= 0
    assert rated.billable >= 0
    assert rated.included <= price.included * months
    if price.overage_allowed:
        assert rated.included + rated.billable == rated.quantity == quantity
    else:
        assert rated.billable == 0


@given(prices, quantities, st.sampled_from(["ZAR", "USD"]))
def test_the_amount_has_the_currency_of_the_price(price: UsagePrice, quantity: Decimal, currency: str) -> None:
    assert rate(replace(price, currency=currency), quantity).amount.currency == currency


@given(prices, quantities)
def test_within_the_allowance_nothing_is_charged(price: UsagePrice, quantity: Decimal) -> None:
    rated = rate(price, min(quantity, price.included))
    assert rated.billable == 0
    assert rated.amount.minor == 0


@pytest.mark.parametrize("quantity", ["-1", "-0.000001", "NaN", "Infinity"])
def test_a_quantity_that_can_not_be_is_refused(quantity: str) -> None:
    with pytest.raises(ValueError, match="finite number of zero or more"):
        rate(usage_price(), Decimal(quantity))


@pytest.mark.parametrize("months", [0, -12])
def test_a_period_lasts_a_month_or_more(months: int) -> None:
    with pytest.raises(ValueError, match="one month or more"):
        rate(usage_price(), Decimal(1), months=months)


def test_a_product_too_long_to_be_exact_is_refused_and_not_rounded() -> None:
    long = usage_price("1." + "1" * 150)
    with pytest.raises(Inexact):
        rate(long, Decimal("1." + "3" * 150))
