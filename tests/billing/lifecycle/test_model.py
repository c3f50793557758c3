"""Which way a wanted change takes: from every plan and cycle to every other. Pure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autorisen.billing.errors import NotAnUpgrade
from autorisen.billing.lifecycle.model import Way, way_of
from autorisen.catalog import Interval, PlanVersion
from autorisen.subscriptions import Status
from tests.factories.contracts import CONTRACT, a_plan

FREE = replace(a_plan(key="free", id=5), rank=0)
PLANS: dict[str, PlanVersion] = {
    "free": FREE,
    "pro": replace(a_plan(key="pro"), rank=1),
    "peer": replace(a_plan(key="peer", id=6), rank=1),
    "dear": replace(a_plan(key="dear", id=7), rank=2),
}


def way(
    present: str, wanted: str, cycle: Interval, interval: Interval, status: Status = Status.ACTIVE, *, end: bool = False
) -> Way:
    subscription = replace(CONTRACT, interval=cycle, status=status)
    return way_of(subscription, PLANS[present], PLANS[wanted], interval, at_period_end=end)


@pytest.mark.parametrize(
    "present, wanted, cycle, interval, at_period_end, expected",
    [
        ("pro", "dear", "month", "month", False, Way.AT_ONCE),
        ("pro", "dear", "month", "month", True, Way.PERIOD_END),
        ("pro", "dear", "year", "year", False, Way.AT_ONCE),
        ("pro", "dear", "year", "month", False, Way.PERIOD_END),
        ("pro", "pro", "month", "year", False, Way.AT_ONCE),
        ("pro", "pro", "year", "month", False, Way.PERIOD_END),
        ("pro", "peer", "month", "month", False, Way.PERIOD_END),
        ("dear", "pro", "month", "month", False, Way.PERIOD_END),
        ("dear", "pro", "month", "year", False, Way.PERIOD_END),
        ("free", "pro", "month", "month", False, Way.AT_ONCE),
        ("free", "pro", "month", "month", True, Way.PERIOD_END),
        ("free", "pro", "year", "month", False, Way.AT_ONCE),
        ("pro", "free", "month", "month", False, Way.CANCEL),
    ],
)
def test_every_way(
    present: str, wanted: str, cycle: Interval, interval: Interval, at_period_end: bool, expected: Way
) -> None:
    assert way(present, wanted, cycle, interval, end=at_period_end) is expected


def test_on_trial_every_plan_can_be_bought_at_once() -> None:
    assert way("pro", "pro", "month", "month", Status.TRIALING) is Way.AT_ONCE
    assert way("dear", "pro", "year", "month", Status.TRIALING, end=True) is Way.AT_ONCE
    assert way("pro", "free", "month", "month", Status.TRIALING) is Way.CANCEL


@pytest.mark.parametrize(
    "present, wanted, status, said",
    [
        ("free", "free", Status.ACTIVE, r"^Free is the present plan$"),
        ("pro", "pro", Status.ACTIVE, r"^Pro is the present plan$"),
        ("pro", "dear", Status.PAUSED, r"^it is paused; resume it first$"),
    ],
)
def test_what_is_no_change_is_refused(present: str, wanted: str, status: Status, said: str) -> None:
    with pytest.raises(NotAnUpgrade, match=said):
        way(present, wanted, "month", "month", status)
    assert way("pro", "free", "month", "month", Status.PAUSED) is Way.CANCEL
