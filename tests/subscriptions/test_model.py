"""The state table, every cell of it, and what a subscription allows at an instant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.catalog import Interval
from autorisen.subscriptions import Entitlement, Period, Standing, Status, Subscription, TransitionRefused
from autorisen.subscriptions.model import LIVE, TRANSITIONS, Trigger, next_status, standing

# Written out a second time on purpose: a change of the table has to be meant. A dash is a refusal.
CELLS = """
                incomplete  active     past_due   cancelled  ended
paid            active      active     active     cancelled  ended
payment_failed  incomplete  past_due   past_due   cancelled  ended
request_cancel  -           active     past_due   -          -
resume          -           active     past_due   -          -
change_plan     -           active     past_due   -          -
renew           -           active     past_due   -          -
cancel_now      ended       cancelled  cancelled  -          -
end             ended       ended      ended      ended      -
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
    assert standing(subscription(), period, ends[0]) == Standing(VERSION, "month", *ends)
    late = standing(subscription(), period, datetime(2026, 7, 15, tzinfo=UTC))
    assert late == Standing(
        VERSION, "month", datetime(2026, 6, 30, 22, tzinfo=UTC), datetime(2026, 7, 31, 22, tzinfo=UTC)
    )


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
