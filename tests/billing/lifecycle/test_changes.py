"""Which way a change takes, what it will cost, and that a planned one comes when it said."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

import pytest

from autorisen import billing, subscriptions
from autorisen.accounts import Customer
from autorisen.billing import LineKind, Way
from autorisen.billing.lifecycle.change_subscription import Changed
from autorisen.billing.lifecycle.model import way_of
from autorisen.billing.model import Interval
from autorisen.catalog import PlanVersion, shipped_catalog
from autorisen.kit.problems import Problem
from autorisen.subscriptions import Status, Subscription
from tests.billing.lifecycle.test_trials import body_of, try_pro
from tests.factories.accounts import make_customer
from tests.factories.billing import START, Shop
from tests.factories.catalog import apply_text

ADDRESS = "12 Kloof Road\nCape Town"


def plan(key: str, rank: int) -> PlanVersion:
    return PlanVersion(UUID(int=rank + 1), key, 1, key.title(), "", rank, rank == 0, {}, (), (), START)


PLANS = {key: plan(key, rank) for rank, key in enumerate(("free", "pro", "enterprise"))}


def on(key: str, interval: Interval, status: Status = Status.ACTIVE) -> Subscription:
    return Subscription(
        id=UUID(int=1),
        customer_id=UUID(int=2),
        plan_version_id=PLANS[key].id,
        plan_key=key,
        currency="ZAR",
        interval=interval,
        status=status,
        cancel_at_period_end=False,
        started_at=START,
        ended_at=None,
        anchor_at=START,
        time_zone="UTC",
    )


WAYS = """
    present     cycle  wanted      cycle  way
    free        month  pro         month  at_once
    free        month  enterprise  year   at_once
    pro         month  enterprise  month  at_once
    pro         month  pro         year   at_once
    pro         month  enterprise  year   at_once
    pro         year   enterprise  year   at_once
    pro         year   enterprise  month  period_end
    pro         year   pro         month  period_end
    enterprise  month  pro         month  period_end
    enterprise  month  pro         year   period_end
    enterprise  year   pro         month  period_end
    pro         month  free        month  cancel
    enterprise  year   free        year   cancel
