"""The state table, every cell of it, and what a subscription allows at an instant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.catalog import FlatPrice, Interval, PlanVersion, UsagePrice
from autorisen.kit.money import Money
from autorisen.subscriptions import (
    Entitlement,
    Period,
    Standing,
    Status,
    Subscription,
    TransitionRefused,
    following,
    plan_charged_in,
    plan_in,
)
from autorisen.subscriptions.model import LIVE, TRANSITIONS, Trigger, next_status
from autorisen.subscriptions.standing import standing
from tests.factories.catalog import usage_price

# Written out a second time on purpose: a change of the table has to be meant. A dash is a refusal.
CELLS = """
                 trialing   incomplete  active     past_due   paused     cancelled  ended
paid             trialing   active      active     active     paused     cancelled  ended
payment_failed   trialing   incomplete  past_due   past_due   paused     cancelled  ended
start_trial      -          -           trialing   -          -          -          -
end_trial        active     -           -          -          -          -          -
change_plan      active     -           active     past_due   -          -          -
schedule_change  -          -           active     past_due   -          -          -
request_cancel   trialing   -           active     past_due   paused     -          -
request_pause    -          -           active     past_due   -          -          -
keep             trialing   -           active     past_due   paused     -          -
renew            -          -           active     past_due   paused     -          -
pause            -          -           paused     paused     -          -          -
resume           -          -           -          -          active     -          -
cancel_now       cancelled  ended       cancelled  cancelled  cancelled  -          -
expire           -          ended       -          -          -          -          -
end              ended      -           ended      ended      ended      ended      -
"""
STATUSES, *ROWS = [line.split() for line in CELLS.strip().splitlines()]
TABLE = [
    (Status(status), Trigger(row[0]), cell) for row in ROWS for status, cell in zip(STATUSES, row[1:], strict=True)
]

VERSION = UUID(int=2)
START = datetime(2026, 1, 31, 22, tzinfo=UTC)  # midnight in Johannesburg
END = datetime(2026, 2, 27, 22, tzinfo=UTC)


@pytest.mark.parametrize("status, trigger, cell", TABLE)
def test_every_cell(status: Status, trigger: Trigger, cell: str) -> None:
    if cell == "-":
        with pytest.raises(TransitionRefused, match=f"{status} can't take {trigger}"):
            next_status(status, trigger)
    else:
        assert next_status(status, trigger) is Status(cell)


def test_the_table_has_every_cell() -> None:
    assert {(status, trigger) for status, row in TRANSITIONS.items() for trigger in row} == {
        (status, trigger) for status in Status for trigger in Trigger
    }
    assert len(TABLE) == len(Status) * len(Trigger)


@given(st.lists(st.sampled_from(Trigger)))
def test_an_ended_subscription_never_lives_again(triggers: list[Trigger]) -> None:
    status = Status.ENDED
    for trigger in triggers:
        status = TRANSITIONS[status][trigger] or status
    assert status is Status.ENDED


def a_plan(price: UsagePrice) -> PlanVersion:
    flat = FlatPrice(UUID(int=5), "ZAR", "month", Money(52_900, "ZAR"))
    limits = {"agents": 3, "executions": 100}
    return PlanVersion(VERSION, "pro", 1, "Pro", "", 1, False, limits, (), (flat, price), START)


def subscription(
    status: Status = Status.ACTIVE, *, cancels: bool = False, interval: Interval = "month"
) -> Subscription:
    return Subscription(
        id=UUID(int=1),
        customer_id=UUID(int=3),
        plan_version_id=VERSION,
        plan_key="pro",
        currency="ZAR",
        interval=interval,
        status=status,
        cancel_at_period_end=cancels,
        started_at=START,
        ended_at=None,
        anchor_at=START,
        time_zone="Africa/Johannesburg",
    )


PERIOD = Period(
    id=UUID(int=4),
    subscription_id=UUID(int=1),
    customer_id=UUID(int=3),
    plan_version_id=VERSION,
    interval="month",
    ordinal=1,
    start_at=START,
    end_at=END,
    planned_end_at=END,
    status="open",
    fee_invoiced=False,
)
INSTANT = timedelta(microseconds=1)


def test_a_period_allows_its_plan_from_its_start_to_its_end() -> None:
    expected = Standing(VERSION, "month", START, END)
    assert standing(subscription(), PERIOD, START - INSTANT) is None
    assert standing(subscription(), PERIOD, START) == expected
    assert standing(subscription(), PERIOD, END - INSTANT) == expected


def test_a_renewing_subscription_goes_on_although_its_period_is_not_closed_yet() -> None:
    # Anchored on 1 February in Johannesburg, so each period ends where the month does there.
    ends = [datetime(2026, 2, 28, 22, tzinfo=UTC), datetime(2026, 3, 31, 22, tzinfo=UTC)]
    period = replace(PERIOD, end_at=ends[0], planned_end_at=ends[0])
    assert standing(subscription(), period, ends[0]) == Standing(VERSION, "month", ends[0], ends[1])
    late = standing(subscription(), period, datetime(2026, 7, 15, tzinfo=UTC))
    assert late == Standing(
        VERSION, "month", datetime(2026, 6, 30, 22, tzinfo=UTC), datetime(2026, 7, 31, 22, tzinfo=UTC)
    )


def test_what_is_planned_holds_from_the_end_of_the_period_however_late_it_is_closed() -> None:
    period = replace(PERIOD, end_at=datetime(2026, 2, 28, 22, tzinfo=UTC))
    downgraded = replace(subscription(), next_plan_version_id=UUID(int=9), next_plan_key="free", next_interval="month")
    found = standing(downgraded, period, datetime(2026, 3, 1, tzinfo=UTC))
    assert found == Standing(UUID(int=9), "month", period.end_at, datetime(2026, 3, 31, 22, tzinfo=UTC))
    paused = standing(replace(subscription(), pause_at_period_end=True), period, datetime(2026, 3, 1, tzinfo=UTC))
    assert paused is not None
    assert (paused.kind, paused.charged, paused.start_at) == ("pause", "pause", period.end_at)


def test_paused_nothing_is_allowed_also_for_the_rest_of_a_paid_period() -> None:
    found = standing(subscription(Status.PAUSED), PERIOD, START)
    assert found is not None
    assert (found.kind, found.charged, found.end_at) == ("pause", "paid", END)


def test_suspended_nothing_is_allowed_in_the_time_after_a_period_that_is_not_closed_yet_either() -> None:
    suspended = replace(subscription(Status.PAST_DUE), suspended_at=START)
    found = standing(suspended, PERIOD, END)
    assert found is not None
    assert (found.start_at, found.kind, found.charged) == (END, "pause", "paid")
    over = standing(replace(suspended, cancel_at_period_end=True), PERIOD, END)
    assert over is not None
    assert (over.plan_version_id, over.kind) == (None, "paid"), "the default plan is nobody's debt"


def test_stretches_follow_each_other_to_the_instant() -> None:
    """However late the closing is: months after a month, years after a year, the default plan's months after an end."""
    first, second = datetime(2026, 2, 28, 22, tzinfo=UTC), datetime(2026, 3, 31, 22, tzinfo=UTC)
    period = replace(PERIOD, end_at=first, planned_end_at=first)
    before, at = standing(subscription(), period, second - INSTANT), standing(subscription(), period, second)
    assert before is not None
    assert at is not None
    assert (before.start_at, before.end_at, at.start_at) == (first, second, second)
    year = replace(PERIOD, interval="year", end_at=datetime(2027, 1, 31, 22, tzinfo=UTC))
    later = standing(subscription(interval="year"), year, datetime(2029, 6, 1, tzinfo=UTC))
    assert later == Standing(
        VERSION, "year", datetime(2029, 1, 31, 22, tzinfo=UTC), datetime(2030, 1, 31, 22, tzinfo=UTC)
    )
    ended = standing(subscription(cancels=True), PERIOD, END)
    assert ended is not None
    assert (ended.start_at, ended.end_at) == (END, datetime(2026, 3, 27, 22, tzinfo=UTC))


