"""What follows a period: whole values, field by field, so that nothing of a subscription is lost on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from autorisen.catalog import NoDefaultPlan, PlanVersion
from autorisen.subscriptions.errors import PeriodStillRunning, PlanNotSold
from autorisen.subscriptions.facts import (
    PeriodOpened,
    PlanChanged,
    SubscriptionEnded,
    SubscriptionPaused,
    SubscriptionStarted,
)
from autorisen.subscriptions.model import Period, Status, Subscription
from autorisen.subscriptions.renewal import EndedPeriod, Renewal, paid_time_after, renew, require_sold
from tests.factories.contracts import (
    AFTER,
    BUYER,
    CONTRACT,
    END,
    INSTANT,
    PERIOD,
    START,
    a_flat_price,
    a_plan,
    new_ids,
)

CUSTOMER, PRO, FREE = BUYER.id, CONTRACT.plan_version_id, UUID(int=5)
SECOND = replace(PERIOD, id=UUID(int=101), ordinal=2, start_at=END, end_at=AFTER, planned_end_at=AFTER)
CANCELS = replace(CONTRACT, cancel_at_period_end=True)


def free_in(currency: str) -> PlanVersion:
    return a_plan(a_flat_price(0, currency), key="free", id=5)


def what_follows(
    subscription: Subscription = CONTRACT,
    period: Period = PERIOD,
    *,
    following: Period | None = None,
    default: PlanVersion | None = None,
    at: datetime = END,
) -> Renewal:
    over = EndedPeriod(period, subscription, replace(BUYER, currency="USD"), following, default)
    return renew(over, at=at, new_id=new_ids())


def test_a_period_is_over_at_its_end_and_not_before() -> None:
    with pytest.raises(PeriodStillRunning, match=r"^it runs until 2026-02-28T08:00:00"):
        what_follows(at=END - INSTANT)
    assert what_follows(at=END).opened == SECOND


def test_the_next_period_begins_where_it_ended_and_owes_its_fee() -> None:
    opening = PeriodOpened(SECOND.id, CONTRACT.id, CUSTOMER, END, AFTER)
    assert what_follows(at=END + timedelta(days=3)) == Renewal(PERIOD.id, SECOND, SECOND, facts=(opening,))


def test_a_closed_period_leads_to_nothing_more() -> None:
    assert what_follows(period=replace(PERIOD, status="closed"), at=START) == Renewal(PERIOD.id)


@pytest.mark.parametrize("following, owed", [(SECOND, SECOND), (replace(SECOND, fee_invoiced=True), None)])
def test_the_fee_of_a_period_that_is_there_already_is_asked_for_once(following: Period, owed: Period | None) -> None:
    assert what_follows(following=following) == Renewal(PERIOD.id, owed)


def test_a_planned_change_happens_at_the_end() -> None:
    planned = replace(CONTRACT, next_plan_version_id=FREE, next_plan_key="free", next_interval="year")
    found = what_follows(planned)
    end_at = datetime(2027, 2, 28, 8, tzinfo=UTC)
    assert found.opened == replace(
        SECOND, plan_version_id=FREE, interval="year", ordinal=1, end_at=end_at, planned_end_at=end_at
    )
    # A month is no whole year, so the years are counted from here.
    assert found.changed == replace(CONTRACT, plan_version_id=FREE, plan_key="free", interval="year", anchor_at=END)
    changed, opened = found.facts
    assert isinstance(changed, PlanChanged)
    assert (changed.subscription_id, changed.customer_id, changed.at) == (CONTRACT.id, CUSTOMER, END)
    assert (changed.from_plan_version_id, changed.to_plan_version_id, changed.planned) == (PRO, FREE, True)
    assert (changed.from_interval, changed.to_interval) == ("month", "year")
    assert opened == PeriodOpened(SECOND.id, CONTRACT.id, CUSTOMER, END, end_at)


def test_a_planned_pause_begins_at_the_end_and_owes_nothing() -> None:
    found = what_follows(replace(CONTRACT, pause_at_period_end=True))
    end_at = datetime(2026, 3, 28, 8, tzinfo=UTC)
    assert found.following is None
    assert found.opened == replace(SECOND, ordinal=1, end_at=end_at, planned_end_at=end_at, kind="pause")
    assert found.changed == replace(CONTRACT, status=Status.PAUSED, anchor_at=END)
    assert found.facts == (
        SubscriptionPaused(CONTRACT.id, CUSTOMER, END),
        PeriodOpened(SECOND.id, CONTRACT.id, CUSTOMER, END, end_at),
    )


def test_what_is_cancelled_ends_and_the_default_plan_follows_in_its_currency() -> None:
    found = what_follows(CANCELS, default=free_in("ZAR"))
    end_at = datetime(2026, 3, 28, 8, tzinfo=UTC)
    started = Subscription(
        id=UUID(int=101),
        customer_id=CUSTOMER,
        plan_version_id=FREE,
        plan_key="free",
        currency="ZAR",
        interval="month",
        status=Status.ACTIVE,
        cancel_at_period_end=False,
        started_at=END,
        ended_at=None,
        anchor_at=END,
        time_zone="Africa/Johannesburg",
    )
    first = Period(UUID(int=102), started.id, CUSTOMER, FREE, "month", 1, END, end_at, end_at, "open", False)
    assert found == Renewal(
        period_id=PERIOD.id,
        following=first,
        opened=first,
        changed=replace(CANCELS, status=Status.ENDED, ended_at=END),
        started=started,
        facts=(
            SubscriptionEnded(CONTRACT.id, CUSTOMER, END),
            SubscriptionStarted(started.id, CUSTOMER, "free", END),
            PeriodOpened(first.id, started.id, CUSTOMER, END, end_at),
        ),
    )


def test_what_was_cancelled_at_once_keeps_its_instant_and_nothing_follows() -> None:
    cancelled = replace(CONTRACT, status=Status.CANCELLED, ended_at=END - timedelta(days=2))
    found = what_follows(cancelled)
    assert found == Renewal(
        PERIOD.id,
        changed=replace(cancelled, status=Status.ENDED),
        facts=(SubscriptionEnded(CONTRACT.id, CUSTOMER, END),),
    )


def test_without_a_default_plan_nothing_ends() -> None:
    with pytest.raises(NoDefaultPlan, match=r"^run `autorisen catalog apply` first$"):
        what_follows(CANCELS)


def test_a_default_plan_has_to_be_sold_in_the_currency_by_the_month() -> None:
    rule = "must be one that Free is sold in: it has no price in ZAR per month"
    with pytest.raises(PlanNotSold, match=f"^{rule}$") as refused:
        what_follows(CANCELS, default=free_in("USD"))
    (error,) = refused.value.errors
    assert (error.field, error.rule) == ("/interval", rule)
    with pytest.raises(PlanNotSold, match="in ZAR per year"):
        require_sold(free_in("ZAR"), "ZAR", "year")


def test_a_trial_that_is_paid_on_for_counts_its_periods_from_its_end() -> None:
    trial = replace(PERIOD, kind="trial", end_at=START + timedelta(days=14), planned_end_at=START + timedelta(days=14))
    end_at = datetime(2026, 3, 14, 8, tzinfo=UTC)
    assert paid_time_after(CONTRACT, trial, UUID(int=9)) == replace(
        PERIOD, id=UUID(int=9), start_at=trial.end_at, end_at=end_at, planned_end_at=end_at
    )
