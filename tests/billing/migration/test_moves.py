"""Moving subscribers: nobody moves by an apply; who is moved is told ahead, sees the figures, and moves on the day."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from autorisen import billing, catalog, subscriptions
from autorisen.accounts import Customer
from autorisen.billing import LineKind, Migration
from autorisen.billing.migration import VersionUnknown
from autorisen.billing.migration.model import moves_at
from autorisen.catalog import shipped_catalog
from autorisen.kit.mail import mails
from autorisen.kit.money import Money
from tests.factories.accounts import make_key, make_user, sign_in
from tests.factories.billing import Shop
from tests.factories.catalog import apply_text

# Pro costs R70 more, and a run R0.05 more.
ENTERPRISE = next(re.finditer(r"^# -+ Enterprise$", shipped_catalog(), re.MULTILINE))
DEARER = shipped_catalog().replace('"529.00"', '"599.00"').replace('amount = "0.25"', 'amount = "0.30"')


async def a_dearer_catalog(shop: Shop) -> None:
    async with shop.runtime.unit() as unit:
        await apply_text(unit, DEARER)


async def preview(shop: Shop, version: int = 2, **days: int) -> Migration:
    async with shop.runtime.database.read() as tx:
        notice = timedelta(days=days.get("notice", 30))
        return await billing.preview_moves(tx, plan_key="pro", to_version=version, now=shop.clock.now(), notice=notice)


async def announce(shop: Shop, **days: int) -> int:
    found = await preview(shop, **days)
    async with shop.runtime.unit() as unit:
        return await billing.announce_moves(unit, found.plan, found.moves, actor="tests")


async def version_of(shop: Shop, customer: Customer) -> int:
    async with shop.runtime.database.read() as tx:
        found = await subscriptions.standing_of(tx, customer.id, shop.clock.now())
    assert found is not None
    return found[1].version


async def on_pro(shop: Shop, key: str = "acme", used: int = 0) -> Customer:
    """A customer who has been on Pro for a closed month, with so many runs in it."""
    customer = await shop.customer(key)
    await shop.upgrade(customer)
    if used:
        await shop.use(customer, used, prefix=key, at=shop.clock.now() + timedelta(hours=1))
    return customer


async def test_nobody_moves_by_an_apply(shop: Shop) -> None:
    customer = await on_pro(shop)
    await a_dearer_catalog(shop)
    await shop.advance(days=70)
    assert await version_of(shop, customer) == 1
    fees = [
        line.amount.minor for each in await shop.invoices(customer) for line in each.lines if line.kind == "flat_fee"
    ]
    assert set(fees) == {52_900}


async def test_the_preview_rates_the_last_period_again_and_changes_nothing(shop: Shop) -> None:
    busy, calm = await on_pro(shop, used=2_100), await on_pro(shop, "calm")
    await shop.customer("free")
    await shop.advance(days=31, hours=2)
    await a_dearer_catalog(shop)
    found = await preview(shop)
    assert {
        move.customer.key: (move.from_version, move.usage_before, move.usage_after, move.difference.minor)
        for move in found.moves
    } == {
        "acme": (1, Money(2_500, "ZAR"), Money(3_000, "ZAR"), 7_500),
        "calm": (1, Money(0, "ZAR"), Money(0, "ZAR"), 7_000),
    }
    [sums] = found.sums
    assert (sums.moves, sums.before.minor, sums.after.minor, sums.dearer, sums.cheaper) == (
        2,
        2 * 52_900 + 2_500,
        2 * 59_900 + 3_000,
        2,
        0,
    )
    await shop.advance(days=62)
    assert {await version_of(shop, busy), await version_of(shop, calm)} == {1}


async def test_who_is_moved_is_told_ahead_and_pays_the_new_terms_from_the_day_on(shop: Shop) -> None:
    customer = await on_pro(shop)
    await a_dearer_catalog(shop)
    period = await shop.period(customer)
    assert await announce(shop) == 1
    await shop.worker.drain()
    async with shop.runtime.database.read() as tx:
        [mail] = [each.message for each in await mails(tx) if "New prices" in each.message.subject]
    # The period ends within the 31 days of March: after 30 days of notice, it is the first end that counts.
    assert mail.subject == "New prices of Pro from 1 April 2026"
    for words in ("R599,00 a month, more than R529,00 now", "Until then nothing changes", "/app/billing"):
        assert words in mail.text.replace("\N{NO-BREAK SPACE}", " ")
    assert await version_of(shop, customer) == 1
    await shop.advance(days=31, hours=2)
    assert (await shop.period(customer)).start_at == period.end_at
    assert await version_of(shop, customer) == 2
    [fee] = [line for line in (await shop.invoices(customer))[-1].lines if line.kind is LineKind.FLAT_FEE]
    assert fee.amount.minor == 59_900
    async with shop.runtime.database.read() as tx:
        [mail] = [each.message for each in await mails(tx) if each.message.subject == "New terms of Pro hold now"]
    assert "As we wrote to you, other terms of Pro hold from 1 April 2026 on." in mail.text, "they did not ask for it"


async def test_a_longer_notice_waits_for_a_later_period(shop: Shop) -> None:
    customer = await on_pro(shop)
    await a_dearer_catalog(shop)
    assert await announce(shop, notice=45) == 1
    assert await announce(shop, notice=45) == 0
    [told] = (await preview(shop)).moves
    assert told.refusal == "was announced before"
    await shop.advance(days=32)
    assert await version_of(shop, customer) == 1
    await shop.advance(days=30)
    assert await version_of(shop, customer) == 2


async def test_what_a_customer_plans_stays_and_a_move_is_not_taken_back(shop: Shop) -> None:
    leaving, staying = await on_pro(shop), await on_pro(shop, "staying")
    await a_dearer_catalog(shop)
    async with shop.runtime.unit() as unit:
        await subscriptions.request_cancel(unit, (await shop.subscription(leaving)).id)
    refusals = {move.customer.key: move.refusal for move in (await preview(shop)).moves}
    assert refusals == {"acme": "something else is planned for the end of its period", "staying": ""}
    assert await announce(shop) == 1
    async with shop.runtime.unit() as unit:
        with pytest.raises(subscriptions.TransitionRefused, match="new prices of the plan are announced"):
            await subscriptions.keep(unit, (await shop.subscription(staying)).id)
    version = (await preview(shop)).plan
    for customer in (leaving, staying):
        subscription = await shop.subscription(customer)
        async with shop.runtime.unit() as unit:
            with pytest.raises(subscriptions.TransitionRefused, match="something else is planned"):
                await subscriptions.move_version(unit, subscription.id, plan_version=version)


async def test_who_plans_something_else_after_the_mail_is_not_moved(shop: Shop) -> None:
    customer = await on_pro(shop)
    await a_dearer_catalog(shop)
    assert await announce(shop, notice=45) == 1
    await shop.advance(days=20)
    await shop.upgrade(customer, "enterprise")
    await shop.advance(days=45)
    assert (await shop.subscription(customer)).plan_key == "enterprise"


async def test_a_version_that_is_not_there_is_refused(shop: Shop) -> None:
    await on_pro(shop)
    with pytest.raises(VersionUnknown, match="must be from 1 to 1"):
        await preview(shop, 2)
    async with shop.runtime.unit() as unit:
        await apply_text(unit, shipped_catalog()[: ENTERPRISE.start()])
    async with shop.runtime.database.read() as tx:
        for plan, version, rule in (("gold", 1, "must be the key of a plan"), ("enterprise", 2, "this one retires")):
            with pytest.raises(VersionUnknown, match=rule):
                await billing.preview_moves(tx, plan_key=plan, to_version=version, now=shop.clock.now())


async def test_a_currency_that_the_version_is_not_sold_in_stays(shop: Shop) -> None:
    await on_pro(shop)
    async with shop.runtime.unit() as unit:
        monthly = '[[plan.price]]\ncurrency = "ZAR"\ninterval = "month"\namount = "529.00"\n'
        assert monthly in shipped_catalog()
        await apply_text(unit, shipped_catalog().replace(monthly, ""))
    [move] = (await preview(shop)).moves
    assert (move.refusal, move.fee_after.minor) == ("the version has no price in ZAR per month", 0)
    assert await announce(shop) == 0


async def test_the_api_and_the_page_are_for_operators(shop: Shop) -> None:
    customer = await on_pro(shop, used=2_100)
    await shop.advance(days=31, hours=2)
    await a_dearer_catalog(shop)
    async with shop.runtime.unit() as unit:
        operator, own = await make_key(unit, None), await make_key(unit, customer.id)
        await make_user(unit, email="busy@operator.example", name="Busy Member", operator=True)
    query = {"plan": "pro", "to_version": "2", "notice_days": "10"}
    told = await shop.client.get("/api/plan-moves", params=query, headers=operator)
    assert told.status_code == 200
    [move] = told.json()["moves"]
    assert (move["customer_key"], move["usage_before_minor"], move["usage_after_minor"]) == ("acme", 2_500, 3_000)
    assert told.json()["sums"][0]["after_minor"] == 62_900
    assert (await shop.client.get("/api/plan-moves", params=query, headers=own)).status_code == 403
    body = {"plan": "pro", "to_version": 2, "customers": ["nobody"]}
    wrong = await shop.client.post("/api/plan-moves", json=body, headers=operator)
    assert wrong.json()["errors"][0]["field"] == "/customers/0"
    await sign_in(shop.client, shop.runtime, "busy@operator.example")
    page = (await shop.client.get("/console/catalog/pro/moves?to=2")).text
    assert "Tell and move 1" in page
    assert "/console/catalog/pro/moves?to=2" in (await shop.client.get("/console/catalog")).text
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    moved = await shop.client.post("/console/catalog/pro/moves", data={"csrf_token": token, "to": "2", "notice": "10"})
    assert moved.headers["location"] == "/console/catalog/pro/moves?to=2&notice=10"
    assert "was announced before" in (await shop.client.get(moved.headers["location"])).text
    again = await shop.client.post("/api/plan-moves", json=body | {"customers": ["acme"]}, headers=operator)
    assert again.json()["announced"] == 0
    await shop.advance(days=31)
    assert await version_of(shop, customer) == 2
    await sign_in(shop.client, shop.runtime, "busy@operator.example")
    assert "Everybody has these terms" in (await shop.client.get("/console/catalog/pro/moves?to=2")).text


async def test_a_day_that_no_period_reaches_is_an_error(shop: Shop) -> None:
    customer = await on_pro(shop)
    subscription, period = await shop.subscription(customer), await shop.period(customer)
    assert moves_at(subscription, period, period.end_at + timedelta(days=1)) == datetime(
        2026, 5, 1, 8, 0, 0, 1, tzinfo=UTC
    )
    with pytest.raises(ValueError, match="soon enough"):
        moves_at(subscription, period, period.end_at + timedelta(days=5000))


async def test_a_trial_is_not_moved_and_an_announced_move_is_told_once(shop: Shop) -> None:
    trying, customer = await shop.customer("trying"), await on_pro(shop)
    async with shop.runtime.unit() as unit:
        free = await subscriptions.subscription_of(unit.tx, trying.id)
        pro = await catalog.current_plan(unit.tx, "pro", unit.now)
        assert free is not None
        await subscriptions.start_trial(unit, free.id, plan=pro, interval="month")
    await a_dearer_catalog(shop)
    found = await preview(shop)
    refusals = {move.customer.key: move.refusal for move in found.moves}
    assert refusals == {"trying": "it is on trial", customer.key: ""}
    for new in (1, 0):
        async with shop.runtime.unit() as unit:
            assert await billing.announce_moves(unit, found.plan, found.moves, actor="tests") == new


async def test_a_version_with_the_same_fee_says_so(shop: Shop) -> None:
    await on_pro(shop)
    async with shop.runtime.unit() as unit:
        await apply_text(unit, shipped_catalog().replace('amount = "0.25"', 'amount = "0.30"'))
    assert await announce(shop) == 1
    await shop.worker.drain()
    async with shop.runtime.database.read() as tx:
        [mail] = [each.message for each in await mails(tx) if "New prices" in each.message.subject]
    assert "as before" in mail.text
