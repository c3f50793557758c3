"""The credit for unused time, for prices, periods and changes at random: by whole seconds, half up."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.billing.build_invoice import unused_part
from autorisen.kit.money import Money
from tests.factories.billing import START

MONTH = 31 * 86_400
prices = st.integers(0, 10**9)
seconds = st.integers(0, 366 * 86_400)
lengths = st.integers(1, 366 * 86_400)


def credit_of(paid: int, start: datetime, end: datetime, at: datetime) -> int:
    return unused_part(Money(paid, "ZAR"), start_at=start, end_at=end, at=at).minor


@pytest.mark.parametrize(
    "day, credit",
    [(-1, 52_900), (0, 52_900), (10, 35_267), (15, 26_450), (29, 1_763), (30, 0), (31, 0)],
)
def test_credit_by_time(day: int, credit: int) -> None:
    assert credit_of(52_900, START, START + timedelta(days=30), START + timedelta(days=day)) == credit


def test_a_second_that_has_begun_is_used() -> None:
    end = START + timedelta(seconds=10)
    assert credit_of(1_000, START, end, START + timedelta(microseconds=1)) == 900
    assert credit_of(1_000, START, end, end - timedelta(microseconds=1)) == 0


@given(price=prices, start=seconds, length=lengths, cuts=st.lists(seconds, min_size=2))
def test_credit_falls_with_time_and_stays_within_the_price(
    price: int, start: int, length: int, cuts: list[int]
) -> None:
    begin, end = START + timedelta(seconds=start), START + timedelta(seconds=start + length)
    credits = [credit_of(price, begin, end, START + timedelta(seconds=cut)) for cut in sorted(cuts)]
    assert all(0 <= credit <= price for credit in credits)
    assert credits == sorted(credits, reverse=True)


@given(price=prices, length=lengths, cuts=st.lists(seconds, min_size=1, max_size=6))
def test_however_a_period_is_cut_its_pieces_never_give_back_more_than_was_paid(
    price: int, length: int, cuts: list[int]
) -> None:
    paid, start, end = price, START, START + timedelta(seconds=length)
    for cut in sorted(min(each, length - 1) for each in cuts):
        at = START + timedelta(seconds=cut)
        credit = credit_of(paid, start, end, at)
        assert 0 <= credit <= paid
        paid, start = credit, at


@given(st.lists(st.tuples(prices, st.integers(1, MONTH), st.integers(0, MONTH)), max_size=12))
def test_no_sequence_of_changes_yields_more_credit_than_was_paid(changes: list[tuple[int, int, int]]) -> None:
    """Each change pays a price and takes off the unused part of the one that it ends."""
    paid = credited = 0
    now = START
    running: tuple[int, datetime, datetime] | None = None
    for price, length, stay in changes:
        if running is not None:
            worth, start, end = running
            credited += credit_of(worth, start, end, now)
        assert 0 <= credited <= paid
        paid += price
        running = (price, now, now + timedelta(seconds=length))
        now += timedelta(seconds=stay)
