"""What a rating says of itself beside its amount, and the uses that it is asked about."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from autorisen.catalog import Graduated, PartKind, Percentage, Tier, Used, Volume, rate, rate_cells
from autorisen.kit.money import Money
from tests.factories.catalog import usage_price


def test_the_parts_say_what_they_are_and_the_unit_price_is_said_where_there_is_one() -> None:
    filled = replace(usage_price("25"), minimum=Money(1_000, "ZAR"))
    assert [(part.kind, part.amount.minor) for part in rate(filled, Decimal(3)).parts] == [
        (PartKind.UNITS, 75),
        (PartKind.MINIMUM, 925),
    ]
    steps = (Tier(Decimal(10), Decimal(5)), Tier(None, Decimal(4)))
    volume_price = replace(usage_price(), model=Volume(steps))
    assert [rate(volume_price, Decimal(quantity)).unit_amount for quantity in (0, 10, 11)] == [0, 5, 4]
    assert rate(replace(usage_price(), model=Graduated(steps)), Decimal(11)).unit_amount == 0


def test_where_no_more_is_sold_no_fee_of_an_event_is_charged() -> None:
    """A trial of a plan with a share of a metered amount: the events come, and cost nothing."""
    on_trial = replace(usage_price(), model=Percentage(Decimal("0.01"), Decimal(30)), overage_allowed=False)
    assert rate(on_trial, Decimal(500), events=7).amount == Money(0, "ZAR")


@pytest.mark.parametrize("used", [[], [Used(Decimal(1), 1), Used(Decimal(1), 1)]])
def test_each_cell_and_the_rest_has_its_use(used: list[Used]) -> None:
    with pytest.raises(ValueError, match="zip"):
        rate_cells(usage_price(), used)
