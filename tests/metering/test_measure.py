"""What one event adds to one meter."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from autorisen.kit.problems import FieldError
from autorisen.metering import Aggregation, Dimension, MeterDefinition
from autorisen.metering.filters import Test as Rule
from autorisen.metering.measure import measure_of
from autorisen.metering.model import Measured


def meter(kind: Aggregation = Aggregation.SUM, **others: Any) -> MeterDefinition:
    path = () if kind is Aggregation.COUNT else ("usage", "tokens")
    return MeterDefinition("m", "M", "u", "t", kind, path, **others)


@pytest.mark.parametrize("value", [0, 1, 10**18 - 1, Decimal("0.000000000001"), Decimal("1E+3"), Decimal("0.10")])
def test_a_number_is_taken_as_it_is(value: Any) -> None:
    assert measure_of(meter())({"usage": {"tokens": value}}) == Measured(value)


@pytest.mark.parametrize(
    "value", [-1, 10**18, Decimal("-0.1"), Decimal("1e-13"), Decimal("1E+18"), Decimal("NaN"), True, [1], {}]
)
def test_what_is_no_quantity_is_named(value: Any) -> None:
    broken = measure_of(meter())({"usage": {"tokens": value}})
    assert isinstance(broken, FieldError)
    assert broken.field == "/data/usage/tokens"


@pytest.mark.parametrize("text", ["0", "10", "007", "0.10", "999999999999999999.999999999999"])
def test_a_number_in_quotes_is_one(text: str) -> None:
    assert measure_of(meter())({"usage": {"tokens": text}}) == Measured(Decimal(text))


@pytest.mark.parametrize(
    "text", ["", " 1", "1\n", "+1", "-1", "1.", ".5", "1e3", "1_000", "NaN", "٣", "1" * 19, "0.0000000000001", "ten"]
)
def test_a_text_that_is_no_plain_number_is_named(text: str) -> None:
    broken = measure_of(meter())({"usage": {"tokens": text}})
    assert broken == FieldError("/data/usage/tokens", "must be a number from 0 to below 10^18 with at most 12 decimals")


@pytest.mark.parametrize("data", [{}, {"usage": None}, {"usage": 3}, {"usage": {}}, {"usage": {"tokens": None}}])
@pytest.mark.parametrize("kind", [Aggregation.SUM, Aggregation.UNIQUE])
def test_what_is_needed_and_absent_is_named(data: dict[str, object], kind: Aggregation) -> None:
    broken = measure_of(meter(kind))(data)
    assert broken == FieldError("/data/usage/tokens", "is needed: the meter m reads it")


def test_unique_tells_texts_from_numbers_and_not_1_from_1_0() -> None:
    measure = measure_of(meter(Aggregation.UNIQUE))
    values = [1, Decimal("1.0"), Decimal("1.00"), "1", True, "true", Decimal("1E+2"), 100, Decimal("-0.0"), 0]
    texts = [found.value for value in values if isinstance(found := measure({"usage": {"tokens": value}}), Measured)]
    assert texts == ["1", "1", "1", '"1', "true", '"true', "100", "100", "0", "0"]


@pytest.mark.parametrize("value", ["x" * 257, [1], {}, Decimal("1E+999"), Decimal("Infinity")])
def test_what_can_not_be_told_apart_is_named(value: Any) -> None:
    assert isinstance(measure_of(meter(Aggregation.UNIQUE))({"usage": {"tokens": value}}), FieldError)


def test_dimensions_are_json_in_the_order_of_their_names() -> None:
    group_by = (Dimension("model", ("model",)), Dimension("zone", ("at", "zone")))
    measure = measure_of(meter(Aggregation.COUNT, group_by=group_by))
    assert measure({"at": {"zone": 'a"b\x1f'}, "model": 4}) == Measured(1, '{"model":"4","zone":"a\\"b\\u001f"}')
    assert measure({"model": None, "at": {}}) == Measured(1, "")
    assert measure({"model": [1]}) == FieldError(
        "/data/model", "must be a text of at most 256 characters, a number or a boolean"
    )


def test_what_a_filter_leaves_out_needs_no_value() -> None:
    measure = measure_of(meter(filter=Rule(("model",), "eq", "large"), group_by=(Dimension("m", ("model",)),)))
    assert measure({"model": "small"}) is None
    assert measure({"model": "large", "usage": {"tokens": 2}}) == Measured(2, '{"m":"large"}')
    assert isinstance(measure({"model": "large"}), FieldError)
