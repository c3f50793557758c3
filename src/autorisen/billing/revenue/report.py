"""The revenue report: sums by month become rows that add up, cohorts and shares. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from autorisen.billing.revenue.model import Kind, Moves, month_range, months_between, per_mille
from autorisen.billing.tax import HOME_CURRENCY
from autorisen.kit.money import Money

# The facts of the ledger that change what customers owe, by the column that shows them; every other one is in `other`.
COLUMNS: Mapping[str, str] = {
    "invoice:issued": "invoiced",
    "invoice:voided": "taken_back",
    "credit_note:issued": "taken_back",
    "invoice:written_off": "written_off",
    "invoice:recovered": "written_off",
    "payment:settled": "paid",
    "wallet:drawn": "from_credits",
    "wallet:returned": "from_credits",
}
USAGE = "usage"


@dataclass(frozen=True)
class Sum:
    """An amount of one month: of a fact of the ledger on what customers owe, or of one meter's invoiced usage."""

    month: date
    currency: str
    figure: str
    meter: str
    amount_minor: int


@dataclass(frozen=True)
class MrrMonth:
    """One month's MRR: where it began, what moved it, and where it ended. Contraction and churn are negative."""

    month: date
    opening: Money
    new: Money
    expansion: Money
    reactivation: Money
    contraction: Money
    churn: Money
    closing: Money
    customers_opening: int
    customers_new: int
    customers_back: int
    customers_lost: int
    customers_closing: int

    @property
    def change(self) -> Money:
        return self.closing - self.opening

    @property
    def customer_churn(self) -> int | None:
        """Customers who were lost, of those at the beginning, in thousandths."""
        return per_mille(self.customers_lost, self.customers_opening)

    @property
    def revenue_churn(self) -> int | None:
        """MRR that was lost, to churn and contraction, of that at the beginning, in thousandths."""
        return per_mille(-(self.contraction + self.churn).minor, self.opening.minor)


@dataclass(frozen=True)
class MoneyMonth:
    """What customers owed, VAT contained: what was invoiced, and how it was settled. All but `invoiced` take off."""

    month: date
    opening: Money
    invoiced: Money
    taken_back: Money
    written_off: Money
    paid: Money
    from_credits: Money
    other: Money
    closing: Money


@dataclass(frozen=True)
class UsageMonth:
    """What was invoiced for usage, without VAT and before coupons, by meter."""

    month: date
    meters: Mapping[str, Money]
    total: Money


@dataclass(frozen=True)
class CohortMonth:
    """What is left of a cohort at the end of a month: customers and their MRR, and the shares in thousandths."""

    month: date
    customers: int
    mrr: Money
    customers_share: int | None
    mrr_share: int | None


@dataclass(frozen=True)
class Cohort:
    """The customers whose first payment was in one month. The shares are of `customers` and of their first `mrr`."""

    first: date
    customers: int
    mrr: Money
    months: tuple[CohortMonth, ...]


@dataclass(frozen=True)
class CurrencyRevenue:
    """Everything in one currency. Months are whole, but for the last one, which is not over."""

    currency: str
    mrr: tuple[MrrMonth, ...]
    money: tuple[MoneyMonth, ...]
    usage: tuple[UsageMonth, ...]
    cohorts: tuple[Cohort, ...]

    @property
    def meters(self) -> tuple[str, ...]:
        """The meters that brought something, the greatest sum first."""
        sums: dict[str, int] = defaultdict(int)
        for month in self.usage:
            for meter, amount in month.meters.items():
                sums[meter] += amount.minor
        return tuple(sorted(sums, key=lambda meter: (-sums[meter], meter)))


@dataclass(frozen=True)
class RevenueReport:
    """The last months until an instant, by currency; none when nothing was invoiced by then.

    `as_of` is before now where more has happened since than can be counted while somebody waits: `done` says how much
    of the past it covers, in per cent, and `behind` that the rest is being counted; if not, the night will.
    """

    as_of: datetime
    currencies: tuple[CurrencyRevenue, ...]
    done: int = 100
    behind: bool = False

    @property
    def whole(self) -> bool:
        return self.done == 100


def build_report(
    moves: Sequence[Moves], sums: Sequence[Sum], *, as_of: datetime, month: date, months: int
) -> RevenueReport:
    """The report of the last `months`, of which `month` is the last. Given is everything since the beginning."""
    found = []
    everything: tuple[Moves | Sum, ...] = (*moves, *sums)
    currencies = {each.currency for each in everything}
    for currency in sorted(currencies, key=lambda each: (each != HOME_CURRENCY, each)):
        mine = [each for each in moves if each.currency == currency]
        amounts = [each for each in sums if each.currency == currency]
        first = min(each.month for each in everything if each.currency == currency)
        span = month_range(first, month)
        found.append(
            CurrencyRevenue(
                currency,
                mrr_months(mine, span, currency)[-months:],
                money_months([each for each in amounts if each.figure != USAGE], span, currency)[-months:],
                usage_months([each for each in amounts if each.figure == USAGE], span[-months:], currency),
                cohorts_of(mine, span[-months:], currency),
            )
        )
    return RevenueReport(as_of, tuple(found))


