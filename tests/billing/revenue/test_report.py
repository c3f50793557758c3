"""The report: rows that add up, cohorts that are followed, tables for a spreadsheet."""

from __future__ import annotations

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from autorisen.billing.revenue.model import Kind, Moves
from autorisen.billing.revenue.report import (
    COLUMNS,
    USAGE,
    Cohort,
    RevenueReport,
    Sum,
    build_report,
    cohorts_of,
    longest,
    money_months,
)
from autorisen.billing.revenue.tables import TABLES, revenue_table
from autorisen.kit.money import Money

NOW = datetime(2026, 5, 20, tzinfo=UTC)
MARCH, APRIL, MAY = date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1)

MOVES = (
    Moves(MARCH, "ZAR", Kind.NEW, MARCH, 46_000, 1),
    Moves(MARCH, "ZAR", Kind.NEW, APRIL, 92_000, 2),
    Moves(MARCH, "ZAR", Kind.NEW, None, 46_000, 1),
    Moves(APRIL, "ZAR", Kind.EXPANSION, MARCH, 10_000, 1),
    Moves(APRIL, "ZAR", Kind.CHURN, None, -46_000, 1),
    Moves(MAY, "ZAR", Kind.CHURN, APRIL, -46_000, 1),
    Moves(MAY, "ZAR", Kind.CONTRACTION, APRIL, -6_000, 1),
    Moves(MAY, "ZAR", Kind.REACTIVATION, None, 46_000, 1),
    Moves(MAY, "USD", Kind.NEW, MAY, 2_900, 1),
)
SUMS = (
    Sum(MARCH, "ZAR", "invoice:issued", "", 230_000),
    Sum(MARCH, "ZAR", "payment:settled", "", -180_000),
    Sum(APRIL, "ZAR", "invoice:issued", "", 250_000),
    Sum(APRIL, "ZAR", "invoice:voided", "", -20_000),
    Sum(APRIL, "ZAR", "credit_note:issued", "", -10_000),
    Sum(APRIL, "ZAR", "invoice:written_off", "", -5_000),
    Sum(MAY, "ZAR", "invoice:recovered", "", 1_000),
    Sum(MAY, "ZAR", "wallet:drawn", "", -7_000),
    Sum(MAY, "ZAR", "something:new", "", 3),
    Sum(MARCH, "ZAR", USAGE, "agent.execution", 100),
    Sum(MAY, "ZAR", USAGE, "agent.execution", 200),
    Sum(MAY, "ZAR", USAGE, "llm.tokens", 900),
    Sum(MAY, "ZAR", USAGE, "storage", 0),
)


def the_report(months: int = 12) -> RevenueReport:
    return build_report(MOVES, SUMS, as_of=NOW, month=MAY, months=months)


def zar(*minor: int) -> list[Money]:
    return [Money(each, "ZAR") for each in minor]


def test_mrr_and_what_is_owed_are_month_by_month() -> None:
    rand, dollar = the_report().currencies
    assert (rand.currency, dollar.currency) == ("ZAR", "USD"), "the house's own currency comes first"
    assert [each.closing for each in rand.mrr] == zar(184_000, 148_000, 142_000)
    assert [each.customers_closing for each in rand.mrr] == [4, 3, 3]
    assert [(each.customer_churn, each.revenue_churn) for each in rand.mrr] == [(None, None), (250, 250), (333, 351)]
    assert [each.month for each in dollar.mrr] == [MAY]
    assert [each.closing for each in rand.money] == zar(50_000, 265_000, 259_003)
    april, may = rand.money[1:]
    assert [april.invoiced, april.taken_back, april.written_off] == zar(250_000, -30_000, -5_000)
    assert [may.written_off, may.from_credits, may.other] == zar(1_000, -7_000, 3)


def test_usage_is_by_meter_the_greatest_first() -> None:
    [rand, dollar] = the_report().currencies
    assert rand.meters == ("llm.tokens", "agent.execution")
    assert [each.total for each in rand.usage] == zar(100, 0, 1_100)
    assert dict(rand.usage[2].meters) == {
        "agent.execution": Money(200, "ZAR"),
        "llm.tokens": Money(900, "ZAR"),
    }
    assert dollar.meters == ()


def test_cohorts_are_followed_to_the_present_month() -> None:
    first, second = the_report().currencies[0].cohorts
    assert (first.first, first.customers, first.mrr) == (MARCH, 1, Money(46_000, "ZAR"))
    assert [(each.customers_share, each.mrr_share) for each in first.months] == [
        (1000, 1000),
        (1000, 1217),
        (1000, 1217),
    ]
    assert [(each.customers, each.mrr.minor, each.mrr_share) for each in second.months] == [
        (2, 92_000, 1000),
        (1, 40_000, 435),
    ]
    assert longest(the_report().currencies[0].cohorts) == 3
    assert longest(()) == 0


def test_only_the_last_months_are_shown_and_nothing_before_them_is_forgotten() -> None:
    rand = the_report(months=1).currencies[0]
    assert [each.opening for each in rand.mrr] == zar(148_000)
    assert [each.opening for each in rand.money] == zar(265_000)
    assert len(rand.usage) == 1
    assert rand.cohorts == ()


def test_a_cohort_of_nobody_new_has_no_shares() -> None:
    back = [Moves(MARCH, "ZAR", Kind.REACTIVATION, MARCH, 100, 1)]
    [found] = cohorts_of(back, [MARCH], "ZAR")
    assert isinstance(found, Cohort)
    assert (found.months[0].customers_share, found.months[0].mrr_share) == (None, None)


sums = st.builds(
    Sum,
    st.sampled_from([MARCH, APRIL, MAY]),
    st.just("ZAR"),
    st.sampled_from([*COLUMNS, "payment:unheard_of"]),
    st.just(""),
    st.integers(-(10**9), 10**9),
)


@given(st.lists(sums))
def test_what_is_owed_is_all_that_changed_it(given_sums: list[Sum]) -> None:
    months = money_months(given_sums, [MARCH, APRIL, MAY], "ZAR")
    assert months[-1].closing.minor == sum(each.amount_minor for each in given_sums)
    for each in months:
        parts = (each.invoiced, each.taken_back, each.written_off, each.paid, each.from_credits, each.other)
        assert sum(parts, start=each.opening) == each.closing


def test_each_part_is_a_table() -> None:
    report = the_report()
    assert set(TABLES) == {"mrr", "receivables", "usage", "cohorts"}
    mrr = revenue_table(report, "mrr").splitlines()
    assert mrr[2] == "2026-04,ZAR,1840.00,0.00,100.00,0.00,0.00,-460.00,1480.00,4,0,0,1,3,25.0,25.0"
    assert mrr[-1] == "2026-05,USD,0.00,29.00,0.00,0.00,0.00,0.00,29.00,0,1,0,0,1,,"
    assert (
        revenue_table(report, "receivables").splitlines()[1].startswith("2026-03,ZAR,0.00,2300.00,0.00,0.00,-1800.00")
    )
    assert "2026-05,ZAR,llm.tokens,9.00" in revenue_table(report, "usage").splitlines()
    cohorts = revenue_table(report, "cohorts").splitlines()
    assert cohorts[2] == "2026-03,ZAR,1,2026-04,1,1,100.0,460.00,560.00,121.7"
    for name, (columns, _rows) in TABLES.items():
        lines = revenue_table(report, name).splitlines()
        assert {line.count(",") for line in lines} == {len(columns) - 1}
