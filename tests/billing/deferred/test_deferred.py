"""Deferred revenue on real invoices: the books stand where the days say, whatever is changed and taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import httpx
import psycopg
import pytest

from autorisen import billing
from autorisen.accounts import Customer
from autorisen.billing.audit.run_audit import run_checks
from autorisen.billing.credit_notes.issue_credit_note import Request, issue_credit_note
from autorisen.billing.credit_notes.model import Settlement, Wanted
from autorisen.billing.deferred import store
from autorisen.billing.deferred.model import earned_minor
from autorisen.billing.deferred.recognise import recognise
from autorisen.kit.unit import Runtime
from tests.factories.accounts import make_key, make_user, sign_in
from tests.factories.billing import Shop
from tests.factories.payments import FAILS_LATER

ACCOUNT = "deferred:subscription"


async def earned(shop: Shop, customer: Customer) -> tuple[int, int]:
    """What the fees of a customer come to until before today, and what of it is earned, line by line."""
    today, added, done = shop.clock.now().date(), 0, 0
    for invoice in await shop.invoices(customer):
        assert invoice.issued_at is not None
        for line in invoice.lines:
            if line.meter is None and invoice.issued_at.date() < today:
                net = line.amount.minor - line.tax.minor
                added += net
                done += earned_minor(net, line.period_start.date(), line.period_end.date(), today)
    return added, done


async def report(shop: Shop) -> billing.DeferredReport:
    async with shop.runtime.database.read() as tx:
        return await billing.read_deferred(tx)


async def audited(shop: Shop) -> list[str]:
    async with shop.runtime.database.read(snapshot=True) as tx:
        return [f"{one.kind} {one.row}" for each in await run_checks(tx) for one in each.listed]


async def test_yearly_and_monthly_fees_are_earned_by_day(shop: Shop) -> None:
    yearly, monthly = await shop.customer("acme"), await shop.customer("bolt")
    await shop.upgrade(yearly, interval="year")
    await shop.upgrade(monthly)
    assert await shop.balance(ACCOUNT) == 0, "the day is not over"
    for time in ({"days": 1}, {"days": 13, "hours": 5}, {"days": 25}, {"days": 3}, {"days": 0.5}):
        await shop.advance(**time)
        sums = [await earned(shop, each) for each in (yearly, monthly)]
        added, done = (sum(each) for each in zip(*sums, strict=True))
        assert (await shop.balance(ACCOUNT), added > done > 0) == (done - added, True)
    found = await report(shop)
    assert [each.first for each in found.months] == [date(2026, 3, 1), date(2026, 4, 1)]
    assert found.months[-1].closing.minor == sum(each.amount.minor for each in found.upcoming)
    assert found.last_day == shop.clock.now().date() - timedelta(days=1)
    assert await audited(shop) == []


async def test_a_change_of_plan_and_a_credit_note_take_back_what_they_say(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    await shop.advance(days=10)
    await shop.upgrade(customer, "enterprise")
    await shop.advance(days=2)
    added, done = await earned(shop, customer)
    assert await shop.balance(ACCOUNT) == done - added
    invoice = (await shop.invoices(customer))[-1]
    before = (await report(shop)).months[-1]
    async with shop.runtime.unit() as unit:
        await issue_credit_note(unit, invoice.id, Request("tests", Wanted(), Settlement.CREDIT), actor="tests")
    await shop.worker.drain()
    await shop.advance(days=1)
    after = (await report(shop)).months[-1]
    assert before.added - after.added == invoice.total - invoice.tax, "all of the change's fee and its credit are back"
    assert await audited(shop) == []


async def test_a_void_invoice_leaves_nothing_deferred(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer, card=FAILS_LATER)
    await shop.advance(days=32)
    await shop.advance(days=3)
    invoice = (await shop.invoices(customer))[-1]
    assert invoice.status is billing.InvoiceStatus.OPEN
    added, _done = await earned(shop, customer)
    async with shop.runtime.unit() as unit:
        await unit.tx.execute(
            "UPDATE billing.invoices SET status = 'void', voided_at = %s, void_reason = 'tests' WHERE id = %s",
            (unit.now, invoice.id),
        )
    await shop.advance(days=1)
    fee = sum(line.amount.minor - line.tax.minor for line in invoice.lines if line.meter is None)
    assert fee
    found = (await report(shop)).months
    assert sum(each.added.minor for each in found) == added - fee
    assert await shop.balance(ACCOUNT) == 0


async def test_done_twice_it_posts_nothing_and_no_step_counts_a_day_twice(shop: Shop) -> None:
    await shop.upgrade(await shop.customer())
    await shop.advance(days=3)
    before = await report(shop)
    async with shop.runtime.unit() as unit:
        await recognise(unit, {})
        last = (await store.movements(unit.tx))[-1]
    assert await report(shop) == before
    longer, empty = replace(last, until=last.until + timedelta(days=1)), replace(last, since=last.until)
    for wrong, error in ((longer, psycopg.errors.UniqueViolation), (empty, psycopg.errors.CheckViolation)):
        with pytest.raises(error):
            async with shop.runtime.unit() as unit:
                await store.insert_movements(unit.tx, [wrong], unit.now)
    with pytest.raises(psycopg.errors.RestrictViolation):
        async with shop.runtime.unit() as unit:
            await unit.tx.execute("DELETE FROM billing.recognitions")


async def test_page_and_api_show_the_months(shop: Shop, runtime: Runtime, client: httpx.AsyncClient) -> None:
    async with runtime.unit() as unit:
        await make_user(unit, email="operator@house.example", operator=True)
        operator = await make_key(unit, None, ["admin"])
    await sign_in(client, runtime, "operator@house.example")
    assert "Nothing is deferred yet" in (await client.get("/console/deferred-revenue")).text
    assert (await client.get("/api/deferred-revenue", headers=operator)).json() == {
        "last_day": None,
        "months": [],
        "upcoming": [],
    }
    customer = await shop.customer()
    await shop.upgrade(customer, interval="year")
    await shop.advance(days=40)
    found = await report(shop)
    await sign_in(client, runtime, "operator@house.example")
    page = (await client.get("/console/deferred-revenue")).text
    for expected in ("March 2026", "April 2026", "February 2027", "Download CSV"):
        assert expected in page
    answer = (await client.get("/api/deferred-revenue", headers=operator)).json()
    assert [each["closing_minor"] for each in answer["months"]] == [each.closing.minor for each in found.months]
    assert answer["upcoming"][0]["month"] == "2026-04"
    assert answer["upcoming"][-1]["month"] == "2027-02"
    for asked in (
        await client.get("/api/deferred-revenue?format=csv", headers=operator),
        await client.get("/api/deferred-revenue", headers=operator | {"Accept": "text/csv"}),
        await client.get("/console/deferred-revenue.csv"),
    ):
        assert asked.headers["content-type"].startswith("text/csv")
        assert asked.text == billing.deferred_table(found)
    async with runtime.unit() as unit:
        theirs = await make_key(unit, customer.id, ["admin"])
    assert (await client.get("/api/deferred-revenue", headers=theirs)).status_code == 403
