"""Filters of meters."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from typing import Any

import pytest

from autorisen.kit.problems import FieldError
from autorisen.metering.filters import filter_of, filter_text, load_filter, matcher, path_of, path_text

DATA: dict[str, object] = {
    "model": "gpt-large",
    "tokens": 100,
    "price": Decimal("0.50"),
    "cached": False,
    "nothing": None,
    "usage": {"kind": "chat", "a.b": 1},
}

HOLDS = [
    {"path": "model", "eq": "gpt-large"},
    {"path": "model", "ne": "gpt-small"},
    {"path": "absent", "ne": "x"},
    {"path": "nothing", "ne": "x"},
    {"path": "model", "in": ["a", "gpt-large"]},
    {"path": "model", "prefix": "gpt-"},
    {"path": "model", "gt": "gpt-a", "lt": "gpt-z"},
    {"path": "tokens", "gt": 99, "lte": 100},
    {"path": "tokens", "gte": 100.0},
    {"path": "tokens", "eq": Decimal("100.0")},
    {"path": "price", "lt": 0.51},
    {"path": "price", "eq": 0.5},
    {"path": "cached", "eq": False},
    {"path": "model", "exists": True},
    {"path": "absent", "exists": False},
    {"path": "nothing", "exists": False},
    {"path": "usage.kind", "eq": "chat"},
    {"path": "/usage/a.b", "eq": 1},
    {"and": [{"path": "model", "exists": True}, {"path": "tokens", "gt": 1}]},
    {"or": [{"path": "model", "eq": "x"}, {"path": "tokens", "gt": 1}]},
]
FAILS = [
    {"path": "model", "eq": "GPT-large"},
    {"path": "absent", "eq": "x"},
    {"path": "absent", "in": ["x"]},
    {"path": "tokens", "eq": "100"},
    {"path": "tokens", "in": [True, "100"]},
    {"path": "cached", "eq": 0},
    {"path": "tokens", "prefix": "1"},
    {"path": "tokens", "gt": "99"},
    {"path": "cached", "lt": 1},
    {"path": "absent", "lt": 1},
    {"path": "tokens", "gt": 99, "lt": 100},
    {"path": "model.deeper", "exists": True},
    {"path": "absent", "exists": True},
    {"and": [{"path": "model", "exists": True}, {"path": "tokens", "gt": 100}]},
    {"or": [{"path": "model", "eq": "x"}, {"path": "tokens", "gt": 100}]},
]


@pytest.mark.parametrize("table, holds", [(each, True) for each in HOLDS] + [(each, False) for each in FAILS])
def test_a_filter_says_which_events_count(table: dict[str, Any], holds: bool) -> None:
    errors: list[FieldError] = []
    made = load_filter(table, "", errors)
    assert not errors
    matches = matcher(made)
    assert matches is not None
    assert matches(DATA) is holds
    assert filter_of(filter_text(made)) == made


def test_it_is_written_in_the_catalog_file() -> None:
    text = 'filter = {and = [{path = "model", prefix = "gpt-"}, {path = "price", gte = 0.1, lt = 1e2}]}'
    made = load_filter(tomllib.loads(text)["filter"], "", [])
    assert filter_text(made) == (
        '{"and":[{"path":"model","prefix":"gpt-"},{"and":[{"path":"price","gte":0.1},{"path":"price","lt":100.0}]}]}'
    )


DEEP: dict[str, Any] = {"path": "a", "eq": 1}
for _ in range(9):
    DEEP = {"and": [DEEP]}


@pytest.mark.parametrize(
    "table, field",
    [
        ("model = x", "/f"),
        ([], "/f"),
        ({}, "/f/path"),
        ({"path": "model"}, "/f"),
        ({"path": "", "eq": 1}, "/f/path"),
        ({"path": 3, "eq": 1}, "/f/path"),
        ({"path": "items.0", "eq": 1}, "/f/path"),
        ({"path": "model", "like": "x"}, "/f/like"),
        ({"path": "model", "eq": None}, "/f/eq"),
        ({"path": "model", "eq": ["x"]}, "/f/eq"),
        ({"path": "model", "eq": "x" * 257}, "/f/eq"),
        ({"path": "model", "eq": float("inf")}, "/f/eq"),
        ({"path": "model", "in": []}, "/f/in"),
        ({"path": "model", "in": "x"}, "/f/in"),
        ({"path": "model", "in": [None]}, "/f/in"),
        ({"path": "model", "in": list(range(101))}, "/f/in"),
        ({"path": "model", "prefix": ""}, "/f/prefix"),
        ({"path": "model", "prefix": 1}, "/f/prefix"),
        ({"path": "model", "exists": "yes"}, "/f/exists"),
        ({"path": "model", "gt": True}, "/f/gt"),
        ({"and": []}, "/f/and"),
        ({"or": {"path": "a", "eq": 1}}, "/f/or"),
        ({"and": [{"path": "a", "eq": 1}], "path": "b"}, "/f/path"),
        ({"or": [{"path": "a", "eq": 1}, {"path": "b"}]}, "/f/or/1"),
        ({"and": [{"and": [{"path": "a", "eq": n} for n in range(60)]} for _ in range(2)]}, "/f"),
        (DEEP, "/f" + "/and/0" * 8),
    ],
)
def test_a_broken_rule_is_named_by_its_place(table: Any, field: str) -> None:
    errors: list[FieldError] = []
    load_filter(table, "/f", errors)
    assert field in [error.field for error in errors]


@pytest.mark.parametrize("path", ["a", "a.b", "/a~1b/c~0d.e", "/x.y"])
def test_a_path_reads_as_it_is_written(path: str) -> None:
    assert path_text(path_of(path)) == path
