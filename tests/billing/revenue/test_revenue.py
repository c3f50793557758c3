"""Revenue of real subscriptions: each change is seen once, and a report is the same whatever is kept of it."""

from __future__ import annotations

from datetime import date, timedelta

import httpx
import psycopg
import pytest

from autorisen import accounts, billing, catalog, ops, subscriptions
from autorisen.accounts import Customer
from autorisen.billing.coupons import redeem_coupon
from autorisen.billing.revenue import TABLES, Kind, count_revenue, list_changes, revenue_table, store
from autorisen.billing.revenue.read_revenue import HOUSE_ZONE, month_of
from autorisen.billing.revenue.report import CurrencyRevenue, MrrMonth
from autorisen.kit.unit import Runtime
from tests.factories.accounts import make_key, make_user
from tests.factories.billing import Shop
from tests.factories.coupons import catalog_with, coupon_text
from tests.factories.payments import FAILS_LATER
from tests.factories.revenue import counted_anew, kept

PRO, ENTERPRISE = 46_000, 156_435


async def rand(shop: Shop) -> CurrencyRevenue:
    """What is reported in rand; what is kept and what is counted anew agree, and both with the books."""
    report = await kept(shop.runtime, shop.clock.now())
    assert report == await counted_anew(shop.runtime, shop.clock.now())
    [found] = report.currencies
    async with shop.runtime.database.read() as tx:
        assert found.money[-1].closing.minor == sum(
            [
                (await billing.invoice(tx, each.id)).amount_due.minor
                for each in await billing.list_invoices(tx, customer_id=None, status=billing.InvoiceStatus.OPEN)
            ]
        )
    assert all(not each.other for each in found.money), "each fact has its column"
    return found


async def months(shop: Shop) -> dict[str, MrrMonth]:
    return {f"{each.month:%b}": each for each in (await rand(shop)).mrr}


async def kinds(shop: Shop, customer: Customer) -> list[tuple[Kind, int]]:
    """Every change of a customer's MRR, the oldest first."""
    found, day = [], date(2026, 3, 1)
    async with shop.runtime.database.read(snapshot=True) as tx:
        while day <= month_of(shop.clock.now()):
            listed = await list_changes(tx, shop.clock.now(), month=day, currency="ZAR")
            found += [(each.kind, each.delta.minor) for each in reversed(listed) if each.customer_id == customer.id]
            day = (day + timedelta(days=32)).replace(day=1)
    return found


async def test_from_new_to_churn_and_back(shop: Shop) -> None:
    acme, bolt = await shop.customer("acme"), await shop.customer("bolt")
    assert (await kept(shop.runtime, shop.clock.now())).currencies == ()
    await shop.upgrade(acme)
    await shop.upgrade(bolt, interval="year")
    yearly = (await months(shop))["Mar"].closing.minor - PRO
    assert 0 < yearly < PRO, "a twelfth of a year is less than a month"
    await shop.advance(days=10)
    await shop.upgrade(acme, "enterprise")
    assert (await months(shop))["Mar"].expansion.minor == ENTERPRISE - PRO
    await shop.advance(days=33)
    april = (await months(shop))["Apr"]
    assert (april.opening, april.customers_lost) == (april.closing, 0), "a renewal moves nothing"
    async with shop.runtime.unit() as unit:
        await subscriptions.request_cancel(unit, (await shop.subscription(acme)).id)
    assert (await months(shop))["Apr"].closing == april.closing, "what is paid runs to its end"
    await shop.advance(days=32)
    may = (await months(shop))["May"]
    assert (may.churn.minor, may.customers_lost, may.customer_churn) == (-ENTERPRISE, 1, 500)
    await shop.advance(days=20)
    await shop.upgrade(acme)
    june = (await months(shop))["Jun"]
    assert (june.reactivation.minor, june.customers_back, june.closing.minor) == (PRO, 1, PRO + yearly)
    assert await kinds(shop, acme) == [
        (Kind.NEW, PRO),
        (Kind.EXPANSION, ENTERPRISE - PRO),
        (Kind.CHURN, -ENTERPRISE),
        (Kind.REACTIVATION, PRO),
    ]
    [cohort] = (await rand(shop)).cohorts
    assert (cohort.first, cohort.customers, cohort.mrr.minor) == (date(2026, 3, 1), 2, PRO + yearly)
    assert [each.customers for each in cohort.months] == [2, 2, 1, 2]


async def test_a_pause_and_a_cancellation_at_once_take_it_out(shop: Shop) -> None:
    acme, bolt = await shop.customer("acme"), await shop.customer("bolt")
    await shop.upgrade(acme)
    await shop.upgrade(bolt)
    async with shop.runtime.unit() as unit:
        await subscriptions.request_pause(unit, (await shop.subscription(acme)).id)
        await subscriptions.cancel_now(unit, (await shop.subscription(bolt)).id)
    await shop.advance(days=1)
    assert await kinds(shop, bolt) == [(Kind.NEW, PRO), (Kind.CHURN, -PRO)]
    assert await kinds(shop, acme) == [(Kind.NEW, PRO)]
    await shop.advance(days=32)
    assert await kinds(shop, acme) == [(Kind.NEW, PRO), (Kind.CHURN, -PRO)]
    assert (await months(shop))["Apr"].closing.minor == 0


