"""The report as CSV (RFC 4180), amounts in major units, shares in per cent. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from autorisen.billing.revenue.model import months_between
from autorisen.billing.revenue.report import CurrencyRevenue, RevenueReport

Row = list[object]


def percent_cell(per_mille: int | None) -> str:
    return "" if per_mille is None else str(Decimal(per_mille).scaleb(-1))


def _mrr(revenue: CurrencyRevenue) -> Iterator[Row]:
    for each in revenue.mrr:
        amounts = (
            each.opening, each.new, each.expansion, each.reactivation, each.contraction, each.churn, each.closing,
        )  # fmt: skip
        heads = (each.customers_opening, each.customers_new, each.customers_back, each.customers_lost)
        shares = (percent_cell(each.customer_churn), percent_cell(each.revenue_churn))
        yield [f"{each.month:%Y-%m}", revenue.currency, *(amount.major for amount in amounts), *heads,
               each.customers_closing, *shares]  # fmt: skip


def _money(revenue: CurrencyRevenue) -> Iterator[Row]:
    for each in revenue.money:
        amounts = (
            each.opening, each.invoiced, each.taken_back, each.written_off, each.paid, each.from_credits, each.other,
            each.closing,
        )  # fmt: skip
        yield [f"{each.month:%Y-%m}", revenue.currency, *(amount.major for amount in amounts)]


def _usage(revenue: CurrencyRevenue) -> Iterator[Row]:
    for each in revenue.usage:
        for meter, amount in each.meters.items():
            yield [f"{each.month:%Y-%m}", revenue.currency, meter, amount.major]


def _cohorts(revenue: CurrencyRevenue) -> Iterator[Row]:
    for cohort in revenue.cohorts:
        for each in cohort.months:
            yield [
                f"{cohort.first:%Y-%m}", revenue.currency, months_between(cohort.first, each.month),
                f"{each.month:%Y-%m}", cohort.customers, each.customers, percent_cell(each.customers_share),
                cohort.mrr.major, each.mrr.major, percent_cell(each.mrr_share),
            ]  # fmt: skip


# Each table by the name that asks for it: its columns, and its rows of one currency.
TABLES: Mapping[str, tuple[tuple[str, ...], Callable[[CurrencyRevenue], Iterator[Row]]]] = {
    "mrr": (
        ("month", "currency", "opening", "new", "expansion", "reactivation", "contraction", "churn", "closing",
         "customers_opening", "customers_new", "customers_back", "customers_lost", "customers_closing",
         "customer_churn_percent", "revenue_churn_percent"),
        _mrr,
    ),
    "receivables": (
        ("month", "currency", "opening", "invoiced", "taken_back", "written_off", "paid", "from_credits", "other",
         "closing"),
        _money,
    ),
    "usage": (("month", "currency", "meter", "net"), _usage),
    "cohorts": (
        ("cohort", "currency", "months_later", "month", "customers_first", "customers", "customers_percent",
         "mrr_first", "mrr", "mrr_percent"),
        _cohorts,
    ),
}  # fmt: skip


def revenue_table(report: RevenueReport, name: str) -> str:
    """One of `TABLES`, all currencies below each other."""
    columns, rows = TABLES[name]
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow(columns)
    for revenue in report.currencies:
        writer.writerows(rows(revenue))
    return sheet.getvalue()