def test_a_trial_is_one_until_its_end_and_then_nothing_is_granted_that_nobody_paid() -> None:
    trial = replace(PERIOD, kind="trial")
    found = standing(subscription(Status.TRIALING), trial, START)
    assert found is not None
    assert (found.plan_version_id, found.kind, found.charged) == (VERSION, "trial", "trial")
    over = standing(subscription(Status.TRIALING), trial, END)
    assert over is not None
    assert (over.plan_version_id, over.kind) == (None, "paid")


def test_what_follows_keeps_the_day_of_the_month() -> None:
    """31 January by the year, then by the month: the months go on from the anchor's day."""
    anchor = datetime(2026, 1, 31, 10, tzinfo=UTC)
    yearly = replace(
        subscription(interval="year"),
        anchor_at=anchor,
        next_plan_version_id=VERSION,
        next_plan_key="pro",
        next_interval="month",
    )
    period = replace(PERIOD, interval="year", end_at=datetime(2027, 1, 31, 10, tzinfo=UTC))
    after = following(yearly, period)
    assert after is not None
    assert (after.ordinal, after.subscription.anchor_at, after.interval) == (13, anchor, "month")
    assert after.subscription.next_plan_version_id is None
    monthly = replace(yearly, interval="month", next_interval="year")
    within = following(monthly, replace(PERIOD, ordinal=5))
    assert within is not None
    assert (within.ordinal, within.subscription.anchor_at, within.interval) == (1, END, "year")


