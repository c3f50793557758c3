"""Add-ons on their whole way: chosen, raising limits, on the invoice by the second, explained, ended with the plan."""

from __future__ import annotations

from datetime import timedelta

import pytest

from autorisen import billing, subscriptions
from autorisen.accounts import Customer
from autorisen.billing import LineKind
from autorisen.billing.addons.read_addons import read_addons
from autorisen.billing.errors import SubscriptionMissing
from autorisen.billing.explanation.explain_invoice import explain
from autorisen.billing.explanation.present_line import line_steps
from autorisen.subscriptions import AddonNotSold, AddonQuantityRefused, TransitionRefused
from tests.factories.accounts import make_customer, make_key, make_member, sign_in
from tests.factories.addons import AGENTS, pro_with
from tests.factories.billing import Shop
from tests.factories.catalog import apply_text

HALF_OF_MARCH = timedelta(days=15, hours=12)


async def on_pro(shop: Shop, text: str = "", key: str = "acme") -> Customer:
    """A customer on Pro, which sells extra agents."""
    customer = await shop.customer(key)
    async with shop.runtime.unit() as unit:
        await apply_text(unit, text or pro_with())
    await shop.upgrade(customer)
    return customer


async def have(shop: Shop, customer: Customer, quantity: int, key: str = "extra_agents") -> None:
    subscription = await shop.subscription(customer)
    async with shop.runtime.unit() as unit:
        await subscriptions.set_addon(unit, subscription_id=subscription.id, key=key, quantity=quantity, actor="tests")


async def limit_of(shop: Shop, customer: Customer, key: str = "agents") -> int:
    async with shop.runtime.database.read() as tx:
        rows = await subscriptions.entitlements(tx, customer_id=customer.id, now=shop.clock.now())
    [found] = [row.included for row in rows if row.key == key]
    assert found is not None
    return int(found)


def addons(invoice: billing.Invoice) -> list[tuple[int, int]]:
    return [(line.amount.minor, line.tax.minor) for line in invoice.lines if line.kind is LineKind.ADDON]


async def test_it_holds_at_once_and_is_on_the_invoice_of_the_period_by_the_second(shop: Shop) -> None:
    customer = await on_pro(shop)
    before = await limit_of(shop, customer)
    await shop.advance(seconds=HALF_OF_MARCH.total_seconds())
    await have(shop, customer, 2)
    assert await limit_of(shop, customer) == before + 4
    await shop.advance(days=16)
    await have(shop, customer, 2)
    await shop.advance(days=31)
    first, second, third = await shop.invoices(customer)
    assert (addons(first), addons(third)) == ([], [(9_800, 1_278)])
    # Two of R49.00 for half of March; the rest of the lines is the fee of the period that follows.
    assert addons(second) == [(4_900, 639)]
    assert second.total.minor == 52_900 + 4_900


async def test_fewer_hold_at_once_too_and_no_credit_is_ever_given(shop: Shop) -> None:
    customer = await on_pro(shop)
    await have(shop, customer, 3)
    await shop.advance(seconds=HALF_OF_MARCH.total_seconds())
    await have(shop, customer, 0)
    async with shop.runtime.database.read() as tx:
        cost = await billing.cost_so_far(tx, customer_id=customer.id, now=shop.clock.now())
        draft = await billing.next_invoice(tx, shop.runtime.settings, customer_id=customer.id, now=shop.clock.now())
    assert [line.amount.minor for line in cost.lines if line.kind is LineKind.ADDON] == [7_350]
    assert cost.on_next_invoice.minor == 7_350
    assert draft is not None
    await shop.advance(days=16)
    second = (await shop.invoices(customer))[-1]
    assert addons(second) == [(7_350, 959)]
    assert draft.draft.total == second.total


