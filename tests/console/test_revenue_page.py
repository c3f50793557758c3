"""The operator's revenue: teaches when it is empty, shows what the report says, opens a figure into its customers."""

from __future__ import annotations

import re
from datetime import date

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen import subscriptions
from autorisen.billing import revenue
from autorisen.billing.revenue import MrrMonth
from autorisen.billing.revenue.model import Kind, Moves
from autorisen.billing.revenue.report import mrr_months
from autorisen.console.revenue_chart import HEIGHT, moves_chart, mrr_chart
from autorisen.kit.clock import FrozenClock
from autorisen.kit.money import Money
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from tests.factories.accounts import make_user, sign_in
from tests.factories.billing import Shop
from tests.factories.revenue import kept

OPERATOR = "op@op.example"
MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)


@pytest.fixture
async def shop(runtime: Runtime, worker: Worker, client: httpx.AsyncClient, clock: FrozenClock) -> Shop:
    async with runtime.unit() as unit:
        await make_user(unit, email=OPERATOR, operator=True)
    await sign_in(client, runtime, OPERATOR)
    return Shop(runtime, worker, client, clock)


async def words(client: httpx.AsyncClient, path: str = "/console/revenue") -> str:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)).replace("\N{NO-BREAK SPACE}", " ")


async def test_it_says_what_will_be_here(shop: Shop) -> None:
    page = await words(shop.client)
    assert "No revenue yet" in page
    assert "Download CSV" not in page


async def test_it_shows_what_the_report_says(shop: Shop) -> None:
    acme, bolt = await shop.customer("acme", name="Acme"), await shop.customer("bolt", name="Bolt")
    await shop.upgrade(acme)
    await shop.upgrade(bolt, "enterprise")
    page = await words(shop.client)
    assert "No usage was charged in these months" in page
    async with shop.runtime.unit() as unit:
        await subscriptions.request_cancel(unit, (await shop.subscription(bolt)).id)
    await shop.advance(hours=1)
    await shop.use(acme, 2010)
    await shop.advance(days=32)
    await sign_in(shop.client, shop.runtime, OPERATOR)
    report = (await kept(shop.runtime, shop.clock.now(), months=12)).currencies[0]
    page = await words(shop.client, "/console/revenue?currency=ZAR&months=24")
    for expected in (
        "Apr 2026 so far",
        f"Highest: {Money(max(each.closing.minor for each in report.mrr), 'ZAR').format()}".replace(
            "\N{NO-BREAK SPACE}", " "
        ),
        ", lowest: -R",
        "50,0%",
        "Agent executions",
        Money(report.mrr[-1].closing.minor, "ZAR").format().replace("\N{NO-BREAK SPACE}", " "),
        Money(report.mrr[-1].churn.minor, "ZAR").format().replace("\N{NO-BREAK SPACE}", " "),
        "How MRR is counted",
    ):
        assert expected in page
    for table in revenue.TABLES:
        answer = await shop.client.get(f"/console/revenue/{table}.csv")
        assert answer.text == revenue.revenue_table(await kept(shop.runtime, shop.clock.now(), months=12), table)
    churned = await words(shop.client, "/console/revenue/changes?month=2026-04&currency=ZAR&kind=churn")
    assert "Bolt" in churned
    assert "Acme" not in churned
    assert "Nothing of this kind" in await words(shop.client, "/console/revenue/changes?month=2026-02&currency=ZAR")


async def test_a_second_currency_is_a_choice_and_nobody_who_paid_is_said(shop: Shop) -> None:
    acme = await shop.customer("acme")
    await shop.upgrade(acme)
    abroad = await shop.customer("coast", currency="USD", country="US")
    await shop.upgrade(abroad)
    page = (await shop.client.get("/console/revenue?currency=USD")).text
    assert 'aria-current="true">USD' in page
    assert "MRR, USD" in page


async def test_older_changes_are_a_page_further(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autorisen.console.revenue_page.PAGE_SIZE", 1)
    for key in ("acme", "bolt"):
        await shop.upgrade(await shop.customer(key, name=key.title()))
    first = (await shop.client.get("/console/revenue/changes?month=2026-03&currency=ZAR")).text
    [older] = re.findall(r'href="([^"]+)" rel="next"', first)
    second = (await shop.client.get(older.replace("&amp;", "&"))).text
    assert ("Acme" in first, "Acme" in second) in {(True, False), (False, True)}


@pytest.mark.parametrize("query", ["month=2026-03&kind=other", "month=soon", "month=2026-03&after=x"])
async def test_a_wrong_address_is_told(shop: Shop, query: str) -> None:
    assert (await shop.client.get(f"/console/revenue/changes?currency=ZAR&{query}")).status_code == 422


def month_rows(*moves: tuple[date, Kind, int]) -> tuple[MrrMonth, ...]:
    return mrr_months(
        [Moves(month, "ZAR", kind, None, delta, 1) for month, kind, delta in moves], [MARCH, APRIL], "ZAR"
    )


def test_bars_stand_on_the_line_or_hang_below_it() -> None:
    months = month_rows((MARCH, Kind.NEW, 300), (APRIL, Kind.CHURN, -100))
    assert [(bar.y, bar.height) for bar in mrr_chart(months).bars] == [(0, 100), (34, 66)]
    chart = moves_chart(months)
    assert (chart.zero, chart.width) == (75, 12 * 20)
    assert (chart.top, chart.bottom) == (Money(300, "ZAR"), Money(-100, "ZAR"))
    assert mrr_chart(months).top == Money(300, "ZAR")
    assert [(bar.words, bar.y, bar.height) for bar in chart.bars] == [("New", 0, 75), ("Churn", 75, 25)]
    assert moves_chart(month_rows()).bars == mrr_chart(month_rows()).bars == ()
    assert mrr_chart(()).width == moves_chart(()).width == 0


def test_two_months_are_two_columns_of_a_year() -> None:
    months = month_rows((MARCH, Kind.NEW, 300), (APRIL, Kind.NEW, 100))
    for chart in (mrr_chart(months), moves_chart(months)):
        assert chart.months[0] == date(2025, 5, 1)
        assert chart.months[-2:] == (MARCH, APRIL)
        assert len(set(chart.months)) == len(chart.months) == 12
        assert [bar.x for bar in chart.bars] == [10 * 20 + 3, 11 * 20 + 3], "the newest stand at the end"
    many = [date(2024 + month // 12, month % 12 + 1, 1) for month in range(14)]
    chart = mrr_chart(mrr_months([], many, "ZAR"))
    assert (chart.months, chart.top) == (tuple(many), None), "of more nothing is added"


signed = {Kind.NEW: 1, Kind.EXPANSION: 1, Kind.REACTIVATION: 1, Kind.CONTRACTION: -1, Kind.CHURN: -1}


@given(st.lists(st.tuples(st.sampled_from([MARCH, APRIL]), st.sampled_from(Kind), st.integers(1, 10**12))))
def test_no_bar_is_far_outside_the_drawing(moves: list[tuple[date, Kind, int]]) -> None:
    """What is too small for a unit has one all the same, so that a stack of five may be so many units too high."""
    chart = moves_chart(month_rows(*((month, kind, signed[kind] * size) for month, kind, size in moves)))
    assert all(bar.y >= -3 and bar.y + bar.height <= HEIGHT + 3 for bar in chart.bars)
