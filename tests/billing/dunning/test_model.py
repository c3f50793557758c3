"""The schedule: its days, what a jump of time gives, pauses, and what each decision covers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.billing.dunning.mail_dunning import what_next
from autorisen.billing.dunning.model import (
    Attempt,
    Dunning,
    Outcome,
    Policy,
    Stage,
    StepKind,
    begin,
    decide,
    end,
    pause,
    policy_of,
    resume,
    schedule,
    why_no_charge,
)
from autorisen.kit.settings import InvalidSetting, Settings
from tests.factories.billing import a_draft, a_line, an_invoice

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
DAY = timedelta(days=1)
METHOD, OTHER = UUID(int=7), UUID(int=8)
HARD = frozenset({"stolen_card"})
POLICY = Policy()


def a_dunning(policy: Policy = POLICY) -> Dunning:
    ids = {"invoice_id": UUID(int=1), "subscription_id": UUID(int=2), "customer_id": UUID(int=3)}
    return begin(policy, **ids, at=START)


def test_the_schedule_is_that_of_the_settings() -> None:
    steps = schedule(policy_of(Settings()), START)
    assert [(step.kind, (step.at - START).days) for step in steps] == [
        (StepKind.RETRY, 0),
        (StepKind.RETRY, 3),
        (StepKind.RETRY, 5),
        (StepKind.RETRY, 7),
        (StepKind.SUSPEND, 14),
        (StepKind.CANCEL, 28),
    ]
    assert policy_of(Settings(dunning_days="0,1", dunning_grace_days=0, dunning_suspended_days=2)) == Policy(
        (0, 1), 0, 2
    )


@pytest.mark.parametrize(
    "settings, said",
    [
        (Settings(dunning_days="soon"), "DUNNING_DAYS"),
        (Settings(dunning_days="1,3"), "begin with 0"),
        (Settings(dunning_days="0,3,3"), "rise"),
        (Settings(dunning_days="0,366"), "up to 365"),
        (Settings(dunning_grace_days=-1), "DUNNING_GRACE_DAYS"),
        (Settings(dunning_suspended_days=366), "DUNNING_SUSPENDED_DAYS"),
    ],
)
def test_a_policy_that_is_none_is_refused(settings: Settings, said: str) -> None:
    with pytest.raises(InvalidSetting, match=said):
        policy_of(settings)


def test_step_by_step() -> None:
    dunning, taken = a_dunning(), []
    while dunning.next_at is not None:
        decision = decide(dunning, dunning.next_at)
        taken.append((decision.kind, (dunning.next_at - START).days, decision.after.stage, len(decision.steps)))
        dunning = decision.after
    assert taken == [
        (StepKind.RETRY, 0, Stage.COLLECTING, 1),
        (StepKind.RETRY, 3, Stage.COLLECTING, 1),
        (StepKind.RETRY, 5, Stage.COLLECTING, 1),
        (StepKind.RETRY, 7, Stage.GRACE, 1),
        (StepKind.SUSPEND, 14, Stage.SUSPENDED, 1),
        (StepKind.CANCEL, 28, Stage.ENDED, 1),
    ]
    assert decide(dunning, START + 99 * DAY).kind is None


def test_the_mail_says_what_comes_next_in_every_stage() -> None:
    invoice, dunning = an_invoice(a_draft(a_line(52_900))), a_dunning()
    said = [what_next(invoice, pause(dunning, "tests", START))]
    while dunning.next_at is not None:
        said.append(what_next(invoice, dunning))
        dunning = decide(dunning, dunning.next_at).after
    suspended = "Your plan goes on for now; without a payment it is suspended on 15 March"
    ended = "Without a payment your plan ends on 29 March"
    assert [each.removesuffix(" 2026.") for each in said] == ["Nothing changes for now.", *[suspended] * 5, ended]
    assert what_next(invoice, dunning) == "Your plan has ended, but this is still owed."


def test_a_jump_over_everything_is_one_charge_and_no_sudden_end() -> None:
    jumped = START + 200 * DAY
    first = decide(a_dunning(), jumped)
    assert (first.kind, len(first.steps)) == (StepKind.RETRY, 4)
    assert first.after.next_at == jumped + DAY
    assert decide(first.after, jumped).kind is None
    second = decide(first.after, jumped + DAY)
    assert (second.kind, second.after.next_at) == (StepKind.SUSPEND, jumped + 2 * DAY)


@given(
    st.lists(st.tuples(st.sampled_from(["time", "pause", "resume"]), st.integers(0, 400)), max_size=40),
    st.builds(
        Policy,
        st.lists(st.integers(1, 20), max_size=4, unique=True).map(lambda days: (0, *sorted(days))),
        st.integers(0, 10),
        st.integers(0, 10),
    ),
)
def test_whatever_time_does_each_step_is_taken_once_in_order_and_never_early(
    story: list[tuple[str, int]], policy: Policy
) -> None:
    now, dunning, paused = START, a_dunning(policy), timedelta(0)
    taken: list[int] = []
    runs: list[tuple[StepKind, datetime]] = []
    for what, hours in story:
        now += timedelta(hours=hours)
        if dunning.paused_at is not None:
            paused += timedelta(hours=hours)
        if what == "pause" and dunning.is_running:
            dunning = pause(dunning, "tests", now)
        elif what == "resume" and dunning.paused_at is not None:
            dunning = resume(dunning, now)
            assert dunning.base_at == START + paused, "the days that are left are as many as they were"
        decision = decide(dunning, now)
        if decision.kind is None:
            assert decision.after == dunning
            continue
        assert dunning.paused_at is None, "paused, nothing happens"
        assert {step.kind for step in decision.steps} == {decision.kind}
        assert all(step.at <= now for step in decision.steps)
        if runs and runs[-1][0] is not decision.kind:
            assert now - runs[-1][1] >= DAY, "one kind of step follows another after a day at least"
        runs.append((decision.kind, now))
        taken += [step.number for step in decision.steps]
        dunning = decision.after
        assert decide(dunning, now).kind is None, "asked again at once, nothing more is due"
    assert taken == list(range(len(taken)))
    assert dunning.done == len(taken)


def test_over_is_over() -> None:
    over = end(a_dunning(), Outcome.PAID, START)
    assert (over.next_at, over.is_running) == (None, False)
    assert decide(over, START + 99 * DAY).kind is None
    assert over.waiting == ()
    finished = replace(a_dunning(), done=6, next_at=None)
    assert resume(pause(finished, "tests", START), START + DAY).next_at is None


@pytest.mark.parametrize(
    "attempts, method, why",
    [
        ([], METHOD, None),
        ([], None, "no saved method"),
        ([Attempt(False, False, METHOD, "card_declined")], METHOD, None),
        ([Attempt(False, False, METHOD, "stolen_card")], METHOD, "the bank refused this method for good: stolen_card"),
        ([Attempt(False, False, METHOD, "stolen_card")], OTHER, None),
        ([Attempt(True, False, None, None)], METHOD, "a payment is under way"),
        ([Attempt(False, True, None, None)], METHOD, "it is paid"),
    ],
)
def test_a_method_is_charged_only_where_that_can_help(
    attempts: list[Attempt], method: UUID | None, why: str | None
) -> None:
    assert why_no_charge(attempts, method, HARD) == why
