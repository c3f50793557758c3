"""Work, the pure part: retries grow and end, the schedule falls due where it should."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.kit.unit import Unit
from autorisen.kit.work import Fact, Job, Recurring, Registry, Retry
from autorisen.kit.work.model import UnknownWork, name_of

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


async def do_nothing(unit: Unit, payload: object) -> None:
    """A handler."""


class SomethingHappened(Fact):
    pass


def test_retries_double_and_stop_growing() -> None:
    retry = Retry(base=timedelta(seconds=2), longest=timedelta(seconds=60))
    assert [retry.delay(n, 0).total_seconds() for n in range(1, 8)] == [2, 4, 8, 16, 32, 60, 60]


@given(st.integers(1, 10_000), st.integers(0, 255))
def test_jitter_adds_at_most_a_fifth(attempt: int, jitter: int) -> None:
    retry = Retry()
    assert retry.delay(attempt, 0) <= retry.delay(attempt, jitter) <= retry.delay(attempt, 0) * 1.2
    assert retry.delay(attempt, jitter) <= timedelta(hours=1) * 1.2


def test_a_recurring_task_falls_due_at_multiples_from_midnight() -> None:
    nightly = Recurring("night", "night", timedelta(days=1), timedelta(hours=2))
    assert nightly.latest_due(AT) == datetime(2026, 3, 1, 2, tzinfo=UTC)
    assert nightly.next_due(AT) == datetime(2026, 3, 2, 2, tzinfo=UTC)
    assert nightly.latest_due(datetime(2026, 3, 1, 2, tzinfo=UTC)) == datetime(2026, 3, 1, 2, tzinfo=UTC)
    assert nightly.stops_the_clock
    assert not Recurring("often", "often", timedelta(minutes=5)).stops_the_clock


def test_a_registry_refuses_what_can_not_work() -> None:
    job = Job("a", do_nothing)
    with pytest.raises(ValueError, match="share one kind"):
        Registry((job, job), {}, ())
    with pytest.raises(ValueError, match="unknown jobs"):
        Registry((job,), {}, (Recurring("x", "b", timedelta(days=1)),))


def test_a_registry_finds_by_name_and_says_what_it_does_not_know() -> None:
    registry = Registry((Job("a", do_nothing),), {SomethingHappened: (do_nothing,)}, ())
    assert registry.job("a").run is do_nothing
    assert registry.fact_type("SomethingHappened") is SomethingHappened
    assert registry.handler("SomethingHappened", name_of(do_nothing)) is do_nothing
    for unknown in (
        lambda: registry.job("b"),
        lambda: registry.fact_type("Nothing"),
        lambda: registry.handler("SomethingHappened", "gone.function"),
    ):
        with pytest.raises(UnknownWork):
            unknown()
