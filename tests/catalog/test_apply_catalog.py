"""Applying a file: versions that never change, nothing twice, one at a time, nothing in the past."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import LiteralString
from uuid import UUID

import pytest
from psycopg import errors

from autorisen.catalog import (
    EffectiveDatePassed,
    NoDefaultPlan,
    PlanNotFound,
    apply_catalog,
    current_plan,
    current_plans,
    default_plan,
    load_catalog,
    newest_plans,
    plan_version,
    plan_versions_by_id,
    shipped_catalog,
)
from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime, Unit
from tests.factories.catalog import apply_shipped

FILE = load_catalog(shipped_catalog())
DEARER = load_catalog(shipped_catalog().replace('"529.00"', '"599.00"'))
WITHOUT_ENTERPRISE = replace(FILE, plans=FILE.plans[:2])
START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


async def test_the_file_is_what_is_sold(unit: Unit) -> None:
    changes = await apply_catalog(unit, FILE)
    assert [change.kind for change in changes] == ["add", "add", "add"]
    plans = await current_plans(unit.tx, unit.now)
    assert [(plan.plan_key, plan.version, plan.rank, plan.effective_from) for plan in plans] == [
        ("free", 1, 0, START),
        ("pro", 1, 1, START),
        ("enterprise", 1, 2, START),
    ]
    for plan, draft in zip(plans, FILE.plans, strict=True):
        assert (plan.name, plan.tagline, plan.limits, plan.features) == (
            draft.name,
            draft.tagline,
            draft.limits,
            draft.features,
        )
        nameless = tuple(replace(price, id=UUID(int=0)) for price in plan.prices)
        assert nameless == draft.prices
    ids = [price.id for plan in plans for price in plan.prices]
    assert len(set(ids)) == len(ids) == 30
    assert (await default_plan(unit.tx, unit.now)).plan_key == "free"


async def test_applied_again_nothing_changes(unit: Unit) -> None:
    before = await apply_shipped(unit)
    assert await apply_catalog(unit, FILE) == []
    assert {plan.plan_key: plan for plan in await current_plans(unit.tx, unit.now)} == before


async def test_a_changed_price_is_a_new_version_and_the_old_one_stays(unit: Unit) -> None:
    before = await apply_shipped(unit)
    [change] = await apply_catalog(unit, DEARER)
    assert change.lines == ("~ price.ZAR.month: ZAR 529.00 -> ZAR 599.00",)
    pro = await current_plan(unit.tx, "pro", unit.now)
    price = pro.flat_price("ZAR", "month")
    assert price is not None
    assert (pro.version, price.amount.minor) == (2, 59900)
    assert await plan_version(unit.tx, before["pro"].id) == before["pro"]
    assert await plan_versions_by_id(unit.tx, [pro.id, before["pro"].id, UUID(int=9)]) == {
        pro.id: pro,
        before["pro"].id: before["pro"],
    }


async def test_new_terms_hold_from_their_effective_date(unit: Unit) -> None:
    await apply_shipped(unit)
    later = unit.now + timedelta(days=30)
    await apply_catalog(unit, replace(DEARER, effective_from=later))
    assert (await current_plan(unit.tx, "pro", later - timedelta(microseconds=1))).version == 1
    assert (await current_plan(unit.tx, "pro", later)).version == 2
    assert {plan.plan_key: plan.version for plan in await newest_plans(unit.tx)} == {
        "free": 1,
        "pro": 2,
        "enterprise": 1,
    }
    assert await apply_catalog(unit, replace(DEARER, effective_from=later)) == []
    with pytest.raises(EffectiveDatePassed, match="2026-03-31"):
        await apply_catalog(unit, FILE)


async def test_terms_do_not_change_in_the_past(unit: Unit) -> None:
    await apply_shipped(unit)
    with pytest.raises(EffectiveDatePassed):
        await apply_catalog(unit, replace(DEARER, effective_from=unit.now - timedelta(seconds=1)))
    assert (await current_plan(unit.tx, "pro", unit.now)).version == 1


async def test_the_first_version_may_start_in_the_past(unit: Unit) -> None:
    past = unit.now - timedelta(days=365)
    await apply_catalog(unit, replace(FILE, effective_from=past))
    assert (await current_plan(unit.tx, "pro", past)).effective_from == past
    with pytest.raises(PlanNotFound):
        await current_plan(unit.tx, "pro", past - timedelta(seconds=1))


async def test_a_retired_plan_is_no_longer_sold_and_may_return(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        before = await apply_shipped(unit)
        [change] = await apply_catalog(unit, WITHOUT_ENTERPRISE)
        assert change.kind == "retire"
        with pytest.raises(PlanNotFound, match="enterprise"):
            await current_plan(unit.tx, "enterprise", unit.now)
        assert (await plan_version(unit.tx, before["enterprise"].id)).retired is False
        assert await apply_catalog(unit, WITHOUT_ENTERPRISE) == []
    clock.advance(timedelta(days=1))
    async with runtime.unit() as unit:
        await apply_catalog(unit, FILE)
        assert (await current_plan(unit.tx, "enterprise", unit.now)).version == 3


async def test_before_the_first_apply_nothing_is_sold(unit: Unit) -> None:
    assert await current_plans(unit.tx, unit.now) == []
    with pytest.raises(NoDefaultPlan):
        await default_plan(unit.tx, unit.now)
    with pytest.raises(PlanNotFound):
        await plan_version(unit.tx, UUID(int=1))


async def test_concurrent_applies_wait_for_each_other(runtime: Runtime) -> None:
    async def apply() -> int:
        async with runtime.unit() as unit:
            return len(await apply_catalog(unit, FILE))

    assert sorted(await asyncio.gather(*(apply() for _ in range(4)))) == [0, 0, 0, 3]


CHANGES: list[LiteralString] = [
    "UPDATE catalog.plan_versions SET name = 'Other'",
    "DELETE FROM catalog.plan_versions",
    "TRUNCATE catalog.plan_versions CASCADE",
    "UPDATE catalog.prices SET amount_minor = 1",
    "DELETE FROM catalog.prices",
    "TRUNCATE catalog.prices CASCADE",
    """INSERT INTO catalog.prices (id, plan_version_id, position, currency, kind, billing_interval, amount_minor)
       SELECT gen_random_uuid(), id, 99, 'ZAR', 'flat', 'year', 1 FROM catalog.plan_versions""",
]


@pytest.mark.parametrize("change", CHANGES)
async def test_the_database_refuses_to_change_what_was_sold(runtime: Runtime, change: LiteralString) -> None:
    async with runtime.unit() as unit:
        await apply_shipped(unit)
    with pytest.raises(errors.RestrictViolation):
        async with runtime.unit() as unit:
            await unit.tx.execute(change)
