"""What the timeline says of a change of plan, and of the instants that an action is about."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from autorisen import accounts, catalog, subscriptions
from autorisen.console import timeline
from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from autorisen.kit.work.store import FactRow
from tests.console.test_timeline import OPERATOR, whole
from tests.factories.accounts import make_key, make_user, sign_in
from tests.factories.addons import pro_with
from tests.factories.billing import Shop
from tests.factories.catalog import apply_text


@pytest.fixture
async def shop(runtime: Runtime, worker: Worker, client: httpx.AsyncClient, clock: FrozenClock) -> Shop:
    async with runtime.unit() as unit:
        await make_user(unit, email=OPERATOR, operator=True)
    return Shop(runtime, worker, client, clock)


async def test_a_change_of_plan_says_from_what_to_what(shop: Shop) -> None:
    customer = await shop.customer("acme")
    await shop.upgrade(customer)
    async with shop.runtime.unit() as unit:
        free = await catalog.current_plan(unit.tx, "free", unit.now)
        id = (await shop.subscription(customer)).id
        await subscriptions.schedule_change(unit, id, plan_version=free, interval="month")
    await shop.advance(days=32)
    told = [each.detail for each in await whole(shop, customer, "subscription") if "hange" in each.words]
    assert told == [
        "from Pro by the month to Free by the month",
        "to Free, version 1, by the month, with the period's end",
        "from Free by the month to Pro by the month",
    ]


@pytest.mark.parametrize("name", ["PlanChanged", "ChangeScheduled"])
def test_a_version_that_is_not_known_is_left_out(name: str) -> None:
    version = str(UUID(int=9))
    payload = {"from_plan_version_id": version, "to_plan_version_id": version, "interval": "year"}
    row = FactRow(UUID(int=1), name, payload, datetime(2026, 3, 1, tzinfo=UTC))
    assert timeline.plans_named([row]) == {UUID(int=9)}
    said = {"PlanChanged": "", "ChangeScheduled": "by the year, with the period's end"}
    assert timeline.of_fact(row, "/console/customers/cus_x", {}).detail == said[name]


def test_a_plan_that_is_not_known_is_said_by_its_key() -> None:
    row = FactRow(UUID(int=1), "TrialStarted", {"plan_key": "gone"}, datetime(2026, 3, 1, tzinfo=UTC))
    assert timeline.of_fact(row, "/console/customers/cus_x", {}).words == "Trial of gone started"


async def test_instants_of_an_action_are_said_as_dates(shop: Shop) -> None:
    customer = await shop.customer("acme")
    async with shop.runtime.unit() as unit:
        await apply_text(unit, pro_with())
    await shop.upgrade(customer)
    async with shop.runtime.unit() as unit:
        id = (await shop.subscription(customer)).id
        await subscriptions.set_addon(unit, subscription_id=id, key="extra_agents", quantity=3, actor="tests")
        operator = await make_key(unit, None, ["admin"])
    (row,) = [each for each in await whole(shop, customer, "action") if "extra_agents" in each.detail]
    assert (row.words, row.detail) == ("Add-on changed", "addon extra_agents, quantity 3")
    ((name, since),) = row.dates
    assert name == "since"
    await sign_in(shop.client, shop.runtime, OPERATOR)
    page = (await shop.client.get(f"/console/customers/{customer.public_id}")).text
    (said,) = re.findall(r">addon extra_agents, quantity 3, since ([^<]+)<", page)
    assert re.fullmatch(r"\d+ [A-Z][a-z]{2} 2026, \d\d:\d\d", said)
    assert since.isoformat() not in page
    shop.client.cookies.clear()
    answer = await shop.client.get(f"/api/customers/{customer.public_id}/timeline", headers=operator)
    details = [each["detail"] for each in answer.json()["moments"]]
    assert f"addon extra_agents, quantity 3, since {since.isoformat()}" in details, "machines read ISO 8601"


@pytest.mark.parametrize("value", ["2026-03-01", "2026-03-01T08:00:00", "soon", "20260301", 7])
def test_what_is_no_instant_is_told_as_it_is(value: object) -> None:
    entry = accounts.AuditEntry(1, datetime(2026, 3, 1, tzinfo=UTC), "usr_x", "customer.noted", "cus_x", {"of": value})
    moment = timeline.of_audit(entry, "/console/customers/cus_x")
    assert (moment.detail, moment.text, moment.dates) == (f"of {value}", f"of {value}", [])


def test_each_action_on_a_subscription_is_said_in_words() -> None:
    """Those that the source names as a whole; the name of any other is told."""
    named = re.compile(r'"(subscription\.[a-z_]+)"')
    source = Path(timeline.__file__).parents[1]
    found = {name for path in source.rglob("*.py") for name in named.findall(path.read_text(encoding="utf-8"))}
    assert "subscription.addon" in found, "the search finds what there is"
    assert found <= timeline.ACTIONS.keys()
    told = accounts.AuditEntry(1, datetime(2026, 3, 1, tzinfo=UTC), "usr_x", "api_key.created", "cus_x", {})
    assert timeline.of_audit(told, "/console/customers/cus_x").words == "Api key: created"
