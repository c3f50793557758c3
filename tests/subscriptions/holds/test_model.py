"""What fits, and what may become of a hold: exact at any size, by values alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from autorisen.kit.problems import InvalidInput
from autorisen.metering import Aggregation, MeterDefinition
from autorisen.subscriptions import Hold, HoldEnded, HoldStatus, Quota, QuotaExceeded
from autorisen.subscriptions.holds.model import (
    check_expiry,
    check_quantity,
    room_for_settling,
    smallest,
    text,
    usage_events,
)

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
TINY = Decimal("0.000000000001")
HUGE = Decimal("999999999999999999.999999999999")  # 30 digits, and Python sums with 28
SUM, COUNT = Aggregation.SUM, Aggregation.COUNT


def a_quota(
    included: Decimal | int, used: Decimal | int = 0, held: Decimal | int = 0, *, overage: bool = False
) -> Quota:
    return Quota("m", Decimal(included), Decimal(used), Decimal(held), overage_allowed=overage, start_at=NOW)


def a_hold(quantity: Decimal | int = 10, *, aggregation: Aggregation = SUM, path: tuple[str, ...] = ("a",)) -> Hold:
    return Hold(
        id=UUID(int=1),
        customer_id=UUID(int=2),
        meter="m",
        key="k",
        event_type="t",
        aggregation=aggregation,
        value_path=path,
        overage_allowed=False,
        quantity=Decimal(quantity),
        remaining=Decimal(0),
        expires_in_seconds=60,
        made_at=NOW,
        expires_at=NOW + timedelta(seconds=60),
    )


def test_the_room_is_exact_where_python_would_round() -> None:
    full = a_quota(HUGE, used=Decimal("999999999999999999.999999999998"))
    assert (text(full.left), full.takes(TINY), full.takes(TINY * 2)) == ("0.000000000001", True, False)
    assert full.after(TINY).left == 0
    with pytest.raises(QuotaExceeded):
        full.after(TINY).after(TINY)
    assert text(HUGE) == "999999999999999999.999999999999"


def test_use_beyond_the_allowance_leaves_nothing_and_never_less() -> None:
    over = a_quota(10, used=25)
    assert (over.left, over.remaining) == (Decimal(0), Decimal(0))
    assert not over.takes(Decimal(0))
    assert a_quota(10, used=25, overage=True).remaining is None
    assert a_quota(10, used=25, overage=True).after(Decimal(5)).held == 5


def test_a_refusal_names_every_number() -> None:
    problem = a_quota(10, used=Decimal("3.5"), held=2).exceeded(Decimal(9))
    document = problem.document()
    assert [document[name] for name in ("included", "used", "held", "left", "meter", "upgrade_url")] == [
        "10",
        "3.5",
        "2",
        "4.5",
        "m",
        "/pricing",
    ]


@pytest.mark.parametrize("seconds, status", [(59, HoldStatus.HELD), (60, HoldStatus.EXPIRED), (61, HoldStatus.EXPIRED)])
def test_time_is_up_at_the_very_instant(seconds: int, status: HoldStatus) -> None:
    then = a_hold().drawing(Decimal(4)).at(NOW + timedelta(seconds=seconds))
    assert then.status is status
    assert (then.used, then.left) == ((None, Decimal(6)) if status is HoldStatus.HELD else (Decimal(4), Decimal(0)))


def test_a_hold_that_ended_stays_as_it_is() -> None:
    for ended in (a_hold().settling(Decimal(3), "{}", NOW), a_hold().releasing(NOW)):
        assert ended.at(NOW + timedelta(days=9)) is ended
        with pytest.raises(HoldEnded):
            ended.drawing(Decimal(1))
        with pytest.raises(HoldEnded):
            ended.settling(Decimal(3), "{}", NOW)
        with pytest.raises(HoldEnded):
            ended.releasing(NOW)


def test_more_than_was_held_needs_room_of_its_own_period() -> None:
    hold, quota = a_hold(10), a_quota(100, held=95)
    room_for_settling(hold, Decimal(15), quota)
    room_for_settling(hold, Decimal(10), a_quota(0))
    for asked, room in ((Decimal(16), quota), (Decimal(11), replace(quota, start_at=NOW + timedelta(seconds=1)))):
        with pytest.raises(QuotaExceeded):
            room_for_settling(hold, asked, room)
    room_for_settling(replace(hold, overage_allowed=True), Decimal(10**9), a_quota(0))


@pytest.mark.parametrize(
    "quantity, aggregation",
    [
        (Decimal("NaN"), SUM),
        (Decimal("sNaN"), SUM),
        (Decimal("Infinity"), SUM),
        (Decimal(-1), SUM),
        (Decimal(10**18), SUM),
        (Decimal("1E+18"), SUM),
        (TINY / 10, SUM),
        (Decimal(0), SUM),
        (Decimal("1.5"), COUNT),
        (Decimal(1001), COUNT),
        (Decimal(0), COUNT),
    ],
)
def test_what_metering_could_not_count_is_refused(quantity: Decimal, aggregation: Aggregation) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_quantity(quantity, aggregation, least=smallest(aggregation))
    assert refused.value.errors[0].field == "/quantity"


@pytest.mark.parametrize(
    "quantity, aggregation", [(TINY, SUM), (HUGE, SUM), (Decimal(1), COUNT), (Decimal(1000), COUNT)]
)
def test_the_edges_of_what_can_be_held(quantity: Decimal, aggregation: Aggregation) -> None:
    check_quantity(quantity, aggregation, least=smallest(aggregation))


def test_how_long_a_hold_may_last() -> None:
    assert (check_expiry(timedelta(seconds=1)), check_expiry(timedelta(days=1))) == (1, 86_400)
    for wrong in (timedelta(0), timedelta(seconds=-1), timedelta(seconds=1.5), timedelta(days=1, seconds=1)):
        with pytest.raises(InvalidInput):
            check_expiry(wrong)


def a_meter(key: str, path: tuple[str, ...], event_type: str = "t") -> MeterDefinition:
    return MeterDefinition(key, key, "u", event_type, SUM if path else COUNT, path)


def test_the_event_of_a_sum_says_the_quantity_where_the_meter_looks() -> None:
    settled = a_hold(path=("usage", "out")).settling(Decimal(7), "{}", NOW + timedelta(seconds=9))
    given = {"usage": {"model": "small"}, "other": 3}
    meters = [
        a_meter("m", ("usage", "out")),
        a_meter("n", ("usage", "in")),
        a_meter("o", ("other",)),
        a_meter("calls", ()),
        a_meter("foreign", ("x",), "another type"),
    ]
    (event,) = usage_events(settled, subject="cus", data=given, meters=meters)
    assert event["data"] == {"usage": {"model": "small", "out": 7, "in": 0}, "other": 3}
    assert (event["id"], event["time"]) == (f"{settled.public_id}/1", "2026-03-01T08:00:00+00:00")
    assert given == {"usage": {"model": "small"}, "other": 3}


def test_the_events_of_a_count_are_one_a_use() -> None:
    settled = a_hold(aggregation=COUNT, path=()).settling(Decimal(3), "{}", NOW)
    events = usage_events(settled, subject="cus", data={"agent": "docs"}, meters=[a_meter("m", ())])
    assert [event["id"] for event in events] == [f"{settled.public_id}/{place}" for place in (1, 2, 3)]
    assert usage_events(replace(settled, used=Decimal(0)), subject="cus", data={}, meters=[]) == []


@pytest.mark.parametrize("data", [{"a": 5}, {"a": 7}, {"a": {"b": 6}}, {"a": None}])
def test_data_that_contradicts_the_quantity_is_refused(data: dict[str, object]) -> None:
    settled = a_hold(path=("a", "b")).settling(Decimal(7), "{}", NOW)
    with pytest.raises(InvalidInput) as refused:
        usage_events(settled, subject="cus", data=data, meters=[])
    assert refused.value.errors[0].field == "/data/a/b"
    same = usage_events(settled, subject="cus", data={"a": {"b": 7}}, meters=[])
    assert same[0]["data"] == {"a": {"b": 7}}
