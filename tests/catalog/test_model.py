"""The difference between a file and what is sold: exact, readable, and empty when there is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.catalog import FlatPrice, PlanVersion, load_catalog, months_of, plan_changes, shipped_catalog
from autorisen.catalog.model import CatalogFile, PlanDraft
from autorisen.catalog.plan_changes import terms
from autorisen.kit.money import Money

FILE = load_catalog(shipped_catalog())
START = datetime(2026, 3, 1, tzinfo=UTC)


def version_of(draft: PlanDraft, version: int = 1, *, retired: bool = False) -> PlanVersion:
    return PlanVersion(
        id=UUID(int=version),
        plan_key=draft.plan_key,
        version=version,
        name=draft.name,
        tagline=draft.tagline,
        rank=draft.rank,
        is_default=draft.is_default,
        limits=draft.limits,
        features=draft.features,
        prices=draft.prices,
        effective_from=START,
        retired=retired,
        trial_days=draft.trial_days,
    )


CURRENT = [version_of(draft) for draft in FILE.plans]


def with_pro(**values: object) -> CatalogFile:
    free, pro, enterprise = FILE.plans
    return replace(FILE, plans=(free, replace(pro, **values), enterprise))  # type: ignore[arg-type]  # any field


def test_what_is_applied_differs_from_its_file_in_nothing() -> None:
    assert plan_changes(CURRENT, FILE) == []


def test_everything_is_new_at_first() -> None:
    changes = plan_changes([], FILE)
    assert [(change.kind, change.plan_key, change.version) for change in changes] == [
        ("add", "free", 1),
        ("add", "pro", 1),
        ("add", "enterprise", 1),
    ]
    assert "+ limits.projects: unlimited" in changes[2].lines
    assert "+ usage.agent.execution.ZAR.unit_amount: 20 minor units" in changes[2].lines
    assert "+ usage.llm.input_tokens.ZAR.overage: refused" in changes[0].lines


def test_a_change_says_what_was_and_what_will_be() -> None:
    pro = FILE.plans[1]
    monthly, *others = pro.prices
    assert isinstance(monthly, FlatPrice)
    dearer = (replace(monthly, amount=Money(59900, "ZAR")), *others)
    [change] = plan_changes(CURRENT, with_pro(prices=dearer[:-1], name="Professional"))
    assert (change.kind, change.plan_key, change.version) == ("change", "pro", 2)
    assert change.lines == (
        "~ name: Pro -> Professional",
        "~ price.ZAR.month: ZAR 529.00 -> ZAR 599.00",
        "- usage.llm.output_tokens.USD.included: 500000 tokens",
        "- usage.llm.output_tokens.USD.unit_amount: 0.00165 minor units",
        "- usage.llm.output_tokens.USD.overage: allowed",
    )


def test_a_plan_that_left_the_file_is_retired_once() -> None:
    smaller = replace(FILE, plans=FILE.plans[:2])
    [change] = plan_changes(CURRENT, smaller)
    assert (change.kind, change.plan_key, change.version) == ("retire", "enterprise", 2)
    gone = [*CURRENT[:2], version_of(FILE.plans[2], 2, retired=True)]
    assert plan_changes(gone, smaller) == []


def test_a_retired_plan_that_returns_is_a_new_version_with_all_its_terms() -> None:
    gone = [*CURRENT[:2], version_of(FILE.plans[2], 2, retired=True)]
    [change] = plan_changes(gone, FILE)
    assert (change.kind, change.version) == ("change", 3)
    assert all(line.startswith("+ ") for line in change.lines)


@given(st.integers(1, 10**9), st.sampled_from(sorted(FILE.plans[1].limits)))
def test_any_other_limit_is_a_change(value: int, limit: str) -> None:
    limits = dict(FILE.plans[1].limits)
    expected = [] if limits[limit] == value else [f"~ limits.{limit}: {limits[limit]} -> {value}"]
    changes = plan_changes(CURRENT, with_pro(limits=limits | {limit: value}))
    assert [line for change in changes for line in change.lines] == expected


def test_terms_tell_every_field_of_an_offer() -> None:
    pro = FILE.plans[1]
    others = [
        replace(pro, name="x"),
        replace(pro, tagline="x"),
        replace(pro, rank=9),
        replace(pro, is_default=True),
        replace(pro, features=()),
        replace(pro, limits={}),
        replace(pro, prices=()),
    ]
    assert all(terms(other) != terms(pro) for other in others)


def test_a_plan_finds_its_prices() -> None:
    pro = CURRENT[1]
    assert pro.currencies == ("ZAR", "USD")
    found = pro.flat_price("USD", "year")
    assert found is not None
    assert found.amount.minor == 27400
    assert replace(pro, prices=()).flat_price("ZAR", "month") is None
    assert [price.meter for price in pro.usage_prices("USD")] == [
        "agent.execution",
        "llm.input_tokens",
        "llm.output_tokens",
    ]
    assert pro.usage_price("ZAR", "agent.runs") is None
    runs = pro.usage_price("USD", "agent.execution")
    assert runs is not None
    assert (runs.currency, runs.meter) == ("USD", "agent.execution")


@pytest.mark.parametrize("interval, months", [("month", 1), ("year", 12)])
def test_an_interval_is_so_many_months(interval: str, months: int) -> None:
    assert months_of(interval) == months  # type: ignore[arg-type]  # the two intervals as text
