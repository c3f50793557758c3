"""Meters from the catalog file."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

import pytest

from autorisen.metering import Aggregation, Dimension, load_meters
from autorisen.metering.errors import InvalidMeter
from autorisen.metering.filters import Test as Rule

GOOD: dict[str, Any] = {
    "key": "llm.tokens",
    "name": "Tokens",
    "unit": "tokens",
    "event_type": "llm.completion",
    "aggregation": "sum",
    "value_path": "usage.tokens",
}


def test_the_shipped_catalog_has_its_meters() -> None:
    text = (files("autorisen.catalog") / "catalog.toml").read_text(encoding="utf-8")
    meters = {meter.key: meter for meter in load_meters(tomllib.loads(text)["meter"])}
    assert list(meters) == ["agent.execution", "llm.input_tokens", "llm.output_tokens"]
    assert meters["agent.execution"].aggregation is Aggregation.COUNT
    assert meters["llm.input_tokens"].value_path == ("input_tokens",)


@pytest.mark.parametrize(
    "path, keys",
    [("tokens", ("tokens",)), ("usage.tokens", ("usage", "tokens")), ("/a~1b/c~0d.e", ("a/b", "c~d.e"))],
)
def test_a_path_is_dotted_or_a_pointer(path: str, keys: tuple[str, ...]) -> None:
    (meter,) = load_meters([GOOD | {"value_path": path}])
    assert meter.value_path == keys


@pytest.mark.parametrize(
    "change, field",
    [
        ({"key": "Tokens"}, "/meter/0/key"),
        ({"key": ""}, "/meter/0/key"),
        ({"name": 1}, "/meter/0/name"),
        ({"aggregation": "median"}, "/meter/0/aggregation"),
        ({"value_path": ""}, "/meter/0/value_path"),
        ({"value_path": "a..b"}, "/meter/0/value_path"),
        ({"value_path": "items.0"}, "/meter/0/value_path"),
        ({"value_path": None}, "/meter/0/value_path"),
        ({"aggregation": "count"}, "/meter/0/value_path"),
        ({"aggregation": "unique", "value_path": None}, "/meter/0/value_path"),
        ({"filter": "x"}, "/meter/0/filter"),
        ({"filter": {"path": "model"}}, "/meter/0/filter"),
        ({"group_by": "model"}, "/meter/0/group_by"),
        ({"group_by": ["model", "usage.model"]}, "/meter/0/group_by/1"),
        ({"group_by": ["a..b"]}, "/meter/0/group_by/0"),
        ({"group_by": ["/a-b"]}, "/meter/0/group_by/0"),
        ({"group_by": {"the model": "model"}}, "/meter/0/group_by/the model"),
        ({"group_by": {"model": 1}}, "/meter/0/group_by/model"),
        ({"group_by": [f"d{n}" for n in range(9)]}, "/meter/0/group_by"),
    ],
)
def test_a_broken_rule_is_named_by_its_place(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidMeter) as refused:
        load_meters([GOOD | change])
    assert refused.value.errors[0].field == field


def test_keys_are_unique() -> None:
    with pytest.raises(InvalidMeter) as refused:
        load_meters([GOOD, GOOD])
    assert refused.value.errors[0].field == "/meter/1/key"


def test_a_meter_is_filtered_and_grouped() -> None:
    """Goal: a list of paths takes its last keys for names; a table names what has no name of its own."""
    (meter,) = load_meters([GOOD | {"filter": {"path": "ok", "eq": True}, "group_by": ["usage.model", "kind"]}])
    assert meter.filter == Rule(("ok",), "eq", True)
    assert meter.group_by == (Dimension("kind", ("kind",)), Dimension("model", ("usage", "model")))
    (other,) = load_meters([GOOD | {"aggregation": "max", "group_by": {"kind": "/a-b"}}])
    assert (other.aggregation, other.group_by) == (Aggregation.MAX, (Dimension("kind", ("a-b",)),))