async def test_a_coupon_is_taken_off_for_as_long_as_it_lasts(shop: Shop) -> None:
    acme = await shop.customer("acme")
    terms = 'percent = "20"\nduration = "repeating"\ninvoices = 2\non = "fees"'
    async with shop.runtime.unit() as unit:
        await ops.apply_catalog_text(unit, catalog_with(coupon_text(terms)))
        await redeem_coupon(unit, customer_id=acme.id, text="LAUNCH", actor="tests")
    await shop.upgrade(acme)
    await shop.advance(days=32)
    await shop.advance(days=31)
    assert await kinds(shop, acme) == [(Kind.NEW, PRO * 8 // 10), (Kind.EXPANSION, PRO * 2 // 10)]
    assert (await rand(shop)).mrr[-1].closing.minor == PRO


async def test_a_free_month_is_not_counted_and_what_comes_after_it_is_new(shop: Shop) -> None:
    acme = await shop.customer("acme")
    await shop.advance(hours=1)
    terms = 'percent = "100"\nduration = "repeating"\ninvoices = 2'
    async with shop.runtime.unit() as unit:
        await ops.apply_catalog_text(unit, catalog_with(coupon_text(terms)))
    await shop.upgrade(acme)
    async with shop.runtime.unit() as unit:
        await redeem_coupon(unit, customer_id=acme.id, text="LAUNCH", actor="tests")
    await shop.advance(days=32)
    assert await kinds(shop, acme) == [(Kind.NEW, PRO), (Kind.CHURN, -PRO)]
    await shop.advance(days=31)
    await shop.advance(days=31)
    assert await kinds(shop, acme) == [(Kind.NEW, PRO), (Kind.CHURN, -PRO), (Kind.REACTIVATION, PRO)]


async def test_a_void_invoice_counts_until_it_is_void(shop: Shop) -> None:
    acme = await shop.customer("acme")
    await shop.upgrade(acme, card=FAILS_LATER)
    await shop.advance(days=32)
    invoice = (await shop.invoices(acme))[-1]
    assert invoice.status is billing.InvoiceStatus.OPEN
    owed = (await rand(shop)).money[-1].closing
    assert owed == invoice.amount_due
    async with shop.runtime.unit() as unit:
        await billing.void_invoice(unit, invoice.id, reason="tests", actor="tests")
    await shop.advance(days=1)
    assert await kinds(shop, acme) == [(Kind.NEW, PRO), (Kind.CHURN, -PRO)]
    april = (await rand(shop)).money[-1]
    assert (april.taken_back.minor, april.closing.minor) == (-invoice.total.minor, 0)


async def test_usage_is_by_meter_and_falls_with_a_credit_note(shop: Shop) -> None:
    acme = await shop.customer("acme")
    await shop.upgrade(acme)
    async with shop.runtime.database.read() as tx:
        price = (await catalog.current_plan(tx, "pro", shop.clock.now())).usage_price("ZAR", "agent.execution")
    assert price is not None
    await shop.advance(hours=1)
    await shop.use(acme, int(price.included) + 10)
    await shop.advance(days=32)
    [line] = [each for each in (await shop.invoices(acme))[-1].lines if each.meter and each.amount]
    found = await rand(shop)
    assert found.meters == ("agent.execution",)
    assert found.usage[-1].total == line.net
    assert found.usage[-2].total.minor == 0
    async with shop.runtime.unit() as unit:
        invoice = (await shop.invoices(acme))[-1]
        wanted = billing.CreditRequest("tests", billing.Wanted(), billing.Settlement.CREDIT)
        await billing.issue_credit_note(unit, invoice.id, wanted, actor="tests")
    assert (await rand(shop)).usage[-1].total.minor == 0


async def test_a_night_is_counted_once_and_kept(shop: Shop) -> None:
    await shop.upgrade(await shop.customer())
    await shop.advance(days=3)
    async with shop.runtime.unit() as unit:
        until = await store.counted_until(unit.tx)
        assert until == unit.now.astimezone(HOUSE_ZONE).replace(hour=0, minute=0)
        await count_revenue(unit, {})
        assert await store.counted_until(unit.tx) == until
    assert until is not None
    for since, upto, error in (
        (until, until, psycopg.errors.CheckViolation),
        (until - timedelta(hours=1), until + timedelta(hours=1), psycopg.errors.RestrictViolation),
    ):
        with pytest.raises(error):
            async with shop.runtime.unit() as unit:
                await store.keep(unit.tx, since=since, until=upto, counted_at=unit.now, changes=[], sums=[])
    for table in ("revenue_counts", "mrr_changes", "revenue_sums"):
        with pytest.raises(psycopg.errors.RestrictViolation):
            async with shop.runtime.unit() as unit:
                await unit.tx.execute(f"DELETE FROM billing.{table}")


@pytest.mark.parametrize("kind, before, after", [("new", 5, 6), ("churn", 5, 1), ("expansion", 5, 4), ("other", 0, 1)])
async def test_a_change_that_is_none_of_its_kind_is_not_kept(shop: Shop, kind: str, before: int, after: int) -> None:
    acme = await shop.customer()
    await shop.advance(days=3)
    until = shop.clock.now()
    row = (acme.id, until - timedelta(days=1), kind, before, after, until)
    async with shop.runtime.unit() as unit:
        await unit.tx.execute("INSERT INTO billing.revenue_counts VALUES (%s, %s, %s)", (until, row[1], until))
    with pytest.raises(psycopg.errors.CheckViolation):
        async with shop.runtime.unit() as unit:
            await unit.tx.execute("INSERT INTO billing.mrr_changes VALUES (%s, %s, 'ZAR', %s, %s, %s, %s)", row)


async def operator_key(runtime: Runtime) -> dict[str, str]:
    async with runtime.unit() as unit:
        await make_user(unit, email="operator@house.example", operator=True)
        return await make_key(unit, None, ["admin"])


async def test_the_api_says_what_the_report_says(shop: Shop, client: httpx.AsyncClient) -> None:
    operator = await operator_key(shop.runtime)
    assert (await client.get("/api/revenue", headers=operator)).json()["currencies"] == []
    customers = [await shop.customer(f"acme{number}") for number in range(3)]
    for customer in customers:
        await shop.upgrade(customer)
    await shop.advance(days=40)
    report = await kept(shop.runtime, shop.clock.now(), months=2)
    [found] = (await client.get("/api/revenue?months=2", headers=operator)).json()["currencies"]
    assert [each["closing_minor"] for each in found["mrr"]] == [each.closing.minor for each in report.currencies[0].mrr]
    assert [each["paid_minor"] for each in found["receivables"]] == [-3 * 52_900, -3 * 52_900]
    assert found["cohorts"][0]["months"][1] == {
        "month": "2026-04",
        "customers": 3,
        "mrr_minor": 3 * PRO,
        "customers_per_mille": 1000,
        "mrr_per_mille": 1000,
    }
    assert [each["total_minor"] for each in found["usage"]] == [0, 0]
    for table in TABLES:
        answer = await client.get(f"/api/revenue/table?table={table}&months=2", headers=operator)
        assert answer.text == revenue_table(report, table)
        assert answer.headers["content-type"].startswith("text/csv")


async def test_the_changes_are_read_page_by_page(
    shop: Shop, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autorisen.billing.revenue.api.CHANGES_AT_ONCE", 1)
    operator = await operator_key(shop.runtime)
    first, second, third = [await shop.customer(f"acme{number}") for number in range(3)]
    await shop.upgrade(first)
    await shop.upgrade(second)
    await shop.advance(days=2)
    await shop.upgrade(third)
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        query = {"month": "2026-03", "currency": "ZAR", "kind": "new", "after": after}
        page = (await client.get("/api/revenue/changes", headers=operator, params=query)).json()
        seen += [each["customer"] for each in page["changes"]]
        after = page["next"]
    assert seen[0] == third.public_id, "what is not kept yet is the newest"
    assert sorted(seen[1:]) == sorted([first.public_id, second.public_id])
    nothing = {"month": "2026-02", "currency": "ZAR"}
    assert (await client.get("/api/revenue/changes", headers=operator, params=nothing)).json() == {
        "changes": [],
        "next": None,
    }


@pytest.mark.parametrize(
    "query, field",
    [
        ("month=2026-13", "/month"),
        ("month=0001-01", "/month"),
        ("month=9999-01", "/month"),
        ("month=2026-03&after=never", "/after"),
        ("month=2026-03&after=2026-03-01T00:00:00~cus_0", "/after"),
    ],
)
async def test_a_wrong_question_is_told_what_is_wrong(
    shop: Shop, client: httpx.AsyncClient, query: str, field: str
) -> None:
    operator = await operator_key(shop.runtime)
    answer = await client.get(f"/api/revenue/changes?currency=ZAR&{query}", headers=operator)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_revenue_is_the_operators(shop: Shop, client: httpx.AsyncClient) -> None:
    acme = await shop.customer()
    async with shop.runtime.unit() as unit:
        theirs = await make_key(unit, acme.id, [accounts.Scope.ADMIN])
    for path in ("", "/table", "/changes?month=2026-03&currency=ZAR"):
        assert (await client.get(f"/api/revenue{path}", headers=theirs)).status_code == 403