def mrr_months(moves: Iterable[Moves], span: Sequence[date], currency: str) -> tuple[MrrMonth, ...]:
    """The moves of one currency by month; a month in which nothing moved is there too."""
    deltas: dict[tuple[date, Kind], int] = defaultdict(int)
    counts: dict[tuple[date, Kind], int] = defaultdict(int)
    for each in moves:
        deltas[each.month, each.kind] += each.delta_minor
        counts[each.month, each.kind] += each.count
    found, opening, customers = [], Money.zero(currency), 0
    for month in span:
        by_kind = {kind: Money(deltas[month, kind], currency) for kind in Kind}
        closing = sum(by_kind.values(), start=opening)
        new, back, lost = (counts[month, kind] for kind in (Kind.NEW, Kind.REACTIVATION, Kind.CHURN))
        left = customers + new + back - lost
        amounts = {kind.value: amount for kind, amount in by_kind.items()}
        found.append(
            MrrMonth(
                month=month,
                opening=opening,
                closing=closing,
                customers_opening=customers,
                customers_new=new,
                customers_back=back,
                customers_lost=lost,
                customers_closing=left,
                **amounts,
            )
        )
        opening, customers = closing, left
    return tuple(found)


def money_months(sums: Iterable[Sum], span: Sequence[date], currency: str) -> tuple[MoneyMonth, ...]:
    """What customers owed, month by month, from nothing on."""
    names = ("invoiced", "taken_back", "written_off", "paid", "from_credits", "other")
    amounts: dict[tuple[date, str], int] = defaultdict(int)
    for each in sums:
        amounts[each.month, COLUMNS.get(each.figure, "other")] += each.amount_minor
    found, opening = [], Money.zero(currency)
    for month in span:
        columns = {name: Money(amounts[month, name], currency) for name in names}
        closing = sum(columns.values(), start=opening)
        found.append(MoneyMonth(month=month, opening=opening, closing=closing, **columns))
        opening = closing
    return tuple(found)


def usage_months(sums: Iterable[Sum], span: Sequence[date], currency: str) -> tuple[UsageMonth, ...]:
    """Invoiced usage by month and meter; a meter that brought nothing in a month is left out of it."""
    by_month: dict[date, dict[str, int]] = {month: defaultdict(int) for month in span}
    for each in sums:
        if each.month in by_month:
            by_month[each.month][each.meter] += each.amount_minor
    return tuple(
        UsageMonth(
            month,
            {meter: Money(minor, currency) for meter, minor in sorted(meters.items()) if minor},
            Money(sum(meters.values()), currency),
        )
        for month, meters in by_month.items()
    )


def cohorts_of(moves: Iterable[Moves], span: Sequence[date], currency: str) -> tuple[Cohort, ...]:
    """The cohorts whose first payment was in one of these months, each followed to the last of them."""
    by_cohort: dict[date, list[Moves]] = defaultdict(list)
    for each in moves:
        if each.cohort is not None:
            by_cohort[each.cohort].append(each)
    return tuple(_cohort(month, by_cohort[month], span[-1], currency) for month in span if month in by_cohort)


def _cohort(first: date, moves: Sequence[Moves], last: date, currency: str) -> Cohort:
    size = sum(each.count for each in moves if each.kind is Kind.NEW)
    base = sum(each.delta_minor for each in moves if each.kind is Kind.NEW)
    found = []
    for month in month_range(first, last):
        until = [each for each in moves if each.month <= month]
        left = sum(_heads(each) for each in until)
        mrr = sum(each.delta_minor for each in until)
        found.append(CohortMonth(month, left, Money(mrr, currency), per_mille(left, size), per_mille(mrr, base)))
    return Cohort(first, size, Money(base, currency), tuple(found))


def _heads(moves: Moves) -> int:
    """How many customers more there are by these moves; fewer when negative."""
    if moves.kind in (Kind.NEW, Kind.REACTIVATION):
        return moves.count
    return -moves.count if moves.kind is Kind.CHURN else 0


def longest(cohorts: Sequence[Cohort]) -> int:
    """How many months the oldest of these cohorts is followed."""
    return max((months_between(each.first, each.months[-1].month) + 1 for each in cohorts), default=0)
