"""How hours and raw events become one quantity: plain values, without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from autorisen.metering import Aggregation, Dimension, MeterDefinition
from autorisen.metering.counting import CountedEvent, Sample, value_digest
from autorisen.metering.errors import UsageTooLarge
from autorisen.metering.model import Meter, window
from autorisen.metering.usage.combine import Combination, Question, Run, averages

START = datetime(2026, 3, 1, tzinfo=UTC)
TYPE = "t"
MODEL = (Dimension("model", ("model",)),)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def meter(kind: Aggregation, *, dimensions: tuple[Dimension, ...] = ()) -> Meter:
    path = () if kind is Aggregation.COUNT else ("v",)
    return Meter(MeterDefinition("m", "M", "u", TYPE, kind, path, group_by=dimensions), "series")


def asked(kind: Aggregation, *edges: float, dimensions: tuple[Dimension, ...] = (), **more: Any) -> Combination:
    windows = tuple(window(at(first), at(last)) for first, last in pairwise(edges))
    return Combination(replace(Question((meter(kind, dimensions=dimensions),), windows), **more))


def used(hours: float, value: object, key: str = "k", **data: object) -> CountedEvent:
    return CountedEvent(UUID(int=1), TYPE, at(hours), key, {"v": value} | data)


def sample(hours: float, value: int | Decimal) -> Sample:
    return Sample(at(hours), "k", value)


def results(parts: Combination) -> Any:
    return {(place, group): (found.quantity, found.events) for (place, _, group), found in parts.result().items()}


def total(parts: Combination) -> Any:
    found = parts.total()["m", ()]
    return found.quantity, found.events


@pytest.mark.parametrize(
    "kind, first, second, whole",
    [
        (Aggregation.COUNT, 5, 1, 6),
        (Aggregation.SUM, 60, 9, 69),
        (Aggregation.MAX, 50, 9, 50),
        (Aggregation.MIN, 10, 9, 9),
    ],
)
def test_hours_and_edges_are_one(kind: Aggregation, first: int, second: int, whole: int) -> None:
    parts = asked(kind, 0, 2, 4.5)
    for quantity, events in ((10, 2), (50, 3)) if kind is not Aggregation.COUNT else ((2, 2), (3, 3)):
        parts.add_hours(0, "series", "", Decimal(quantity), events)
    parts.add_event(used(4.25, 9))
    assert results(parts) == {(0, ()): (first, 5), (1, ()): (second, 1)}
    assert total(parts) == (whole, 6)


def test_sums_keep_every_digit() -> None:
    parts = asked(Aggregation.SUM, 0, 1.5)
    parts.add_hours(0, "series", "", Decimal("999999999999999999.000000000001"), 1)
    parts.add_event(used(1.2, Decimal("0.000000000001")))
    assert total(parts) == (Decimal("999999999999999999.000000000002"), 2)


def test_the_newest_wins_whatever_the_order() -> None:
    parts = asked(Aggregation.LATEST, 0, 2, 4.5)
    parts.add_event(used(4.25, 9, "b"))
    parts.add_event(used(4.25, 8, "a"))
    parts.add_run(1, "series", Run(at(3), "", Decimal(7), 4, None, sample(3.5, 7)))
    parts.add_run(0, "series", Run(at(1), "", Decimal(5), 2, None, sample(1.5, 5)))
    assert results(parts) == {(0, ()): (5, 2), (1, ()): (9, 6)}
    assert total(parts) == (9, 8)


def test_a_value_of_an_edge_and_of_an_hour_is_one() -> None:
    parts = asked(Aggregation.UNIQUE, 0, 2, 4.5, dimensions=MODEL)
    for place, name, dimensions in (
        (0, "ann", '{"model":"a"}'),
        (0, "ann", '{"model":"b"}'),
        (1, "bob", '{"model":"a"}'),
    ):
        parts.add_digest(place, "series", dimensions, value_digest(f'"{name}'))
    parts.add_event(used(4.25, "bob", model="b"))
    assert results(parts) == {(0, ()): (1, 0), (1, ()): (1, 1)}
    assert total(parts) == (2, 1)


def test_counted_values_of_all_stretches_are_not_added_up() -> None:
    parts = asked(Aggregation.UNIQUE, 0, 1, 2)
    for place in (0, 1):
        parts.add_hours(place, "series", "", Decimal(0), 9)
        parts.add_hours(place, "series", "", Decimal(3), 0)
    parts.add_whole("series", "", Decimal(4))
    assert results(parts) == {(0, ()): (3, 9), (1, ()): (3, 9)}
    assert total(parts) == (4, 18)


def test_dimensions_are_grouped_and_filtered() -> None:
    parts = asked(Aggregation.SUM, 0, 2.5, dimensions=MODEL, group_by=("model",), only=(("zone", ""),))
    parts.add_hours(0, "series", '{"model":"a"}', Decimal(1), 1)
    parts.add_hours(0, "series", '{"model":"a","zone":"eu"}', Decimal(20), 1)
    parts.add_hours(0, "series", "", Decimal(300), 1)
    parts.add_event(used(2.25, 4000, model="a"))
    assert results(parts) == {(0, (("model", "a"),)): (4001, 2), (0, (("model", ""),)): (300, 1)}


def test_events_before_and_of_other_types_are_left_out() -> None:
    parts = asked(Aggregation.SUM, 0.5, 0.75)
    parts.add_event(used(0.25, 1))
    parts.add_event(replace(used(0.6, 2), type="other"))
    parts.add_event(used(0.6, "text"))
    assert results(parts) == {}


def test_more_quantities_than_fit_are_refused() -> None:
    parts = asked(Aggregation.SUM, 0, 2, dimensions=MODEL, group_by=("model",), limit=2)
    for name in "aab":
        parts.add_hours(0, "series", f'{{"model":"{name}"}}', Decimal(1), 1)
    with pytest.raises(UsageTooLarge):
        parts.add_hours(0, "series", '{"model":"c"}', Decimal(1), 1)


def test_a_level_holds_from_event_to_event() -> None:
    parts = asked(Aggregation.TIME_WEIGHTED, 0.5, 3, 5)
    parts.add_before("series", "", sample(-9, 6))
    parts.add_event(used(0.25, 10))
    # From 1:30 to 2:00 at 4, so 2 hours' worth; it holds until the next event at 4:00.
    parts.add_run(0, "series", Run(at(1), "", Decimal(2 * 3600), 1, at(1.5), sample(1.5, 4)))
    parts.add_run(1, "series", Run(at(4), "", Decimal(8 * 3600), 1, at(4), sample(4, 8)))
    assert results(parts) == {(0, ()): (Decimal("6.4"), 1), (1, ()): (6, 1)}
    # 16 and 12 hours' worth in 4.5 hours.
    assert total(parts) == (Decimal("6.222222222222"), 2)


def test_a_level_is_there_where_no_event_is() -> None:
    windows = [window(at(first), at(first + 1)) for first in (0, 1)]
    assert averages(windows, [], [], None) == [0, 0]
    assert averages(windows, [], [], sample(-100, 3)) == [3, 3]
    assert averages(windows, [sample(1.5, 1)], [], sample(-100, 3)) == [3, 2]
    assert averages(windows, [sample(0, 1), Sample(at(0), "l", 2)], [], None) == [2, 2]
