"""One file is sold and measured in one transaction, and takes back nothing that was billed."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from autorisen import catalog, metering
from autorisen.kit.unit import Runtime
from autorisen.metering import MeterInUse, new_event
from autorisen.ops import apply_catalog_text
from tests.factories.accounts import make_customer
from tests.factories.metering import llm_event

SHIPPED = catalog.shipped_catalog()
RENAMED = SHIPPED.replace('"llm.input_tokens"', '"llm.prompt_tokens"')
YEAR = {"start": datetime(2026, 1, 1, tzinfo=UTC), "end": datetime(2027, 1, 1, tzinfo=UTC)}


async def test_what_was_billed_is_not_taken_back_by_a_renamed_meter(runtime: Runtime) -> None:
    """Goal: plans and meters stay as they were, and so does the quantity that an invoice was made from."""
    async with runtime.unit() as unit:
        await apply_catalog_text(unit, SHIPPED)
        acme = await make_customer(unit)
        await metering.ingest(unit, None, [new_event(llm_event("e", tokens=7))])
    with pytest.raises(MeterInUse, match=r"llm\.input_tokens must stay"):
        async with runtime.unit() as unit:
            await apply_catalog_text(unit, RENAMED)
    async with runtime.database.read() as tx:
        used = await metering.quantity(tx, customer_id=acme.id, meter="llm.input_tokens", **YEAR)
        assert used.quantity == Decimal(7)
        assert {plan.version for plan in await catalog.newest_plans(tx)} == {1}


async def test_a_meter_that_only_an_old_version_prices_stays(runtime: Runtime) -> None:
    """Goal: subscribers keep old versions, so a price of any age keeps its meter."""
    both = RENAMED + SHIPPED[SHIPPED.index('[[meter]]\nkey = "llm.input_tokens"') :].split("\n\n")[0]
    async with runtime.unit() as unit:
        await apply_catalog_text(unit, SHIPPED)
        changes = await apply_catalog_text(unit, both)
        assert [(each.kind, each.key) for each in changes.meters] == [("add", "llm.prompt_tokens")]
        priced = {price.meter for plan in await catalog.newest_plans(unit.tx) for price in plan.usage_prices("ZAR")}
        assert "llm.input_tokens" not in priced
    with pytest.raises(MeterInUse, match="a plan version prices it"):
        async with runtime.unit() as unit:
            await apply_catalog_text(unit, RENAMED)


async def test_a_meter_without_a_price_may_change_and_be_priced_at_once(runtime: Runtime) -> None:
    hours = '[[meter]]\nkey = "agent.hours"\nname = "Hours"\nunit = "hours"\naggregation = "count"\nevent_type = "{}"\n'
    async with runtime.unit() as unit:
        await apply_catalog_text(unit, SHIPPED + hours.format("a"))
        price = SHIPPED.replace('meter = "agent.execution"', 'meter = "agent.hours"', 1)
        changes = await apply_catalog_text(unit, price + hours.format("b"))
    assert [(each.kind, each.key) for each in changes.meters] == [("recount", "agent.hours")]
    assert [each.plan_key for each in changes.plans] == ["free"]
