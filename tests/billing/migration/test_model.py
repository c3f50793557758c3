"""When a subscriber is moved, and what all moves come to: pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from autorisen.billing.migration.model import Move, MoveSum, moves_at, sums_of
from autorisen.kit.money import Money
from tests.factories.contracts import BUYER, CONTRACT, END, INSTANT, PERIOD, START

LAST = datetime(2029, 5, 31, 8, tzinfo=UTC)  # the end of the fortieth period


@pytest.mark.parametrize(
    "earliest, at",
    [
        (START, END),
        (END, END),
        (END + INSTANT, datetime(2026, 3, 31, 8, tzinfo=UTC)),
        (datetime(2026, 3, 31, 8, tzinfo=UTC) + INSTANT, datetime(2026, 4, 30, 8, tzinfo=UTC)),
        (LAST, LAST),
    ],
)
def test_a_move_waits_for_the_first_end_that_is_not_before_the_notice(earliest: datetime, at: datetime) -> None:
    assert moves_at(CONTRACT, PERIOD, earliest) == at


def test_a_notice_that_no_period_reaches_is_refused() -> None:
    with pytest.raises(ValueError, match=f"^no period of {CONTRACT.public_id} ends after 2029-05-31T08:00:00.000001"):
        moves_at(CONTRACT, PERIOD, LAST + INSTANT)


def a_move(before: int, after: int, currency: str = "ZAR") -> Move:
    fees = (Money(before, currency), Money(after, currency))
    return Move(replace(CONTRACT, currency=currency), BUYER, 1, END, None, None, *fees)


def test_the_sums_are_by_currency_and_count_who_pays_more_and_who_less() -> None:
    moves = [a_move(100, 101), a_move(7, 7, "USD"), a_move(100, 200), a_move(100, 99)]
    assert sums_of(moves) == [
        MoveSum("USD", 1, Money(7, "USD"), Money(7, "USD"), 0, 0),
        MoveSum("ZAR", 3, Money(300, "ZAR"), Money(400, "ZAR"), 2, 1),
    ]


def test_the_usage_of_the_last_period_counts_on_both_sides() -> None:
    move = replace(a_move(100, 200), usage_before=Money(30, "ZAR"), usage_after=Money(20, "ZAR"))
    assert (move.before.minor, move.after.minor, move.difference.minor) == (130, 220, 90)
    assert a_move(100, 200).difference.minor == 100