async def test_each_line_is_explained_by_the_stretches(shop: Shop) -> None:
    customer = await on_pro(shop)
    period = await shop.period(customer)
    await have(shop, customer, 1)
    await shop.advance(days=10)
    await have(shop, customer, 3)
    await shop.advance(days=21, hours=2)
    invoice = (await shop.invoices(customer))[-1]
    async with shop.runtime.unit() as unit:
        key = await make_key(unit, customer.id)
    answer = await shop.client.get(f"/api/invoices/{invoice.public_id}/explanation", headers=key)
    [reason] = [each for each in answer.json()["lines"] if each["line"]["kind"] == "addon"]
    assert (reason["plan"], reason["plan_version"]) == ("pro", 2)
    assert [each["quantity"] for each in reason["held"]] == [1, 3]
    assert reason["held"][-1]["end_at"] == period.end_at.isoformat().replace("+00:00", "Z")
    assert all(each["held"] == [] for each in answer.json()["lines"] if each["line"]["kind"] != "addon")
    async with shop.runtime.database.read() as tx:
        [told] = [each for each in await explain(tx, invoice) if each.held]
    steps = {step.name: step.words for step in line_steps(invoice, told)}
    assert steps["Price"] == ("R49,00 per agent and month",)
    assert [words.split(" from ")[0] for words in steps["Held"]] == ["1", "3"]


async def test_a_plan_without_it_ends_it_and_a_later_plan_does_not_bring_it_back(shop: Shop) -> None:
    customer = await on_pro(shop)
    await have(shop, customer, 2)
    await shop.advance(days=10)
    await shop.upgrade(customer, "enterprise")
    subscription = await shop.subscription(customer)
    async with shop.runtime.database.read() as tx:
        changes = await subscriptions.addon_changes(tx, subscription.id)
    assert [each.quantity for each in changes] == [2, 0]
    await shop.advance(hours=2)
    async with shop.runtime.database.read() as tx:
        own = await read_addons(tx, customer_id=customer.id, now=shop.clock.now())
    assert own.addons == ()
    await shop.advance(days=40)
    found = [line for each in await shop.invoices(customer) for line in each.lines if line.kind is LineKind.ADDON]
    # Two of R49.00 for the ten days of a March of 31 that ended with the upgrade.
    assert [line.amount.minor for line in found] == [3_161]


async def test_another_cycle_of_the_plan_that_sells_it_keeps_it(shop: Shop) -> None:
    customer = await on_pro(shop)
    await have(shop, customer, 1)
    await shop.advance(days=10)
    await shop.upgrade(customer, "pro", "year")
    subscription = await shop.subscription(customer)
    async with shop.runtime.database.read() as tx:
        own = await read_addons(tx, customer_id=customer.id, now=shop.clock.now() + timedelta(seconds=1))
    assert subscription.interval == "year"
    assert [(each.quantity, each.each_period.minor) for each in own.addons] == [(1, 49_000)]


async def test_what_cant_be_had_is_refused(shop: Shop) -> None:
    customer = await on_pro(shop)
    with pytest.raises(AddonNotSold, match="extra_agents"):
        await have(shop, customer, 1, "storage")
    with pytest.raises(AddonQuantityRefused):
        await have(shop, customer, 51)
    with pytest.raises(AddonQuantityRefused):
        await have(shop, customer, -1)
    free = await shop.customer("free")
    with pytest.raises(AddonNotSold, match="none"):
        await have(shop, free, 1)


async def test_no_more_of_it_while_a_payment_is_overdue_but_less(shop: Shop) -> None:
    customer = await on_pro(shop)
    await have(shop, customer, 2)
    subscription = await shop.subscription(customer)
    async with shop.runtime.unit() as unit:
        await subscriptions.mark_past_due(unit, subscription.id)
    with pytest.raises(TransitionRefused, match="past due"):
        await have(shop, customer, 3)
    await have(shop, customer, 1)


async def test_a_trial_has_none(shop: Shop) -> None:
    customer = await shop.customer()
    async with shop.runtime.unit() as unit:
        plan = (await apply_text(unit, pro_with()))["pro"]
    async with shop.runtime.unit() as unit:
        subscription = await subscriptions.subscription_of(unit.tx, customer.id)
        assert subscription is not None
        await subscriptions.start_trial(unit, subscription.id, plan=plan, interval="month")
    with pytest.raises(TransitionRefused, match="on trial"):
        await have(shop, customer, 1)


