"""The forecast: what was used, and for the time that is left the average of the last days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.metering import Quantity
from autorisen.portal.forecast import Pace, expected, pace_of

NOW = datetime(2026, 3, 18, tzinfo=UTC)
END = datetime(2026, 4, 1, tzinfo=UTC)
WEEK = Pace(NOW - timedelta(days=7), NOW)


def test_the_pace_is_of_a_week_or_of_the_whole_days_that_are_known() -> None:
    assert pace_of(NOW, NOW - timedelta(days=90)) == WEEK
    assert pace_of(NOW, NOW - timedelta(days=3)) == Pace(NOW - timedelta(days=3), NOW)
    assert pace_of(NOW, NOW - timedelta(days=1)) is not None
    assert pace_of(NOW, NOW - timedelta(hours=23)) is None
    assert (WEEK.days, Pace(NOW - timedelta(hours=47), NOW).days) == (7, 1)


@pytest.mark.parametrize(
    "used,recent,end,quantity,events",
    [
        ("1000", "700", END, "2400", 24),  # 14 days at 100
        ("1000", "0", END, "1000", 10),
        ("0", "1", END, "2", 14),
        ("1.5", "0.7", END, "2.90", 24),
        ("120.5", "0.7", END, "122", 24),
        ("1000", "700", NOW, "1000", 10),
        ("1000", "700", NOW - timedelta(days=1), "1000", 10),
    ],
)
def test_what_is_left_goes_on_as_the_last_days(
    used: str, recent: str, end: datetime, quantity: str, events: int
) -> None:
    found = expected(Quantity(Decimal(used), 10), Quantity(Decimal(recent), 7), WEEK, end)
    assert str(found.quantity) == quantity
    assert found.events == events or recent in ("0", "1")


@given(
    st.decimals(0, 10**15, places=6),
    st.decimals(0, 10**15, places=6),
    st.integers(1, 40 * 86400),
    st.integers(1, 7 * 86400),
)
def test_it_never_falls_below_what_was_used(used: Decimal, recent: Decimal, left: int, known: int) -> None:
    pace = Pace(NOW - timedelta(seconds=known), NOW)
    found = expected(Quantity(used, 1), Quantity(recent, 1), pace, NOW + timedelta(seconds=left))
    assert found.quantity >= used.quantize(Decimal(1)) - 1
    assert found.events >= 1
