"""Fees by day: the days of a fee sum to it, whatever is taken back, however often the books are brought up to date."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.billing.deferred.model import (
    DeferredReport,
    Fees,
    Month,
    Movement,
    Standing,
    Upcoming,
    deferred_table,
    earned_minor,
    month_after,
    months_of,
    movements,
    standing,
    stops,
    upcoming_of,
)
from autorisen.billing.deferred.recognise import postings_of
from autorisen.kit.money import Money

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
DAY = timedelta(days=1)
days = st.dates(date(2026, 1, 1), date(2027, 3, 1))
nets = st.integers(-(10**9), 10**9)


@st.composite
def any_fees(draw: st.DrawFn) -> Fees:
    """Claimed before, in or after its days; for a part of a day up to more than a year."""
    first = draw(days)
    end = first + timedelta(days=draw(st.integers(0, 400)))
    currency = draw(st.sampled_from(["ZAR", "USD"]))
    return Fees(currency, draw(days), first, end, draw(nets), draw(st.integers(1, 5)))


@pytest.mark.parametrize(
    "net, first, end, until, earned",
    [
        (46_000, MARCH, APRIL, MARCH, 0),
        (46_000, MARCH, APRIL, MARCH + DAY, 1_484),
        (46_000, MARCH, APRIL, MARCH + 2 * DAY, 2_968),
        (46_000, MARCH, APRIL, MARCH + 3 * DAY, 4_452),
        (46_000, MARCH, APRIL, MARCH + 4 * DAY, 5_935),
        (46_000, MARCH, APRIL, APRIL, 46_000),
        (46_000, MARCH, APRIL, APRIL + 99 * DAY, 46_000),
        (-46_000, MARCH, APRIL, MARCH + DAY, -1_484),
        (365, date(2027, 1, 1), date(2028, 1, 1), date(2027, 2, 1), 31),
        (366, date(2028, 1, 1), date(2029, 1, 1), date(2028, 3, 1), 60),
        (1, MARCH, MARCH + 2 * DAY, MARCH + DAY, 1),
        (700, MARCH, MARCH, MARCH, 0),
        (700, MARCH, MARCH, MARCH + DAY, 700),
    ],
)
def test_so_much_is_earned_before_a_day(net: int, first: date, end: date, until: date, earned: int) -> None:
    assert earned_minor(net, first, end, until) == earned


@given(any_fees())
def test_the_days_of_a_fee_sum_to_it_and_none_takes_anything_back(fee: Fees) -> None:
    length = max((fee.end - fee.first).days, 1)
    stands = [earned_minor(fee.net_minor, fee.first, fee.end, fee.first + n * DAY) for n in range(length + 1)]
    assert (stands[0], stands[-1]) == (0, fee.net_minor)
    steps = [after - before for before, after in itertools.pairwise(stands)]
    assert all(step * fee.net_minor >= 0 for step in steps)
    assert max(steps) - min(steps) <= 1, "no day is more than a cent above another"
    assert stands == [-each for each in (earned_minor(-fee.net_minor, fee.first, fee.end, fee.first + n * DAY)
        for n in range(length + 1))]  # fmt: skip


@given(any_fees(), days)
def test_a_fee_that_is_taken_back_whole_leaves_nothing_from_that_day_on(fee: Fees, back_on: date) -> None:
    taken = Fees(fee.currency, max(back_on, fee.claimed_on), fee.first, fee.end, -fee.net_minor, fee.count)
    after = standing([fee, taken], taken.claimed_on + DAY)
    assert (after.added_minor, after.earned_minor) == (0, 0)


@given(st.lists(any_fees(), min_size=1, max_size=6), st.lists(days, max_size=8))
def test_however_often_the_books_are_brought_up_to_date_they_say_the_same(
    fees: list[Fees], runs: Sequence[date]
) -> None:
    last = date(2027, 3, 15)
    once = movements(fees, {}, last)
    often: list[Movement] = []
    for run in (*sorted(runs), last, last):
        # What is claimed later is not there yet.
        known = [each for each in fees if each.claimed_on <= run]
        often += movements(known, _standings(often), run)
    assert _moving(months_of(often)) == _moving(months_of(once))
    for currency in {each.currency for each in fees}:
        mine = [each for each in fees if each.currency == currency]
        now = standing(mine, last)
        made = [each for each in often if each.currency == currency]
        assert sum(each.added_minor for each in made) == now.added_minor
        assert sum(each.earned_minor for each in made) == now.earned_minor
        assert all(one.until <= other.since for one, other in itertools.pairwise(made))
    for each in often:
        assert each.since < each.until
        assert each.day >= each.since, "it covers a day at least"
        assert each.occurred_at < datetime.combine(each.until, datetime.min.time(), UTC)
        assert each.occurred_at.date() == each.day


def _moving(months: Sequence[Month]) -> list[Month]:
    return [month for month in months if month.added or month.recognised]


def _standings(made: Sequence[Movement]) -> dict[str, Standing]:
    found = {}
    for currency in {each.currency for each in made}:
        mine = [each for each in made if each.currency == currency]
        sums = (sum(each.added_minor for each in mine), sum(each.earned_minor for each in mine))
        found[currency] = Standing(max(each.until for each in mine), *sums)
    return found


@given(st.lists(any_fees(), min_size=1, max_size=6), days)
def test_every_month_begins_with_what_the_one_before_left_and_the_rest_is_earned_later(
    fees: list[Fees], until: date
) -> None:
    made = movements(fees, {}, until)
    months = months_of(made)
    for month in months:
        assert month.closing == month.opening + month.added - month.recognised
    for one, other in itertools.pairwise(months):
        if one.opening.currency == other.opening.currency:
            assert (other.first, other.opening) == (month_after(one.first), one.closing)
    upcoming = upcoming_of(fees, until)
    for currency in {each.currency for each in fees}:
        mine = [each for each in fees if each.currency == currency]
        now = standing(mine, until)
        left = sum(each.amount.minor for each in upcoming if each.amount.currency == currency)
        assert left == now.added_minor - now.earned_minor
    assert all(each.amount for each in upcoming)


def test_a_year_by_months() -> None:
    year = [Fees("ZAR", MARCH, MARCH, date(2027, 3, 1), 36_500, 2)]
    made = movements(year, {}, date(2026, 5, 11))
    assert [(each.since, each.until, each.added_minor, each.earned_minor) for each in made] == [
        (MARCH, APRIL, 73_000, 6_200),
        (APRIL, date(2026, 5, 1), 0, 6_000),
        (date(2026, 5, 1), date(2026, 5, 11), 0, 2_000),
    ]
    report = DeferredReport(made[-1].until, months_of(made), upcoming_of(year, made[-1].until))
    assert report.months[1] == Month(
        APRIL, Money(66_800, "ZAR"), Money(0, "ZAR"), Money(6_000, "ZAR"), Money(60_800, "ZAR")
    )
    assert (report.last_day, report.currencies) == (date(2026, 5, 10), ("ZAR",))
    assert report.upcoming[0] == Upcoming(date(2026, 5, 1), Money(4_200, "ZAR"))
    assert deferred_table(report).splitlines()[:2] == [
        "month,currency,opening,added,recognised,closing",
        "2026-03,ZAR,0.00,730.00,62.00,668.00",
    ]
    later = [Fees("ZAR", MARCH, date(2028, 1, 1), date(2028, 2, 1), 3_100, 1)]
    assert upcoming_of(later, APRIL) == (Upcoming(None, Money(3_100, "ZAR")),)


def test_a_month_in_which_nothing_moves_is_there() -> None:
    fees = [Fees("ZAR", MARCH, date(2026, 5, 1), date(2026, 5, 2), 100, 1)]
    months = months_of(movements(fees, {}, date(2026, 6, 1)))
    assert [(each.first.month, each.opening.minor, each.closing.minor) for each in months] == [
        (3, 0, 100),
        (4, 100, 100),
        (5, 100, 0),
    ]


def test_the_stops_are_the_firsts_of_months_and_the_last_day() -> None:
    assert stops(MARCH, MARCH) == []
    assert stops(MARCH, MARCH - DAY) == []
    assert stops(MARCH, APRIL) == [APRIL]
    assert stops(MARCH + 9 * DAY, date(2026, 5, 2)) == [APRIL, date(2026, 5, 1), date(2026, 5, 2)]


def test_a_half_that_moves_nothing_is_not_posted() -> None:
    assert [each.reference for each in postings_of(Movement("ZAR", MARCH, APRIL, 0, 5))] == [
        "recognition:2026-03-31:ZAR:earned"
    ]
    assert [each.reference for each in postings_of(Movement("ZAR", MARCH, APRIL, 5, 0))] == [
        "recognition:2026-03-31:ZAR:deferred"
    ]
