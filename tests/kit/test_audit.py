"""The walk along ordered streams, and what a check's findings hold."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.kit.audit import walk
from autorisen.kit.findings import LISTED_LIMIT, Finding, Findings, amounts_differ
from autorisen.kit.money import Money


async def rows(*keys: str) -> AsyncGenerator[tuple[str, Any]]:
    for place, key in enumerate(keys):
        yield key, place


keys = st.lists(st.sampled_from("abcdef"), max_size=8).map(sorted)


@given(st.lists(keys, min_size=1, max_size=3))
async def test_each_key_is_met_once_with_all_that_streams_have_of_it(streams: list[list[str]]) -> None:
    met: list[tuple[str, tuple[list[Any], ...]]] = []
    await walk(lambda key, found: met.append((key, found)), *(rows(*each) for each in streams))
    assert [key for key, _ in met] == sorted({key for each in streams for key in each})
    for key, found in met:
        for mine, stream in zip(found, streams, strict=True):
            assert mine == [place for place, each in enumerate(stream) if each == key]


async def test_a_stream_out_of_order_is_refused() -> None:
    with pytest.raises(ValueError, match="a comes after b"):
        await walk(lambda key, found: None, rows("b", "a"))


def test_findings_list_so_many_and_count_all() -> None:
    told: list[int] = []
    findings = Findings("x", told.append)
    findings.count(2)
    findings.count(3)
    findings.add([Finding("k", "r", "1", "2", 7)] * (LISTED_LIMIT + 5))
    findings.add(amounts_differ("k", "r", Money(5, "ZAR"), Money(5, "ZAR")))
    assert (findings.compared, told, findings.wrong) == (5, [2, 5], LISTED_LIMIT + 5)
    assert (len(findings.listed), findings.cents) == (LISTED_LIMIT, 7 * (LISTED_LIMIT + 5))
    assert Findings("y").tell(1) is None  # type: ignore[func-returns-value]  # nobody asks
    assert amounts_differ("k", "r", Money(5, "ZAR"), Money(-2, "ZAR")) == [
        Finding("k", "r", "ZAR 0.05", "ZAR -0.02", 7, "ZAR")
    ]
