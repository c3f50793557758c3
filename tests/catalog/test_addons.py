"""Add-ons in the catalog file: read, told, stored with the version of their plan, and refused by their path."""

from __future__ import annotations

import pytest

from autorisen.catalog import (
    AddonPrice,
    CatalogInvalid,
    addon_offers,
    load_catalog,
    newest_plans,
    plan_changes,
    raised_words,
)
from autorisen.kit.money import Money
from autorisen.kit.unit import Unit
from tests.factories.addons import AGENTS, pro_with
from tests.factories.catalog import apply_shipped, apply_text


def addons_of(text: str) -> list[AddonPrice]:
    pro = next(plan for plan in load_catalog(text).plans if plan.plan_key == "pro")
    return [price for price in pro.prices if isinstance(price, AddonPrice)]


def test_every_term_is_read() -> None:
    monthly, yearly, dollars = addons_of(pro_with())
    assert (monthly.key, monthly.name, monthly.unit_label, monthly.max_quantity) == (
        "extra_agents",
        "Extra agents",
        "agent",
        50,
    )
    assert (monthly.interval, monthly.amount) == ("month", Money(4_900, "ZAR"))
    assert (yearly.interval, yearly.amount) == ("year", Money(49_000, "ZAR"))
    assert dollars.amount == Money(300, "USD")
    assert monthly.raises == (("agents", 2),)
    assert addons_of(pro_with(AGENTS.replace("raises = { agents = 2 }", "")))[0].raises == ()


async def test_they_are_stored_with_their_plan_and_told(unit: Unit) -> None:
    await apply_shipped(unit)
    file = load_catalog(pro_with())
    [change] = plan_changes(await newest_plans(unit.tx), file)
    assert (change.kind, change.plan_key) == ("change", "pro")
    for line in ("+ addon.extra_agents.raises.agents: 2", "+ addon.extra_agents.ZAR.month: ZAR 49.00"):
        assert line in change.lines
    pro = (await apply_text(unit, pro_with()))["pro"]
    stored = pro.addons("ZAR", "month")
    assert [(each.key, each.amount.minor, each.max_quantity, each.raises) for each in stored] == [
        ("extra_agents", 4_900, 50, (("agents", 2),))
    ]
    assert [each.amount.minor for each in pro.addons("USD", "month")] == [300]
    assert pro.addons("USD", "year") == ()
    assert plan_changes(await newest_plans(unit.tx), file) == []


@pytest.mark.parametrize(
    "old, new, path, rule",
    [
        ("max = 50", "max = 0", "max", "must be from 1 to 1,000,000"),
        ('amount = "49.00"', 'amount = "0.00"', "price/0/amount", "must be more than zero"),
        ("agents = 2 ", "agents = 0 ", "raises/agents", "must be more than zero"),
        ("agents = 2 ", "support_hours = 2 ", "raises/support_hours", ""),
        ("agents = 2 ", "executions = 2 ", "raises/executions", ""),
        ('key = "extra_agents"', 'key = "Extra"', "key", ""),
        ("max = 50", "max = 50\nfree = true", "free", ""),
        ('interval = "year"', 'interval = "month"', "", ""),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, path: str, rule: str) -> None:
    assert old in AGENTS
    with pytest.raises(CatalogInvalid) as refused:
        load_catalog(pro_with(AGENTS.replace(old, new, 1)))
    told = {error.field: error.rule for error in refused.value.errors}
    [found] = [field for field in told if field.startswith("/plan/1/addon") and field.endswith(path)]
    assert rule in told[found]


def test_what_is_without_limit_is_not_raised() -> None:
    unlimited = pro_with().replace("agents = 50", 'agents = "unlimited"', 1)
    with pytest.raises(CatalogInvalid) as refused:
        load_catalog(unlimited)
    assert any("without limit" in error.rule for error in refused.value.errors)


def test_each_is_offered_once_with_all_its_prices() -> None:
    text = pro_with(
        AGENTS + AGENTS.replace("extra_agents", "more").replace("agents = 2", "agents = 1, projects = 1000")
    )
    plans = load_catalog(text).plans
    first, second = addon_offers(plans[1].prices)
    assert (first.key, first.name, first.unit_label, first.max_quantity) == (
        "extra_agents",
        "Extra agents",
        "agent",
        50,
    )
    assert first.adds == ("2 agents",)
    assert first.prices == {
        ("ZAR", "month"): Money(4_900, "ZAR"),
        ("ZAR", "year"): Money(49_000, "ZAR"),
        ("USD", "month"): Money(300, "USD"),
    }
    assert second.adds == ("1 agent", "1\N{NO-BREAK SPACE}000 projects")
    assert addon_offers(plans[0].prices) == ()


@pytest.mark.parametrize(
    "megabytes, words", [(5120, "5 GB of storage"), (1536, "1\N{NO-BREAK SPACE}536 MB of storage")]
)
def test_storage_is_said_in_whole_units(megabytes: int, words: str) -> None:
    [addon, *_] = addons_of(pro_with(AGENTS.replace("agents = 2", f"storage_mb = {megabytes}")))
    assert raised_words(addon) == (words,)
