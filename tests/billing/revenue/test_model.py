"""MRR: what a fee is worth a month, what a change of it is, and that what moved it sums up to it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.billing.revenue.model import (
    Change,
    Fee,
    Kind,
    Step,
    changes_of,
    kind_of,
    month_after,
    month_range,
    monthly,
    months_between,
    moves_of,
    per_mille,
)
from autorisen.billing.revenue.report import mrr_months
from autorisen.kit.money import Money

WHO, AT = UUID(int=1), datetime(2026, 3, 4, tzinfo=UTC)
VAT, NONE = Decimal("0.15"), Decimal(0)
MARCH, APRIL, MAY = date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1)


def a_fee(minor: int, interval: str = "month", *, rate: Decimal = VAT, off: tuple[int, int, int] = (0, 0, 0)) -> Fee:
    charges, off_fees, off_all = off
    return Fee("ZAR", interval, minor, charges, off_fees, off_all, rate)  # type: ignore[arg-type]  # of two texts


@pytest.mark.parametrize(
    "fee, worth",
    [
        (a_fee(52_900), 46_000),
        (a_fee(52_900, rate=NONE), 52_900),
        (a_fee(529_000, "year"), 38_333),
        (a_fee(600, "year", rate=NONE), 50),
        (a_fee(6, "year", rate=NONE), 1),
        (a_fee(5, "year", rate=NONE), 0),
        (a_fee(52_900, off=(0, 10_580, 0)), 36_800),
        (a_fee(52_900, off=(65_400, 0, 13_080)), 36_800),
        (a_fee(52_900, off=(0, 52_900, 0)), 0),
        (a_fee(52_900, off=(52_900, 0, 99_999)), 0),
    ],
)
def test_a_fee_is_worth_so_much_a_month(fee: Fee, worth: int) -> None:
    assert monthly(fee) == Money(worth, "ZAR")


@pytest.mark.parametrize(
    "before, after, had_before, kind",
    [
        (0, 5, False, Kind.NEW),
        (0, 5, True, Kind.REACTIVATION),
        (5, 6, True, Kind.EXPANSION),
        (6, 5, True, Kind.CONTRACTION),
        (5, 0, True, Kind.CHURN),
        (5, 5, True, None),
        (0, 0, False, None),
    ],
)
def test_a_change_has_one_kind(before: int, after: int, had_before: bool, kind: Kind | None) -> None:
    assert kind_of(before, after, had_before=had_before) is kind


def test_a_step_is_a_change_where_its_worth_is_another() -> None:
    same = Step(WHO, AT, a_fee(52_900), a_fee(634_800, "year"), had_before=True)
    assert changes_of(same) == [], "a year at twelve times the price is worth the same"
    assert changes_of(Step(WHO, AT, None, a_fee(115), had_before=False)) == [Change(WHO, AT, "ZAR", Kind.NEW, 0, 100)]
    moved = Step(WHO, AT, a_fee(115), Fee("USD", "month", 900, 0, 0, 0, NONE), had_before=True)
    assert changes_of(moved) == [
        Change(WHO, AT, "ZAR", Kind.CHURN, 100, 0),
        Change(WHO, AT, "USD", Kind.REACTIVATION, 0, 900),
    ]


fees = st.builds(
    a_fee,
    st.integers(0, 10**9),
    st.sampled_from(["month", "year"]),
    rate=st.sampled_from([VAT, NONE]),
    off=st.tuples(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9)),
)
lives = st.lists(st.tuples(st.sampled_from([MARCH, APRIL, MAY]), st.none() | fees), max_size=8)


@given(fees)
def test_a_coupon_never_makes_it_negative_or_more(fee: Fee) -> None:
    assert 0 <= monthly(fee).minor <= fee.fee_minor


@given(st.lists(lives, max_size=6))
def test_what_moved_it_sums_up_to_the_difference(customers: list[list[tuple[date, Fee | None]]]) -> None:
    """Whatever the fees of customers were one after the other: by every month, and by the heads."""
    found, ends = [], {month: [0, 0] for month in (MARCH, APRIL, MAY)}
    for number, life in enumerate(customers):
        before: Fee | None = None
        had = False
        ordered = sorted(life, key=lambda each: each[0])
        for month, after in ordered:
            for change in changes_of(Step(UUID(int=number), AT, before, after, had_before=had)):
                found.append((change, month, None))
                had = True
            before = after
        for month, end in ends.items():
            last = next((fee for day, fee in reversed(ordered) if day <= month), None)
            worth = monthly(last).minor if last else 0
            end[0] += worth
            end[1] += bool(worth)
    months = mrr_months(moves_of(found), [MARCH, APRIL, MAY], "ZAR")
    assert [(each.closing.minor, each.customers_closing) for each in months] == [tuple(each) for each in ends.values()]
    for each in months:
        parts = (each.new, each.expansion, each.reactivation, each.contraction, each.churn)
        assert sum(parts, start=each.opening) == each.closing
        assert each.change == each.closing - each.opening
        assert min(each.new, each.expansion, each.reactivation).minor >= 0
        assert max(each.contraction.minor, each.churn.minor) <= 0
    assert all(later.opening == one.closing for one, later in pairwise(months))


def test_months_are_counted() -> None:
    assert (month_after(MARCH), month_after(date(2026, 12, 1))) == (APRIL, date(2027, 1, 1))
    assert month_range(date(2026, 11, 1), date(2027, 1, 1)) == [date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)]
    assert month_range(APRIL, MARCH) == []
    assert months_between(date(2026, 11, 1), date(2027, 2, 1)) == 3


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**12))
def test_a_share_is_half_up_to_a_thousandth(part: int, whole: int) -> None:
    share = per_mille(part, whole)
    assert share is not None
    assert -whole <= 2 * (1000 * part - share * whole) < whole
    assert per_mille(part, 0) is None


def test_a_share_of_half_a_thousandth_is_one() -> None:
    assert (per_mille(1, 2000), per_mille(1, 2001), per_mille(1, 3)) == (1, 0, 333)
