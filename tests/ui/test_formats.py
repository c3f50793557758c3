"""What people read: exact digits, the viewer's day, never a rounded amount."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from autorisen.kit.money import Money
from autorisen.ui.formats import ago, amounts_for_people, compact, duration, money, number, percent, unit_price
from autorisen.ui.render import environment
from autorisen.ui.viewer import Viewer

NBSP = "\N{NO-BREAK SPACE}"
LATE = datetime(2026, 2, 28, 23, 30, tzinfo=UTC)


def test_money_is_exact_and_says_its_currency() -> None:
    assert money(Money(52900, "ZAR")) == "R529,00"
    assert money(Money(-123456789, "ZAR")) == f"-R1{NBSP}234{NBSP}567,89"
    assert money(Money(1, "USD")) == "US$0,01"
    assert money(None) == "\N{EN DASH}"


@pytest.mark.parametrize(
    "value,text",
    [(0, "0"), (18059974, f"18{NBSP}059{NBSP}974"), (Decimal("1.50"), "1,5"), (Decimal("1E+3"), f"1{NBSP}000")],
)
def test_numbers_keep_every_digit(value: int | Decimal, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    "value,text", [(950, "950"), (1000, "1k"), (18059974, "18,1M"), (2_500_000_000, "2,5B"), (20_000_000, "20M")]
)
def test_short_forms(value: int, text: str) -> None:
    assert compact(value) == text


@pytest.mark.parametrize(
    "unit_amount,unit,text",
    [
        (Decimal("35"), "execution", "R0,35 per execution"),
        (Decimal("0.0012"), "tokens", f"R12,00 per 1{NBSP}million tokens"),
        (Decimal("0.05"), "token", f"R500,00 per 1{NBSP}million tokens"),
        (Decimal("0.00000125"), "token", f"R0,0125 per 1{NBSP}million tokens"),
        (Decimal("1.4"), "executions", "R0,014 per execution"),
        (Decimal("0"), "token", "R0,00 per token"),
    ],
)
def test_unit_prices_scale_until_cents_show(unit_amount: Decimal, unit: str, text: str) -> None:
    assert unit_price(unit_amount, "ZAR", unit) == text


def test_dates_are_the_viewers() -> None:
    template = environment().from_string("{{ at|date }} / {{ at|datetime }} / {{ day|date }} / {{ none|date }}")
    here = template.render(at=LATE, day=date(2026, 3, 5), none=None, viewer=Viewer("A", "a@example.com"))
    assert here == "1 Mar 2026 / 1 Mar 2026, 01:30 / 5 Mar 2026 / \N{EN DASH}"
    there = template.render(at=LATE, day=LATE, none=None, viewer=Viewer("A", "a@example.com", time_zone="UTC"))
    assert there.startswith("28 Feb 2026 / 28 Feb 2026, 23:30")


def test_relative_times_and_shares() -> None:
    assert ago(LATE - timedelta(minutes=3), LATE) == "3 minutes ago"
    assert ago(LATE + timedelta(days=2), LATE) == "in 2 days"
    assert ago(LATE, LATE + timedelta(milliseconds=400)) == "just now"
    assert percent(Decimal("0.214")) == "21%"


@pytest.mark.parametrize(
    "value,shown",
    [
        (timedelta(milliseconds=999), "under a second"),
        (timedelta(milliseconds=-999), "under a second"),
        (timedelta(seconds=40), "40 seconds"),
        (timedelta(seconds=-60), "60 seconds"),
        (timedelta(minutes=100), "2 hours"),
        (timedelta(days=3), "3 days"),
    ],
)
def test_a_duration_has_no_sign(value: timedelta, shown: str) -> None:
    assert duration(value) == shown


def test_amounts_in_a_rule_read_as_on_the_page() -> None:
    said = amounts_for_people("must be from ZAR 0.01 to ZAR 5000.00 or USD -3.00, not ZAR 5 or XYZ 1.00")
    assert (
        said
        == f"must be from R0,01 to {money(Money(500_000, 'ZAR'))} or {money(Money(-300, 'USD'))}, not ZAR 5 or XYZ 1.00"
    )
