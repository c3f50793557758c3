"""Subscriptions' part of the audit, on values: trials have the length of their plan, wanted ones have no period."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from autorisen.subscriptions import Period, Status
from autorisen.subscriptions.check_periods import compare_periods

START = datetime(2026, 1, 31, 8, tzinfo=UTC)
FIRST = Period(
    id=UUID(int=1),
    subscription_id=UUID(int=2),
    customer_id=UUID(int=3),
    plan_version_id=UUID(int=4),
    interval="month",
    ordinal=1,
    start_at=START,
    end_at=datetime(2026, 2, 28, 8, tzinfo=UTC),
    planned_end_at=datetime(2026, 2, 28, 8, tzinfo=UTC),
    status="open",
    fee_invoiced=False,
)
SECOND = replace(
    FIRST,
    id=UUID(int=5),
    ordinal=2,
    start_at=FIRST.end_at,
    end_at=datetime(2026, 3, 31, 8, tzinfo=UTC),
    planned_end_at=datetime(2026, 3, 31, 8, tzinfo=UTC),
)


def kinds(*periods: Period, status: Status = Status.ACTIVE) -> list[str]:
    return [each.kind for each in compare_periods(START, "UTC", status, periods)]


def test_months_that_follow_each_other_are_right() -> None:
    assert kinds(FIRST, SECOND) == []
    assert kinds(FIRST, replace(SECOND, ordinal=1)) == ["period_length"], "it counts from the 31st"


def test_gap_and_overlap_are_seen() -> None:
    late, early = (replace(SECOND, start_at=SECOND.start_at + timedelta(hours=hours)) for hours in (1, -1))
    assert kinds(FIRST, late) == ["period_gap"]
    assert kinds(FIRST, early) == ["period_overlap"]
    assert kinds(SECOND) == ["period_gap"]


def test_a_trial_lasts_for_the_days_of_its_plan() -> None:
    week = START + timedelta(days=7)
    trial = replace(FIRST, end_at=week, planned_end_at=week, kind="trial")
    assert kinds(trial, status=Status.TRIALING) == []
    assert kinds(replace(trial, kind="paid")) == ["period_length"]


@pytest.mark.parametrize("status", list(Status))
def test_whoever_is_live_has_a_period(status: Status) -> None:
    has_one = status in (Status.TRIALING, Status.ACTIVE, Status.PAST_DUE, Status.PAUSED)
    assert kinds(status=status) == (["period_missing"] if has_one else [])