def test_a_pause_follows_in_months_and_goes_on() -> None:
    first = following(subscription(Status.PAUSED, interval="year"), replace(PERIOD, interval="year", ordinal=3))
    assert first is not None
    assert (first.kind, first.ordinal, first.interval, first.subscription.anchor_at) == ("pause", 1, "month", END)
    second = following(first.subscription, replace(PERIOD, kind="pause"))
    assert second is not None
    assert (second.kind, second.ordinal, second.subscription.status) == ("pause", 2, Status.PAUSED)
    planned = following(replace(subscription(), pause_at_period_end=True), PERIOD)
    assert planned is not None
    assert (planned.kind, planned.subscription.status) == ("pause", Status.PAUSED)
    assert not planned.subscription.pause_at_period_end


def test_what_a_plan_allows_and_charges_by_kind() -> None:
    price = replace(usage_price("25", included="100"), minimum=Money(500, "ZAR"))
    plan = a_plan(price)
    assert plan_in(plan, "paid") is plan_charged_in(plan, "paid") is plan
    trial = plan_in(plan, "trial").usage_prices("ZAR")[0]
    assert (trial.included, trial.overage_allowed, trial.minimum) == (Decimal(100), False, None)
    assert plan_in(plan, "trial").limits == plan.limits
    pause = plan_in(plan, "pause")
    assert (pause.usage_prices("ZAR")[0].included, pause.usage_prices("ZAR")[0].overage_allowed) == (Decimal(0), False)
    assert (pause.limits["executions"], pause.limits["agents"]) == (0, 3)
    assert plan_charged_in(plan, "trial") == plan_in(plan, "trial")
    charged = plan_charged_in(plan, "pause").usage_prices("ZAR")[0]
    assert (charged.included, charged.overage_allowed, charged.minimum) == (Decimal(0), True, None)
    assert plan_charged_in(plan, "pause").flat_price("ZAR", "month") == plan.flat_price("ZAR", "month")


def test_an_expired_subscription_that_was_to_end_allows_only_the_default_plan() -> None:
    """Defect 6 of the original: an expired subscription still entitled."""
    found = standing(subscription(cancels=True), PERIOD, END)
    assert found is not None
    assert (found.plan_version_id, found.interval, found.start_at) == (None, "month", END)
    assert standing(subscription(cancels=True), PERIOD, END - INSTANT) == Standing(VERSION, "month", START, END)


@pytest.mark.parametrize("status", sorted(set(Status) - LIVE))
def test_what_is_not_live_allows_nothing(status: Status) -> None:
    """Defect 7 of the original: a cancelled and ended subscription still entitled."""
    assert standing(subscription(status), PERIOD, START) is None
    assert not subscription(status).is_live
    assert not subscription(status).renews


def test_past_due_still_allows() -> None:
    assert standing(subscription(Status.PAST_DUE), PERIOD, START) is not None


def test_a_yearly_subscription_renews_for_a_year() -> None:
    end = datetime(2027, 1, 31, 22, tzinfo=UTC)
    period = replace(PERIOD, interval="year", end_at=end, planned_end_at=end)
    found = standing(subscription(interval="year"), period, end)
    assert found == Standing(VERSION, "year", end, datetime(2028, 1, 31, 22, tzinfo=UTC))


def test_public_ids_and_cuts() -> None:
    assert subscription().public_id.startswith("sub_")
    assert PERIOD.public_id.startswith("per_")
    assert not PERIOD.was_cut
    assert replace(PERIOD, end_at=END - INSTANT).was_cut


@pytest.mark.parametrize(
    "left, overage, allowed",
    [(Decimal(1), False, True), (Decimal(0), False, False), (Decimal(0), True, True), (None, False, True)],
)
def test_one_more_is_allowed_while_something_is_left(left: Decimal | None, overage: bool, allowed: bool) -> None:
    row = Entitlement(
        key="agent.execution",
        kind="meter",
        name="Agent executions",
        unit="executions",
        included=None,
        used=None,
        left=left,
        overage_allowed=overage,
        unit_price=None,
        currency="ZAR",
    )
    assert row.allows_more is allowed