async def test_who_has_no_subscription_yet_is_told(shop: Shop) -> None:
    async with shop.runtime.unit() as unit:
        nobody = await make_customer(unit, key="nobody")
    async with shop.runtime.database.read() as tx:
        with pytest.raises(SubscriptionMissing):
            await read_addons(tx, customer_id=nobody.id, now=shop.clock.now())


async def test_the_api_lists_and_sets(shop: Shop) -> None:
    customer = await on_pro(shop)
    await shop.advance(seconds=1)
    async with shop.runtime.unit() as unit:
        own, operator = await make_key(unit, customer.id), await make_key(unit, None)
    [listed] = (await shop.client.get("/api/addons", headers=own)).json()["addons"]
    assert (listed["quantity"], listed["amount_minor"], listed["raises"]) == (0, 4_900, {"agents": 2})
    answer = await shop.client.put("/api/addons/extra_agents", json={"quantity": 2}, headers=own)
    [made] = answer.json()["addons"]
    assert (made["quantity"], made["each_period_minor"], made["this_period_minor"]) == (2, 9_800, 9_800)
    seen = await shop.client.get("/api/addons", params={"customer": customer.key}, headers=operator)
    assert seen.json()["addons"] == [made]
    wrong = await shop.client.put("/api/addons/extra_agents", json={"quantity": 51}, headers=own)
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "/quantity")
    unknown = await shop.client.put("/api/addons/moon", json={"quantity": 1}, headers=own)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "addon_not_sold")
    plans = (await shop.client.get("/api/plans", params={"currency": "ZAR"})).json()["plans"]
    [sold] = [plan["addons"] for plan in plans if plan["key"] == "pro"]
    assert [(each["key"], each["interval"], each["amount_minor"]) for each in sold] == [
        ("extra_agents", "month", 4_900),
        ("extra_agents", "year", 49_000),
    ]


async def test_the_page_sets_them_and_says_what_is_wrong(shop: Shop) -> None:
    archive = AGENTS.replace("extra_agents", "archive").replace("Extra agents", "Archive")
    customer = await on_pro(shop, pro_with(AGENTS + archive))
    await shop.advance(seconds=1)
    async with shop.runtime.unit() as unit:
        await make_member(unit, customer.id)
    await sign_in(shop.client, shop.runtime)
    page = (await shop.client.get("/app/addons")).text.replace("\N{NO-BREAK SPACE}", " ")
    for words in ("Extra agents", "Archive", "R49,00 per agent a month", "each adds 2 agents"):
        assert words in page
    assert page.count('href="/app/billing" aria-current="page"') == 2, "the menu says where the page belongs"
    token = page.split('name="csrf_token" value="')[1].split('"')[0]

    async def save(key: str, quantity: str) -> tuple[int, str]:
        form = {"csrf_token": token, "key": key, "quantity": quantity}
        answer = await shop.client.post("/app/addons", data=form)
        return answer.status_code, answer.text

    assert (await save("extra_agents", "3"))[0] == 303
    shown = (await shop.client.get("/app/addons")).text.replace("\N{NO-BREAK SPACE}", " ")
    assert "3 cost R147,00 a month" in shown
    for typed in ("99", "many", ""):
        status, text = await save("extra_agents", typed)
        assert status == 422
        assert "must be from 0 to 50" in text
    status, text = await save("moon", "1")
    assert status == 404
    assert "The plan has no such add-on" in text


async def test_a_plan_without_add_ons_says_so(shop: Shop) -> None:
    customer = await shop.customer()
    async with shop.runtime.unit() as unit:
        await make_member(unit, customer.id)
    await sign_in(shop.client, shop.runtime)
    assert "Your plan has no add-ons" in (await shop.client.get("/app/addons")).text
