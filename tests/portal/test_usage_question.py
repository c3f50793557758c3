"""What the usage page is asked: presets, own dates, steps, zone, dimensions; and what cannot be read is named."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from autorisen.metering import Aggregation, Dimension, MeterDefinition
from autorisen.portal.usage_question import Asked, Question, dimensions_of, question_of

NOW = datetime(2026, 3, 15, 22, 30, tzinfo=UTC)  # 00:30 on the 16th in Johannesburg
PERIOD = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
BEFORE = (datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))
RUNS = MeterDefinition("runs", "Runs", "runs", "run", Aggregation.COUNT, group_by=(Dimension("agent", ("agent",)),))
TOKENS = MeterDefinition("tokens", "Tokens", "tokens", "llm", Aggregation.SUM, ("n",))


def ask(**asked: str) -> Question:
    return question_of(
        Asked(**asked),
        now=NOW,
        time_zone="Africa/Johannesburg",
        period=PERIOD,
        last_period=BEFORE,
        meters=[RUNS, TOKENS],
    )


@pytest.mark.parametrize(
    "key,start,bucket",
    [
        ("", "2026-02-15T00:00:00+02:00", "day"),
        ("nonsense", "2026-02-15T00:00:00+02:00", "day"),
        ("hours", "2026-03-14T01:00:00+02:00", "hour"),
        ("week", "2026-03-10T00:00:00+02:00", "day"),
        ("period", "2026-03-01T00:00:00+00:00", "day"),
        ("year", "2025-04-01T00:00:00+02:00", "month"),
    ],
)
def test_presets_end_now(key: str, start: str, bucket: str) -> None:
    found = ask(range=key)
    assert (found.stretch.start.isoformat(), found.stretch.bucket) == (start, bucket)
    assert (found.stretch.end, found.errors) == (NOW, {})


def test_the_last_period_is_whole_and_without_one_there_are_30_days() -> None:
    found = ask(range="last").stretch
    assert (found.key, found.start, found.end) == ("last", *BEFORE)
    without = question_of(Asked(range="last"), now=NOW, time_zone="UTC", period=PERIOD, last_period=None, meters=[])
    assert without.stretch.key == "days"


@pytest.mark.parametrize(
    "since,to,start,end,bucket",
    [
        ("2026-03-02", "2026-03-04", "2026-03-02T00:00:00+02:00", "2026-03-05T00:00:00+02:00", "day"),
        ("2026-03-02", "2026-03-02", "2026-03-02T00:00:00+02:00", "2026-03-03T00:00:00+02:00", "hour"),
        ("2025-03-02", "", "2025-03-02T00:00:00+02:00", "2026-03-15T22:30:00+00:00", "month"),
        ("", "2026-03-10", "2026-02-09T00:00:00+02:00", "2026-03-11T00:00:00+02:00", "day"),
        ("2026-03-16", "2026-03-20", "2026-03-16T00:00:00+02:00", "2026-03-15T22:30:00+00:00", "minute"),
        ("", "2026-12-31", "2026-02-15T00:00:00+02:00", "2026-03-15T22:30:00+00:00", "day"),
    ],
)
def test_own_dates_are_whole_days_of_the_zone_until_now(since: str, to: str, start: str, end: str, bucket: str) -> None:
    found = ask(since=since, to=to, range="hours")
    assert found.stretch.start.isoformat() == start
    assert found.stretch.end == datetime.fromisoformat(end)
    assert (found.stretch.key, found.stretch.bucket, found.errors) == ("own", bucket, {})


@pytest.mark.parametrize(
    "since,to,named",
    [
        ("soon", "", {"from"}),
        ("1999-12-31", "", {"from"}),
        ("2026-03-05", "2026-03-04", {"to"}),
        ("2026-02-30", "9999-12-31", {"from", "to"}),
        ("2026-03-17", "2026-03-18", {"from"}),
    ],
)
def test_dates_that_cannot_be_are_named_and_the_default_stands(since: str, to: str, named: set[str]) -> None:
    found = ask(since=since, to=to)
    assert found.errors.keys() == named
    assert found.stretch.key == "days"


def test_steps_are_chosen_as_far_as_they_can_be_shown() -> None:
    assert ask(range="week", bucket="hour").stretch.bucket == "hour"
    assert ask(range="hours", bucket="month").stretch.bucket == "month"
    assert ask(bucket="second").stretch.bucket == "day"
    many = ask(range="hours", bucket="minute")
    assert many.errors == {"bucket": "That is 2\xa0851 steps; at most 2\xa0000 are shown."}
    assert many.stretch.bucket == "hour"


def test_the_zone_cuts_the_days() -> None:
    found = ask(since="2026-03-02", to="2026-03-03", zone="Asia/Kolkata")
    assert found.stretch.start.isoformat() == "2026-03-02T00:00:00+05:30"
    odd = ask(zone="../etc/passwd")
    assert odd.zone == "Africa/Johannesburg"
    assert odd.errors.keys() == {"zone"}


def test_meters_without_the_dimension_do_not_answer() -> None:
    assert ask().meters == (RUNS, TOKENS)
    assert ask(group_by="agent").meters == (RUNS,)
    assert ask(where="agent:a:b").only == (("agent", "a:b"),)
    assert ask(where="agent:").only == (("agent", ""),)
    assert ask(where="agent:a").meters == (RUNS,)
    assert ask(where="model:a").only == ask(where="agent").only == ()
    assert ask(group_by="model").errors == {"group_by": "Usage is grouped by agent."}
    assert ask(meter="tokens").meters == (TOKENS,)
    assert ask(meter="tokens", group_by="agent").errors == {"meter": "That meter has no such dimension."}
    assert ask(meter="nothing").errors == {"meter": "There is no such meter."}
    none = question_of(
        Asked(group_by="agent"), now=NOW, time_zone="UTC", period=None, last_period=None, meters=[TOKENS]
    )
    assert none.errors == {"group_by": "No meter has dimensions."}
    assert dimensions_of([TOKENS, RUNS]) == ["agent"]


def test_the_api_is_asked_the_same() -> None:
    asked = ask(
        since="2026-03-02", to="2026-03-03", bucket="day", meter="runs", group_by="agent", where="agent:code review"
    )
    assert asked.api_parameters() == (
        ("from", "2026-03-02T00:00:00+02:00"),
        ("to", "2026-03-04T00:00:00+02:00"),
        ("bucket", "day"),
        ("time_zone", "Africa/Johannesburg"),
        ("meter", "runs"),
        ("group_by", "agent"),
        ("where", "agent:code review"),
    )
    assert dict(ask().api_parameters()).keys() == {"from", "to", "bucket", "time_zone"}


def test_an_address_keeps_the_other_answers() -> None:
    asked = Asked(range="week", since="2026-03-02", group_by="agent")
    assert asked.address(range="days", since="") == "/app/usage?range=days&group_by=agent"
    assert asked.address() == "/app/usage?range=week&from=2026-03-02&group_by=agent"
    assert Asked().address() == "/app/usage"
