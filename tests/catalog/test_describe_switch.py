"""What a change of plan led from and to, in words: also where only the cycle or the version is another."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from autorisen.catalog import PlanVersion, plan_words, switch_words

PRO = PlanVersion(
    id=UUID(int=1),
    plan_key="pro",
    version=1,
    name="Pro",
    tagline="",
    rank=1,
    is_default=False,
    limits={},
    features=(),
    prices=(),
    effective_from=datetime(2026, 3, 1, tzinfo=UTC),
)
PRO_2 = replace(PRO, id=UUID(int=2), version=2)
FREE = replace(PRO, id=UUID(int=3), plan_key="free", name="Free")


@pytest.mark.parametrize(
    "before, after, intervals, said",
    [
        (FREE, PRO, ("month", "year"), "from Free by the month to Pro by the year"),
        (PRO, PRO, ("year", "month"), "from Pro by the year to Pro by the month"),
        (PRO, PRO_2, ("month", "month"), "Pro, from version 1 to version 2"),
        (PRO, PRO_2, ("month", "year"), "from Pro by the month to Pro by the year"),
        (FREE, PRO, (), "from Free to Pro"),
        (PRO, PRO, (), "another cycle of Pro"),
    ],
)
def test_a_switch_says_from_what_to_what(
    before: PlanVersion, after: PlanVersion, intervals: tuple[str, ...], said: str
) -> None:
    assert switch_words(before, after, *intervals) == said


def test_a_plan_is_said_with_its_cycle_where_that_is_known() -> None:
    assert [plan_words(PRO, "year"), plan_words(PRO, "")] == ["Pro by the year", "Pro"]
