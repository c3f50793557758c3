"""The limits of a plan in words: sizes, hours, what has no end and what is not named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autorisen.catalog import LIMIT_NAMES, limit_words
from autorisen.catalog.model import LIMITS
from tests.catalog.test_describe_switch import PRO


@pytest.mark.parametrize(
    "limit, value, said",
    [
        ("agents", 50, "50"),
        ("executions", 8_000, "8\N{NO-BREAK SPACE}000"),
        ("projects", None, "Unlimited"),
        ("storage_mb", 512, "512 MB"),
        ("storage_mb", 5_120, "5 GB"),
        ("support_hours", 24, "24 hours"),
    ],
)
def test_a_limit_in_words(limit: str, value: int | None, said: str) -> None:
    assert limit_words(replace(PRO, limits={limit: value}), limit) == said


def test_every_limit_of_a_file_has_its_name() -> None:
    assert tuple(LIMIT_NAMES) == LIMITS
    assert limit_words(PRO, "agents") == "0"
