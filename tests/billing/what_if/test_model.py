"""Sums and buckets over customers that were rated twice."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.billing.what_if.model import BIGGEST, BUCKETS, Outcome, Row, bucket_of, tally
from autorisen.kit.money import Money


@pytest.mark.parametrize(
    "before, after, words",
    [
        (100, 100, "the same"),
        (0, 0, "the same"),
        (0, 1, "50 % more, or higher still"),
        (1, 0, "50 % less, or lower still"),
        (10_000, 10_499, "up to 5 % more"),
        (10_000, 10_500, "5 to 20 % more"),
        (10_000, 12_000, "20 to 50 % more"),
        (10_000, 15_000, "50 % more, or higher still"),
        (10_000, 9_501, "up to 5 % less"),
        (10_000, 9_500, "5 to 20 % less"),
        (10_000, 8_000, "20 to 50 % less"),
        (10_000, 5_000, "50 % less, or lower still"),
    ],
)
def test_a_change_has_its_bucket(before: int, after: int, words: str) -> None:
    assert BUCKETS[bucket_of(before, after)] == words


@pytest.mark.parametrize(
    "before, after, share",
    [(10_000, 10_310, 31), (10_000, 9_690, -31), (10_000, 10_315, 32), (10_000, 9_685, -31), (0, 5, None)],
)
def test_a_difference_has_its_share_half_up(before: int, after: int, share: int | None) -> None:
    assert Row(UUID(int=1), "acme", "Acme", "ZAR", before, after).thousandths == share


@st.composite
def outcomes(draw: st.DrawFn) -> Outcome:
    currency = draw(st.sampled_from(["ZAR", "USD"]))
    number = draw(st.integers(1, 10_000))
    before, after = (Money(draw(st.integers(0, 10_000)), currency) for _ in range(2))
    unsold = draw(st.sampled_from([(), ("old",)]))
    return Outcome(UUID(int=number), f"c{number}", f"Customer {number}", 1, before, after, unsold)


@given(st.lists(outcomes(), max_size=60), st.integers(0, 60))
def test_counting_in_batches_is_counting_at_once(found: list[Outcome], cut: int) -> None:
    whole = tally((), found)
    assert tally(tally((), found[:cut]), found[cut:]) == whole
    assert sum(each.customers for each in whole) == len(found)
    for each in whole:
        same = [one for one in found if one.before.currency == each.currency]
        assert each.is_sound
        assert each.more + each.less + each.same == each.customers == len(same)
        assert each.difference.minor == sum(one.difference.minor for one in same)
        assert each.unsold == sum(bool(one.unsold) for one in same)
        sizes = [abs(row.difference.minor) for row in each.biggest]
        assert sizes == sorted((abs(one.difference.minor) for one in same if one.difference), reverse=True)[:BIGGEST]
