"""Rating: worked examples, and the laws that hold for every price and quantity."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal, Inexact
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autorisen.catalog import (
    Graduated,
    Package,
    PartKind,
    Percentage,
    PerUnit,
    PriceModel,
    Tier,
    UsagePrice,
    Volume,
    load_catalog,
    rate,
    shipped_catalog,
)
from autorisen.kit.money import Money
from tests.factories.catalog import usage_price

MANY = 4 * settings().max_examples

quantities = st.decimals(min_value=0, max_value=10**15, places=6)
unit_amounts = st.decimals(min_value=0, max_value=10**6, places=12)
money = st.integers(1, 10**12).map(lambda minor: Money(minor, "ZAR"))
bounds = st.lists(st.decimals(min_value="0.000001", max_value=10**15, places=6), max_size=4, unique=True).map(sorted)


@st.composite
def tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    ends = [*draw(bounds), None]
    fees = st.decimals(min_value=0, max_value=10**6, places=2)
    return tuple(Tier(end, draw(unit_amounts), draw(fees)) for end in ends)


per_unit = st.builds(PerUnit, unit_amounts)
graduated = st.builds(Graduated, tiers())
volume = st.builds(Volume, tiers())
package = st.builds(Package, st.decimals(min_value="0.000001", max_value=10**9, places=6), unit_amounts)
percentage = st.builds(Percentage, st.decimals(min_value=0, max_value=10, places=12), unit_amounts)
monotone = st.one_of(per_unit, graduated, package, percentage)
any_model = st.one_of(monotone, volume)


@st.composite
def prices(draw: st.DrawFn, models: st.SearchStrategy[PriceModel] = any_model) -> UsagePrice:
    model = draw(models)
    sold = draw(st.booleans()) or not isinstance(model, PerUnit)
    minimum = draw(st.none() | money) if sold else None
    cap = draw(st.none() | money) if sold else None
    if minimum is not None and cap is not None and cap < minimum:
        minimum, cap = cap, minimum
    included = draw(st.decimals(min_value=0, max_value=10**12, places=6) | st.just(Decimal(0)))
    return replace(usage_price(), included=included, model=model, overage_allowed=sold, minimum=minimum, cap=cap)


events_counts = st.integers(0, 10**9)
months_counts = st.integers(1, 12)
shares = st.fractions(0, 1)


def exact(price: UsagePrice, quantity: Decimal, events: int, months: int) -> Fraction:
    """What it costs before the minimum and the cap, worked unit for unit in fractions: the oracle."""
    over = max(Fraction(quantity) - Fraction(price.included) * months, Fraction(0))
    match price.model:
        case PerUnit(unit_amount):
            return over * Fraction(unit_amount)
        case Package(size, amount):
            return math.ceil(over / Fraction(size)) * Fraction(amount)
        case Percentage(rate_, fee):
            return over * Fraction(rate_) * 100 + events * Fraction(fee)
        case Volume(steps):
            found = next(each for each in steps if each.up_to is None or over <= Fraction(each.up_to) * months)
            return over * Fraction(found.unit_amount) + Fraction(found.fee) * months if over else Fraction(0)
        case Graduated(steps):
            total, below = Fraction(0), Fraction(0)
            for each in steps:
                top = over if each.up_to is None else min(Fraction(each.up_to) * months, over)
                if top > below:
                    total += (top - below) * Fraction(each.unit_amount) + Fraction(each.fee) * months
                    below = top
            return total


def half_up(amount: Fraction) -> int:
    return (amount + Fraction(1, 2)).__floor__()


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


@settings(max_examples=MANY)
@given(prices(), quantities, events_counts, months_counts, shares)
def test_the_amount_is_the_exact_sum_rounded_once_within_its_limits(
    price: UsagePrice, quantity: Decimal, events: int, months: int, share: Fraction
) -> None:
    rated = rate(price, quantity, events=events, months=months, share=share)
    amount = half_up(exact(price, quantity, events, months)) if price.overage_allowed else 0
    if price.minimum is not None:
        amount = max(amount, half_up(price.minimum.minor * months * share))
    if price.cap is not None:
        amount = min(amount, price.cap.minor * months)
    assert rated.amount == Money(amount, "ZAR")


@settings(max_examples=MANY)
@given(prices(), quantities, events_counts, months_counts, shares)
def test_the_parts_sum_to_the_line(
    price: UsagePrice, quantity: Decimal, events: int, months: int, share: Fraction
) -> None:
    rated = rate(price, quantity, events=events, months=months, share=share)
    if rated.parts:
        assert sum(part.amount.minor for part in rated.parts) == rated.amount.minor
        assert all(part.amount.minor >= 0 for part in rated.parts if part.kind is not PartKind.CAP)
        assert all(part.quantity > 0 for part in rated.parts)
        assert all(
            abs(part.amount.minor - Fraction(part.quantity) * Fraction(part.unit_amount)) < 1
            for part in rated.parts
            if part.kind not in (PartKind.MINIMUM, PartKind.CAP)
        ), "a part is less than a cent off its own product"
        if isinstance(price.model, Graduated):
            assert sum(part.quantity for part in rated.parts if part.kind is PartKind.UNITS) == rated.billable
    else:
        assert rated.amount.minor == half_up(Fraction(rated.billable) * Fraction(rated.unit_amount))


@settings(max_examples=MANY)
@given(prices(monotone), quantities, quantities, events_counts, months_counts)
def test_more_use_never_costs_less(price: UsagePrice, one: Decimal, other: Decimal, events: int, months: int) -> None:
    low, high = sorted((one, other))
    assert (
        rate(price, low, events=events, months=months).amount <= rate(price, high, events=events, months=months).amount
    )


def test_volume_may_step_down_at_a_bound_by_design() -> None:
    """Property: this is the one model where more use can cost less, and the page of the price models says so."""
    steps = Volume((Tier(Decimal(1000), Decimal(100)), Tier(None, Decimal(80))))
    price = replace(usage_price(), model=steps)
    assert rate(price, Decimal(1001)).amount < rate(price, Decimal(1000)).amount
    assert rate(price, Decimal(1000)).amount < rate(price, Decimal(1250)).amount + Money(1, "ZAR")


whole_units = st.integers(0, 10**12).map(Decimal)


@given(st.integers(0, 10**6), st.integers(0, 100), st.lists(st.tuples(whole_units, events_counts), max_size=5))
def test_use_split_into_pieces_costs_the_same_where_units_have_one_price(
    unit_amount: int, percent: int, pieces: list[tuple[Decimal, int]]
) -> None:
    """Goal: additive over splits, without allowance and limits, in amounts that need no rounding."""
    models: list[PriceModel] = [PerUnit(Decimal(unit_amount)), Percentage(Decimal(percent) / 100, Decimal(unit_amount))]
    for model in models:
        price = replace(usage_price(), model=model)
        apart = [rate(price, quantity, events=events).amount.minor for quantity, events in pieces]
        quantity, events = sum((each for each, _ in pieces), Decimal(0)), sum(each for _, each in pieces)
        assert sum(apart) == rate(price, quantity, events=events).amount.minor


@given(graduated, quantities, quantities)
def test_graduated_use_in_two_steps_costs_what_it_costs_at_once(model: Graduated, one: Decimal, more: Decimal) -> None:
    """Goal: what the second step adds is exactly the price of the units between, tier by tier."""
    price = replace(usage_price(), model=model)
    step = exact(price, one + more, 0, 1) - exact(price, one, 0, 1)
    added = rate(price, one + more).amount.minor - rate(price, one).amount.minor
    assert abs(added - step) <= 1


@given(prices(st.one_of(per_unit, graduated, volume, percentage)), quantities, events_counts, months_counts)
def test_a_year_costs_what_its_months_would(price: UsagePrice, quantity: Decimal, events: int, months: int) -> None:
    year = rate(price, quantity * months, events=events * months, months=months)
    assert abs(year.amount.minor - months * rate(price, quantity, events=events).amount.minor) <= months


@given(prices(), quantities, events_counts, months_counts)
def test_nothing_is_negative_and_included_and_billable_make_the_quantity(
    price: UsagePrice, quantity: Decimal, events: int, months: int
) -> None:
    rated = rate(price, quantity, events=events, months=months)
    assert rated.amount.minor >= 0
    assert rated.included >= 0
    assert rated.billable >= 0
    assert rated.unit_amount >= 0
    assert rated.included <= price.included * months
    if price.overage_allowed:
        assert rated.included + rated.billable == rated.quantity == quantity
    else:
        assert rated.billable == rated.amount.minor == 0


@given(prices(), months_counts, shares)
def test_no_use_costs_the_minimum_or_nothing(price: UsagePrice, months: int, share: Fraction) -> None:
    rated = rate(price, Decimal(0), months=months, share=share)
    owed = 0 if price.minimum is None else half_up(price.minimum.minor * months * share)
    assert rated.amount.minor == owed
    assert [part.kind for part in rated.parts] == ([PartKind.MINIMUM] if owed else [])


@given(prices(), quantities, events_counts, st.sampled_from(["ZAR", "USD"]))
def test_every_amount_has_the_currency_of_the_price(
    price: UsagePrice, quantity: Decimal, events: int, currency: str
) -> None:
    priced = replace(price, currency=currency, minimum=None, cap=None)
    rated = rate(priced, quantity, events=events)
    assert {rated.amount.currency, *(part.amount.currency for part in rated.parts)} == {currency}


@given(prices(st.one_of(per_unit, graduated, volume, package)), quantities)
def test_within_the_allowance_nothing_is_charged(price: UsagePrice, quantity: Decimal) -> None:
    rated = rate(replace(price, minimum=None), min(quantity, price.included))
    assert rated.billable == 0
    assert rated.amount.minor == 0


EXTREME = [
    # a quantity of 10^18 with every digit of a price of 12 decimal places
    (PerUnit(Decimal("0.000000000001")), "1000000000000000000", 1_000_000),
    (PerUnit(Decimal("999999.999999999999")), "1000000000000000000.000001", 999_999_999_999_999_999_000_001),
    (PerUnit(Decimal("0.000000000001")), "500000000000", 1),
    (PerUnit(Decimal("0.000000000001")), "499999999999.999999", 0),
    (Package(Decimal("0.000001"), Decimal("0.000000000001")), "1000000000000000000", 1_000_000_000_000),
    (Percentage(Decimal("0.000000000001")), "1000000000000000000", 100_000_000),
    (Graduated((Tier(Decimal(10**18), Decimal("0.1")), Tier(None, Decimal(1)))), "1000000000000000005", 10**17 + 5),
    (Volume((Tier(Decimal(10**18), Decimal("0.1")), Tier(None, Decimal("0.2")))), "1000000000000000001", 2 * 10**17),
]


@pytest.mark.parametrize("model, quantity, cents", EXTREME)
def test_extreme_quantities_and_prices_are_exact(model: PriceModel, quantity: str, cents: int) -> None:
    assert rate(replace(usage_price(), model=model), Decimal(quantity)).amount.minor == cents


@pytest.mark.parametrize(
    "events, share, rule", [(-1, Fraction(1), "events"), (0, Fraction(-1), "share"), (0, Fraction(2), "share")]
)
def test_events_and_shares_that_can_not_be_are_refused(events: int, share: Fraction, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        rate(usage_price(), Decimal(1), events=events, share=share)


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