"""


@pytest.mark.parametrize("row", WAYS.strip().splitlines()[1:])
def test_more_holds_at_once_and_less_with_the_period(row: str) -> None:
    present, cycle, wanted, interval, way = row.split()
    cycles: dict[str, Interval] = {"month": "month", "year": "year"}
    subscription = on(present, cycles[cycle])
    found = way_of(subscription, PLANS[present], PLANS[wanted], cycles[interval], at_period_end=False)
    assert found is Way(way)
    later = way_of(subscription, PLANS[present], PLANS[wanted], cycles[interval], at_period_end=True)
    assert later is (Way.CANCEL if way == "cancel" else Way.PERIOD_END)


def test_on_trial_everything_can_be_bought_at_once() -> None:
    tried = on("pro", "year", Status.TRIALING)
    for wanted in ("pro", "enterprise"):
        assert way_of(tried, PLANS["pro"], PLANS[wanted], "month", at_period_end=False) is Way.AT_ONCE
    assert way_of(tried, PLANS["pro"], PLANS["free"], "month", at_period_end=False) is Way.CANCEL


@pytest.mark.parametrize("key", ["free", "pro"])
def test_what_is_no_change_is_refused(key: str) -> None:
    with pytest.raises(billing.NotAnUpgrade, match="is the present plan"):
        way_of(on(key, "month"), PLANS[key], PLANS[key], "month", at_period_end=False)


def test_a_pause_is_ended_before_the_plan_changes() -> None:
    paused = on("enterprise", "month", Status.PAUSED)
    for later in (False, True):
        with pytest.raises(billing.NotAnUpgrade, match="resume it first"):
            way_of(paused, PLANS["enterprise"], PLANS["pro"], "month", at_period_end=later)
    assert way_of(paused, PLANS["enterprise"], PLANS["free"], "month", at_period_end=False) is Way.CANCEL


async def change(
    shop: Shop, customer: Customer, wanted: str, interval: Interval = "month", *, at_period_end: bool = False
) -> Changed:
    changed = await billing.change_subscription(
        shop.runtime,
        customer_id=customer.id,
        plan_key=wanted,
        interval=interval,
        actor="tests",
        at_period_end=at_period_end,
    )
    await shop.worker.drain()
    return changed


async def test_a_downgrade_comes_with_the_end_of_the_period(shop: Shop) -> None:
    customer = await shop.customer(address=ADDRESS)
    await shop.upgrade(customer, "enterprise")
    period = await shop.period(customer)
    changed = await change(shop, customer, "pro")
    assert (changed.preview.way, changed.checkout, changed.preview.draft) == (Way.PERIOD_END, None, None)
    assert (changed.preview.takes_effect_at, changed.preview.fee.minor) == (period.end_at, 52_900)
    planned = await shop.subscription(customer)
    assert (planned.plan_key, planned.next_plan_key, planned.next_interval) == ("enterprise", "pro", "month")
    async with shop.runtime.database.read() as tx:
        upcoming = await billing.next_invoice(tx, shop.runtime.settings, customer_id=customer.id, now=shop.clock.now())
    assert upcoming is not None
    assert upcoming.draft.total.minor == 52_900
    assert (await change(shop, customer, "pro")).preview.way is Way.PERIOD_END, "asked again, nothing more"
    await shop.advance(minutes=1)
    await shop.use(customer, 8_100)
    await shop.advance(days=31, hours=2)
    after, running = await shop.subscription(customer), await shop.period(customer)
    assert (after.plan_key, after.next_plan_key, after.id) == ("pro", None, planned.id)
    assert (running.start_at, running.plan_version_id) == (period.end_at, after.plan_version_id)
    close = (await shop.invoices(customer))[-1]
    # The use of the month that is over by the plan of that month, the fee by the new one.
    kinds = [(line.kind, line.description.split()[0]) for line in close.lines]
    assert kinds == [(LineKind.USAGE, "Agent"), (LineKind.FLAT_FEE, "Pro")]
    assert close.lines[1].amount.minor == 52_900
    assert await body_of(shop, customer, "You are on Pro now") == (
        "As you asked, your plan changed on 1 April 2026: from Enterprise by the month to Pro by the month. Your plan:"
    )


async def test_a_year_becomes_months_at_its_end_on_the_same_day(shop: Shop) -> None:
    shop.clock.set(datetime.fromisoformat("2026-01-31T08:00:00+00:00"))
    customer = await shop.customer()
    await shop.upgrade(customer, "pro", "year")
    await change(shop, customer, "pro", "month")
    await shop.advance(days=365, hours=2)
    assert [line.amount.minor for line in (await shop.invoices(customer))[-1].lines] == [52_900]
    running = await shop.period(customer)
    assert (running.interval, running.start_at.day, running.end_at.day) == ("month", 31, 28)
    body = await body_of(shop, customer, "You are on Pro by the month now")
    assert "from Pro by the year to Pro by the month" in body
    await shop.advance(days=31)
    assert (await shop.period(customer)).end_at.day == 31


async def test_taken_back_nothing_changes(shop: Shop) -> None:
    customer = await shop.customer(address=ADDRESS)
    await shop.upgrade(customer, "enterprise")
    before = await shop.subscription(customer)
    await change(shop, customer, "pro")
    async with shop.runtime.unit() as unit:
        assert await subscriptions.keep(unit, before.id) == before
    await shop.advance(days=31, hours=2)
    assert (await shop.subscription(customer)).plan_key == "enterprise"


async def test_an_upgrade_can_wait_for_the_end_of_the_period(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    assert (await change(shop, customer, "enterprise", at_period_end=True)).checkout is None
    await shop.advance(days=31, hours=2)
    assert (await shop.subscription(customer)).plan_key == "enterprise"
    assert [line.amount.minor for line in (await shop.invoices(customer))[-1].lines] == [179_900]


async def test_an_upgrade_at_once_is_previewed_and_paid(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    await shop.advance(days=10)
    async with shop.runtime.unit() as unit:
        preview = await billing.preview_change(unit, customer_id=customer.id, plan_key="enterprise", interval="month")
    changed = await change(shop, customer, "enterprise")
    assert changed.checkout is not None
    assert preview.draft is not None
    await shop.pay(changed.checkout.url)
    paid = (await shop.invoices(customer))[-1]
    assert paid.total == preview.draft.total
    assert (await shop.subscription(customer)).plan_key == "enterprise"


async def test_down_to_free_is_a_cancellation(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    changed = await change(shop, customer, "free")
    assert (changed.preview.way, changed.preview.fee.minor) == (Way.CANCEL, 0)
    assert (await shop.subscription(customer)).cancel_at_period_end
    assert (await change(shop, customer, "free", "year")).preview.way is Way.CANCEL


async def test_while_a_period_is_closed_nothing_is_planned_for_its_end(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    shop.clock.set((await shop.period(customer)).end_at)
    with pytest.raises(billing.InvoiceWaiting, match="has just ended"):
        await change(shop, customer, "free")
    await shop.advance(hours=2)
    assert (await change(shop, customer, "free")).preview.takes_effect_at == (await shop.period(customer)).end_at


async def test_what_can_not_be_changed(shop: Shop) -> None:
    customer = await shop.customer()
    async with shop.runtime.unit() as unit:
        new = await make_customer(unit, key="new")
    for who, wanted, code in ((new, "pro", "subscription_missing"), (customer, "gold", "plan_unknown")):
        with pytest.raises(Problem) as caught:
            await change(shop, who, wanted)
        assert caught.value.code == code


MONTHLY = """
[[plan]]
key = "monthly"
name = "Monthly"
tagline = "Only by the month."
rank = 9
features = []
limits = { agents = 1, executions = 1, projects = 1, storage_mb = 1, support_hours = 1 }
price = [{ currency = "ZAR", interval = "month", amount = "10.00" }]
"""


async def test_a_plan_that_is_not_sold_by_the_year_is_not_planned_so(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    async with shop.runtime.unit() as unit:
        await apply_text(unit, shipped_catalog() + MONTHLY)
    await shop.advance(minutes=1)
    with pytest.raises(billing.PlanUnknown) as caught:
        await change(shop, customer, "monthly", "year", at_period_end=True)
    assert caught.value.errors[0].field == "/interval"


async def test_while_trying_a_purchase_replaces_the_trial(shop: Shop) -> None:
    customer = await shop.customer()
    await try_pro(shop, customer)
    changed = await change(shop, customer, "enterprise")
    assert changed.checkout is not None
    await shop.pay(changed.checkout.url)
    assert (await shop.subscription(customer)).plan_key == "enterprise"
    assert replace(await shop.subscription(customer)).status is Status.ACTIVE
