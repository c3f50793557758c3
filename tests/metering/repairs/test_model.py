"""How parts of a body are replaced and how contents are compared: values alone."""

from __future__ import annotations

import pytest

from autorisen.metering.repairs.model import Difference, differences, merge_patch


@pytest.mark.parametrize(
    "document, patch, merged",
    [
        # From appendix A of RFC 7396.
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ({"a": "foo"}, "bar", "bar"),
    ],
)
def test_a_merge_patch_is_that_of_the_standard(document: object, patch: object, merged: object) -> None:
    assert merge_patch(document, patch) == merged


def test_a_patch_changes_nothing_that_it_is_given() -> None:
    document = {"data": {"tokens": 1}}
    merge_patch(document, {"data": {"tokens": 2}})
    assert document == {"data": {"tokens": 1}}


def test_every_different_leaf_is_named_by_its_place() -> None:
    kept = {"type": "a", "data": {"tokens": 1, "x/y": {"deep": True}, "only": [1]}, "time": "t"}
    sent = {"type": "a", "data": {"tokens": 2, "x/y": {"deep": False}, "new": {}}, "time": "t"}
    assert differences(kept, sent) == (
        Difference("/data/new", None, "{}"),
        Difference("/data/only", "[1]", None),
        Difference("/data/tokens", "1", "2"),
        Difference("/data/x~1y/deep", "true", "false"),
    )
    assert differences(kept, kept) == ()
