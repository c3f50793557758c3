"""How many of an add-on there are at which instant, and which limits they raise. Pure."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from autorisen.catalog import AddonPrice
from autorisen.kit.money import Money
from autorisen.subscriptions.addons.model import AddonChange, HeldAddon, held_between, quantities_at, raised
from tests.factories.contracts import AFTER, CONTRACT, END, INSTANT, START, a_plan


def change(number: int, quantity: int, key: str = "seats", later: int = 0) -> AddonChange:
    return AddonChange(CONTRACT.id, key, number, quantity, START + INSTANT * later)


def test_the_newest_change_that_holds_counts() -> None:
    changes = [
        change(2, 3, later=5),
        change(1, 1),
        change(3, 7, later=9),
        change(1, 2, "agents"),
        change(2, 0, "agents", 5),
    ]
    assert quantities_at(changes, START - INSTANT) == {}
    assert quantities_at(changes, START) == {"seats": 1, "agents": 2}
    assert quantities_at(changes, START + 5 * INSTANT) == {"seats": 3}
    assert quantities_at(reversed(changes), START + 9 * INSTANT) == {"seats": 7}
    assert quantities_at([change(1, 4), change(2, 5)], START) == {"seats": 5}, "of one instant the later one"


def test_stretches_are_half_open_and_join_where_nothing_changes() -> None:
    own = [change(1, 1), replace(change(2, 1), since=END), change(9, 5, "agents")]
    assert held_between(own, "seats", START, AFTER) == [HeldAddon(1, START, AFTER)]
    assert held_between([own[0], replace(own[1], quantity=2)], "seats", START, AFTER) == [
        HeldAddon(1, START, END),
        HeldAddon(2, END, AFTER),
    ]
    gone = [own[0], replace(own[1], quantity=0)]
    assert held_between(gone, "seats", START, AFTER) == [HeldAddon(1, START, END)]
    assert held_between(gone, "seats", END, AFTER) == []
    assert held_between([], "seats", START, END) == []
    apart = [own[0], replace(own[1], number=2, quantity=0, since=START + INSTANT), replace(own[1], number=3)]
    assert held_between(apart, "seats", START, AFTER) == [
        HeldAddon(1, START, START + INSTANT),
        HeldAddon(1, END, AFTER),
    ]


def test_each_of_it_raises_its_limits() -> None:
    plan = replace(a_plan(), limits={"agents": 3, "projects": None, "executions": 100})
    price = AddonPrice(UUID(int=7), "ZAR", "month", Money(100, "ZAR"), "seats", "Seats", "seats", 10, (("agents", 2),))
    other = replace(price, key="runs", raises=(("executions", 50),))
    assert raised(plan, [price, other], {"seats": 4}).limits == {"agents": 11, "projects": None, "executions": 100}
    assert raised(plan, [replace(price, raises=(("projects", 5),))], {"seats": 1}).limits["projects"] == 5
    assert raised(plan, [], {"seats": 4}) == plan
