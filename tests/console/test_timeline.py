"""One timeline of everything: each source is in it, pages leave nothing out, and each fact has its words."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest

from autorisen import accounts, billing, catalog, metering, subscriptions
from autorisen.accounts import Customer
from autorisen.console import timeline
from autorisen.console.read_timeline import read_timeline
from autorisen.console.timeline import FACTS, KINDS, Moment, read_place
from autorisen.kit.clock import FrozenClock
from autorisen.kit.money import Money
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from autorisen.kit.work.store import FactRow
from autorisen.metering import OPERATOR as OPERATORS
from autorisen.metering import Correction
from autorisen.worker import FACTS as ALL_FACTS
from tests.factories.accounts import make_key, make_member, make_user, sign_in
from tests.factories.addons import pro_with
from tests.factories.billing import Shop
from tests.factories.catalog import apply_text
from tests.factories.coupons import coupon_text
from tests.factories.credit_notes import credit, paid_invoice, part
from tests.factories.payments import FAILS_LATER

OPERATOR = "op@op.example"
# Facts that say nothing a reader of the timeline does not see elsewhere on it, or that are of no customer.
UNSAID = {"PeriodOpened", "PeriodCut", "CreditsFell", "DeliveryParked"}


@pytest.fixture
async def shop(runtime: Runtime, worker: Worker, client: httpx.AsyncClient, clock: FrozenClock) -> Shop:
    async with runtime.unit() as unit:
        await make_user(unit, email=OPERATOR, operator=True)
    return Shop(runtime, worker, client, clock)


async def whole(shop: Shop, customer: Customer, kind: str = "", limit: int = 1000) -> list[Moment]:
    found: list[Moment] = []
    place = read_place("")
    async with shop.runtime.database.read(snapshot=True) as tx:
        while True:
            page = await read_timeline(tx, customer, place, kind=kind, limit=limit)
            found += page.moments
            if not page.next:
                return found
            place = read_place(page.next)


async def a_life(shop: Shop) -> Customer:
    """Bought, used credits, was corrected, failed to pay, was chased, had an invoice written off, cancelled."""
    customer = await shop.customer("acme")
    async with shop.runtime.unit() as unit:
        await accounts.create_api_key(unit, customer_id=customer.id, name="ci", scopes=["usage:read"], actor="tests")
        await billing.grant_credits(
            unit,
            customer_id=customer.id,
            kind=billing.GrantKind.GOODWILL,
            amount=Money(1_000, "ZAR"),
            source="tests",
            reason="sorry",
            expires_at=None,
        )
    await shop.upgrade(customer, card=FAILS_LATER)
    await shop.use(customer, 3)
    for number, reason in enumerate(("a test run", "twice")):
        await correct(shop, Correction(OPERATORS, "tests", f"run-{number}", "void", reason))
        shop.clock.advance(timedelta(minutes=1))
    await shop.advance(days=32)
    await shop.advance(days=4)
    invoice = (await shop.invoices(customer))[-1]
    async with shop.runtime.unit() as unit:
        await subscriptions.request_cancel(unit, (await shop.subscription(customer)).id)
        await billing.write_off_invoice(unit, invoice.id, reason="tests", actor="usr_tests")
    await shop.worker.drain()
    return customer


def test_each_fact_of_a_customer_has_words() -> None:
    assert {fact.__name__ for fact in ALL_FACTS} - UNSAID == set(FACTS)
    assert {kind for kind, _ in FACTS.values()} <= set(KINDS)


async def test_everything_is_in_it_once_however_it_is_paged(shop: Shop) -> None:
    customer = await a_life(shop)
    found = await whole(shop, customer)
    assert {each.kind for each in found} == set(KINDS)
    places = [each.place for each in found]
    assert places == sorted(places, reverse=True)
    assert len(set(places)) == len(places)
    assert await whole(shop, customer, limit=1) == found
    assert await whole(shop, customer, limit=7) == found
    for kind in KINDS:
        assert await whole(shop, customer, kind, limit=2) == [each for each in found if each.kind == kind]
    said = {each.words for each in found}
    number = (await shop.invoices(customer))[-1].number
    for words in ("Signed up", "Credits used", f"{number} written off", "Cancellation asked for", "Api key: created"):
        assert words in said, said
    [written_off] = [each for each in found if each.words == "Invoice: written off"]
    assert written_off.actor == "usr_tests"
    assert written_off.href.startswith("/console/invoices/inv_")


async def correct(shop: Shop, *corrections: Correction, backfill_id: UUID | None = None) -> None:
    async with shop.runtime.unit() as unit:
        await metering.correct_events(unit, actor="key_ops", corrections=corrections, backfill_id=backfill_id)


async def test_corrected_usage_says_which_event_by_whom_and_why(shop: Shop) -> None:
    customer = await a_life(shop)
    twice, test_run = await whole(shop, customer, "usage")
    assert (twice.words, twice.detail, twice.actor) == ("Usage voided", "event run-1 of tests: twice", "key_ops")
    assert test_run.detail == "event run-0 of tests: a test run"
    await sign_in(shop.client, shop.runtime, OPERATOR)
    assert "a test run" in (await shop.client.get(test_run.href)).text
    page = (await shop.client.get(f"/console/customers/{customer.public_id}?kind=usage")).text
    assert "event run-1 of tests: twice" in page


async def test_an_event_that_moves_is_told_to_both_and_afterwards_to_its_own(shop: Shop) -> None:
    acme, bolt = await shop.customer("acme"), await shop.customer("bolt", email="bolt@bolt.example")
    await shop.use(acme, 1)
    theirs = {"specversion": "1.0", "id": "run-0", "source": "tests", "type": "agent.execution", "subject": "bolt"}
    await correct(shop, Correction(OPERATORS, "tests", "run-0", "amend", "of bolt", metering.new_event(theirs)))
    shop.clock.advance(timedelta(minutes=1))
    await correct(shop, Correction(OPERATORS, "tests", "run-0", "void", "of nobody"))
    assert [each.detail for each in await whole(shop, acme, "usage")] == ["event run-0 of tests: of bolt"]
    assert [(each.words, each.detail) for each in await whole(shop, bolt, "usage", limit=1)] == [
        ("Usage voided", "event run-0 of tests: of nobody"),
        ("Usage amended", "event run-0 of tests: of bolt"),
    ]


async def test_what_a_backfill_takes_back_is_one_row(shop: Shop) -> None:
    customer = await shop.customer("acme")
    await shop.use(customer, 1_200)
    taken = [Correction(OPERATORS, "tests", f"run-{number}", "void", "wrong file") for number in range(1_200)]
    async with shop.runtime.unit() as unit:
        await unit.tx.execute("SET LOCAL session_replication_role = replica")
        await metering.correct_events(unit, actor="key_ops", corrections=taken, backfill_id=UUID(int=7))
    [row] = await whole(shop, customer, "usage")
    assert row.detail == "1,200 events, event run-0 of tests among them: wrong file"
    assert row.href.startswith("/console/events/event?source=tests&id=run-0"), "the one that is named"


async def test_each_row_leads_to_what_it_is_about(shop: Shop) -> None:
    customer = await a_life(shop)
    async with shop.runtime.unit() as unit:
        await make_member(unit, customer.id)
    await sign_in(shop.client, shop.runtime, OPERATOR)
    home = f"/console/customers/{customer.public_id}"
    found = await whole(shop, customer)
    led = {each.words: each.href for each in found}
    for words, href in {
        "Signed up": f"{home}#details",
        "Plan Free started": f"{home}#subscription",
        "Cancellation asked for": f"{home}#subscription",
        "Card saved": f"{home}#methods",
        "Credits, goodwill": f"{home}/credits",
        "Api key: created": f"{home}#keys",
        "Customer: created": f"{home}#details",
    }.items():
        assert led[words] == href
    page = (await shop.client.get(home)).text
    for href in set(led.values()):
        assert (await shop.client.get(href.partition("#")[0])).status_code == 200, href
        if href.startswith(f"{home}#"):
            assert f'id="{href.partition("#")[2]}"' in page, href


async def test_another_customers_past_is_not_in_it(shop: Shop) -> None:
    await a_life(shop)
    other = await shop.customer("bolt", email="bolt@bolt.example")
    assert "Signed up" in {each.words for each in await whole(shop, other)}
    assert {each.kind for each in await whole(shop, other)} <= {"account", "subscription", "action"}


async def test_page_and_api_show_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autorisen.console.customers_page.TIMELINE_ROWS", 25)
    customer = await a_life(shop)
    await sign_in(shop.client, shop.runtime, OPERATOR)
    path = f"/console/customers/{customer.public_id}"
    page = (await shop.client.get(path)).text
    assert 'href="/console/invoices/inv_' in page
    seen = 1
    while older := re.findall(r'href="([^"]+)"[^>]* rel="next"', page):
        page, seen = (await shop.client.get(older[0].replace("&amp;", "&"))).text, seen + 1
        assert "Newest" in page
    assert seen > 1
    assert "Customer: created" in page
    chased = (await shop.client.get(f"{path}?kind=dunning")).text
    assert "/console/dunning/inv_" in chased
    empty = await shop.customer("bolt", email="bolt@bolt.example")
    nothing = (await shop.client.get(f"/console/customers/{empty.public_id}?kind=dunning")).text
    assert "Nothing of this kind yet" in nothing
    async with shop.runtime.unit() as unit:
        operator = await make_key(unit, None, ["admin"])
        theirs = await make_key(unit, customer.id, ["admin"])
    shop.client.cookies.clear()
    api = f"/api/customers/{customer.public_id}/timeline"
    answer = (await shop.client.get(f"{api}?kind=dunning", headers=operator)).json()
    expected = await whole(shop, customer, "dunning")
    assert [each["what"] for each in answer["moments"]] == [each.words for each in expected]
    assert answer["next"] == ""
    assert (await shop.client.get(api, headers=theirs)).status_code == 403
    nobody = UUID(int=0)
    for wrong in ("x", f"2026-03-01T00:00:00~d~{nobody}", "a~b~c", f"2026-03-01T00:00:00Z~q~{nobody}"):
        assert (await shop.client.get(api, params={"before": wrong}, headers=operator)).status_code == 422


def test_a_fact_without_words_is_said_by_its_name() -> None:
    row = FactRow(UUID(int=1), "SomethingNew", {}, datetime(2026, 3, 1, tzinfo=UTC))
    moment = timeline.of_fact(row, "/console/customers/cus_x", {})
    assert (moment.words, moment.href) == ("SomethingNew", "")


async def test_a_refund_is_told_by_what_went_back(shop: Shop) -> None:
    customer, invoice = await paid_invoice(shop)
    await credit(shop, invoice, part(10_000))
    (refund,) = [each for each in await whole(shop, customer) if each.words == "Refund"]
    assert refund.detail == Money(10_000, "ZAR").format()


async def test_the_customers_page_says_what_the_contract_is(shop: Shop) -> None:
    customer = await shop.customer("acme")
    async with shop.runtime.unit() as unit:
        await apply_text(unit, pro_with() + coupon_text(codes='{ code = "LAUNCH" }'))
    await shop.upgrade(customer)
    subscription = await shop.subscription(customer)
    async with shop.runtime.unit() as unit:
        await subscriptions.set_addon(
            unit, subscription_id=subscription.id, key="extra_agents", quantity=3, actor="tests"
        )
        key = await make_key(unit, customer.id, ["admin"])
    answer = await shop.client.post("/api/coupons/redeem", json={"code": "LAUNCH"}, headers=key)
    assert answer.status_code == 200, answer.text
    await shop.advance(seconds=1)
    await sign_in(shop.client, shop.runtime, OPERATOR)

    async def contract() -> str:
        page = (await shop.client.get(f"/console/customers/{customer.public_id}")).text
        card = page.partition('id="subscription"')[2].partition("</dl>")[0]
        return " ".join(re.sub("<[^>]+>", " ", card).split())

    said = await contract()
    assert "Pro, version 2 by the month" in said
    assert ", then goes on Add-ons Extra agents: 3 Coupons" in said
    assert not said.endswith("Coupons None")
    for change, words in ((subscriptions.request_cancel, "ends"), (subscriptions.request_pause, "pauses")):
        async with shop.runtime.unit() as unit:
            await subscriptions.keep(unit, subscription.id)
            await change(unit, subscription.id)
        assert f", then {words} Add-ons" in await contract()
    async with shop.runtime.unit() as unit:
        free = await catalog.current_plan(unit.tx, "free", unit.now)
        await subscriptions.keep(unit, subscription.id)
        await subscriptions.schedule_change(unit, subscription.id, plan_version=free, interval="month")
    assert ", then goes on as free by the month Add-ons" in await contract()
