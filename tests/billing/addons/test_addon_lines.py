"""What add-ons cost: by the time that they were there, whatever is changed how often. Pure, with a reference."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from autorisen.billing.addons.addon_lines import AddonTime, addon_lines, average
from autorisen.catalog import PlanVersion, load_catalog
from autorisen.subscriptions import AddonChange, held_between, quantities_at
from tests.factories.addons import pro_with
from tests.factories.billing import START, VAT_15

END = datetime(2026, 4, 1, 8, tzinfo=UTC)
MONTH = AddonTime(START, END, END)
DRAFT = next(plan for plan in load_catalog(pro_with()).plans if plan.plan_key == "pro")
PRO = PlanVersion(id=UUID(int=1), version=1, effective_from=START, **vars(DRAFT))

# Times within a week before and after the month, and quantities.
moves = st.lists(st.tuples(st.integers(0, 45 * 86_400), st.integers(0, 5)), max_size=8)


def changes_of(*given: tuple[datetime, int]) -> list[AddonChange]:
    """Changes of the one add-on, numbered in the order of time."""
    return [
        AddonChange(UUID(int=9), "extra_agents", number, quantity, since)
        for number, (since, quantity) in enumerate(given, start=1)
    ]


def cost(changes: list[AddonChange], time: AddonTime = MONTH) -> int:
    lines = addon_lines(PRO, changes, time, currency="ZAR", interval="month", terms=VAT_15)
    return sum(line.amount.minor for line in lines)


def test_the_line_says_how_many_of_what_for_which_time() -> None:
    changes = changes_of((START - timedelta(days=3), 2), (START + timedelta(days=15, hours=12), 4))
    [line] = addon_lines(PRO, changes, MONTH, currency="ZAR", interval="month", terms=VAT_15)
    assert (line.description, line.quantity, line.amount.minor, line.tax.minor) == (
        "Extra agents: 2 to 4, by the second",
        Decimal(3),
        14_700,
        1_917,
    )
    assert (line.period_start, line.period_end, line.unit_label) == (START, END, "agent")
    [price] = PRO.addons("ZAR", "month")
    assert (line.included, line.unit_amount, line.price_id) == (Decimal(0), Decimal(4_900), price.id)
    [whole] = addon_lines(PRO, changes[:1], MONTH, currency="ZAR", interval="month", terms=VAT_15)
    assert (whole.description, whole.quantity, whole.amount.minor) == ("Extra agents: 2", Decimal(2), 9_800)


def test_nothing_costs_nothing_and_neither_does_what_the_plan_does_not_sell() -> None:
    assert cost([]) == 0
    assert cost(changes_of((END, 3))) == 0
    other = [AddonChange(UUID(int=9), "storage", 1, 3, START)]
    assert cost(other) == 0
    assert addon_lines(PRO, changes_of((START, 1)), MONTH, currency="USD", interval="year", terms=VAT_15) == ()


@given(moves)
def test_it_is_the_sum_of_the_seconds(given: list[tuple[int, int]]) -> None:
    """Against a reference that adds up second by second where something changes."""
    begin = START - timedelta(days=7)
    changes = changes_of(*((begin + timedelta(seconds=at), quantity) for at, quantity in sorted(given)))
    edges = sorted({START, END, *(each.since for each in changes if START < each.since < END)})
    used = sum(
        quantities_at(changes, first).get("extra_agents", 0) * int((last - first).total_seconds())
        for first, last in pairwise(edges)
    )
    exact = Decimal(4_900) * used / int((END - START).total_seconds())
    assert abs(cost(changes) - exact) <= Decimal("0.51")


@given(moves, st.integers(1, 31 * 86_400 - 1))
def test_a_cut_period_and_the_rest_cost_what_the_whole_does(given: list[tuple[int, int]], cut: int) -> None:
    begin = START - timedelta(days=7)
    changes = changes_of(*((begin + timedelta(seconds=at), quantity) for at, quantity in sorted(given)))
    at = START + timedelta(seconds=cut)
    first = average(held_between(changes, "extra_agents", START, at), MONTH)
    rest = average(held_between(changes, "extra_agents", at, END), MONTH)
    whole = average(held_between(changes, "extra_agents", START, END), MONTH)
    assert abs(first + rest - whole) <= Decimal("0.00000002")


@given(moves, st.integers(0, 45 * 86_400))
def test_more_of_it_never_costs_less(given: list[tuple[int, int]], extra: int) -> None:
    begin = START - timedelta(days=7)
    plain = sorted(given)
    changes = changes_of(*((begin + timedelta(seconds=at), quantity) for at, quantity in plain))
    more = changes_of(*((begin + timedelta(seconds=at), quantity + (at >= extra)) for at, quantity in plain))
    assert cost(changes) <= cost(more)


def test_stretches_are_joined_and_none_is_empty() -> None:
    day = timedelta(days=1)
    changes = changes_of((START, 2), (START + day, 2), (START + 2 * day, 0), (START + 2 * day, 1))
    held = held_between(changes, "extra_agents", START, END)
    assert [(each.quantity, each.start_at, each.end_at) for each in held] == [
        (2, START, START + 2 * day),
        (1, START + 2 * day, END),
    ]
    assert quantities_at(changes, START + 2 * day) == {"extra_agents": 1}
    assert quantities_at(changes, START - day) == {}
