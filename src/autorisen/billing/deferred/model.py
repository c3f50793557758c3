"""How much of the invoiced fees is earned by the end of a day, to the cent. Pure.

A fee is earned evenly over the days of its line, in UTC, without VAT: after so many of its days so much of it, rounded
half up once for the sum so far and not for each day, so that its days always sum to the fee. What takes a fee back, the
credit of a change of plan, a credit note, a void invoice, is a negative fee over the same days: what was earned of it
comes off at once, the rest day by day.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from autorisen.kit.money import Money

DAY = timedelta(days=1)
# How many months ahead a report says when the rest is going to be earned.
MONTHS_AHEAD = 12


@dataclass(frozen=True)
class Fees:
    """So many equal fees: claimed on a day, earned from `first` on until before `end`. Negative: a claim taken back."""

    currency: str
    claimed_on: date
    first: date
    end: date
    net_minor: int
    count: int


@dataclass(frozen=True)
class Standing:
    """All that was claimed and all that was earned before the day `until`."""

    until: date
    added_minor: int
    earned_minor: int


@dataclass(frozen=True)
class Movement:
    """What was claimed and what was earned from `since` on until before `until`, in one currency."""

    currency: str
    since: date
    until: date
    added_minor: int
    earned_minor: int

    @property
    def day(self) -> date:
        """The last day that it covers."""
        return self.until - DAY

    @property
    def occurred_at(self) -> datetime:
        """The last instant of that day: it belongs to its month."""
        return datetime.combine(self.until, time(), UTC) - timedelta(microseconds=1)

    @property
    def added(self) -> Money:
        return Money(self.added_minor, self.currency)

    @property
    def earned(self) -> Money:
        return Money(self.earned_minor, self.currency)


@dataclass(frozen=True)
class Month:
    """What was deferred when a month began, what came, what was earned, and what is left; the first day names it."""

    first: date
    opening: Money
    added: Money
    recognised: Money
    closing: Money


@dataclass(frozen=True)
class Upcoming:
    """What is going to be earned in a month of what is deferred now; `first` None: in all months after the others."""

    first: date | None
    amount: Money


@dataclass(frozen=True)
class DeferredReport:
    """Every month so far and the months to come. `until`: the day before which all is in it; None before the first."""

    until: date | None
    months: tuple[Month, ...]
    upcoming: tuple[Upcoming, ...]

    @property
    def last_day(self) -> date | None:
        return None if self.until is None else self.until - DAY

    @property
    def currencies(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(month.opening.currency for month in self.months))


def earned_minor(net_minor: int, first: date, end: date, until: date) -> int:
    """What is earned of one fee before the day `until`. A fee for less than a day is earned on that day."""
    days = max((end - first).days, 1)
    passed = min(max((until - first).days, 0), days)
    size = (2 * abs(net_minor) * passed + days) // (2 * days)
    return size if net_minor >= 0 else -size


def standing(fees: Iterable[Fees], until: date) -> Standing:
    """All that these fees, of one currency, came to before the day `until`."""
    claimed = [each for each in fees if each.claimed_on < until]
    return Standing(
        until,
        sum(each.count * each.net_minor for each in claimed),
        sum(each.count * earned_minor(each.net_minor, each.first, each.end, until) for each in claimed),
    )


def month_after(day: date) -> date:
    """The first day of the month after that of `day`."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def stops(since: date, until: date) -> list[date]:
    """The days that the books are brought up to on the way: every first of a month, and the last."""
    found, day = [], month_after(since)
    while day < until:
        found.append(day)
        day = month_after(day)
    return [*found, until] if until > since else []


def movements(fees: Sequence[Fees], before: Mapping[str, Standing], until: date) -> list[Movement]:
    """What there is to post so that the books stand where they have to before the day `until`.

    A month never shares a movement with another. What was seen too late for its day is in the next movement.
    """
    found = []
    for currency, mine in sorted(by_currency(fees).items()):
        last = before.get(currency) or Standing(min(each.claimed_on for each in mine), 0, 0)
        for stop in stops(last.until, until):
            now = standing(mine, stop)
            added, earned = now.added_minor - last.added_minor, now.earned_minor - last.earned_minor
            if added or earned:
                found.append(Movement(currency, last.until, stop, added, earned))
                last = now
    return found


def by_currency(fees: Iterable[Fees]) -> dict[str, list[Fees]]:
    found: defaultdict[str, list[Fees]] = defaultdict(list)
    for each in fees:
        found[each.currency].append(each)
    return dict(found)


def months_of(made: Sequence[Movement]) -> tuple[Month, ...]:
    """The movements by month, by currency; a month in which nothing moved is there too."""
    found = []
    for currency in sorted({each.currency for each in made}):
        mine = sorted((each for each in made if each.currency == currency), key=lambda each: each.until)
        month, balance = mine[0].day.replace(day=1), Money.zero(currency)
        while month <= mine[-1].day:
            inside = [each for each in mine if each.day.replace(day=1) == month]
            added = Money(sum(each.added_minor for each in inside), currency)
            recognised = Money(sum(each.earned_minor for each in inside), currency)
            closing = balance + added - recognised
            found.append(Month(month, balance, added, recognised, closing))
            month, balance = month_after(month), closing
    return tuple(found)


def upcoming_of(fees: Sequence[Fees], until: date) -> tuple[Upcoming, ...]:
    """When what is deferred before the day `until` is going to be earned, if nothing is invoiced or taken back."""
    found = []
    for currency, all_of_them in sorted(by_currency(fees).items()):
        mine = [each for each in all_of_them if each.claimed_on < until]
        now, day = standing(mine, until), until
        left = now.added_minor - now.earned_minor
        for _ in range(MONTHS_AHEAD):
            after = month_after(day)
            amount = standing(mine, after).earned_minor - standing(mine, day).earned_minor
            if amount:
                found.append(Upcoming(day.replace(day=1), Money(amount, currency)))
            left, day = left - amount, after
        if left:
            found.append(Upcoming(None, Money(left, currency)))
    return tuple(found)


def deferred_table(report: DeferredReport) -> str:
    """The months as CSV (RFC 4180), amounts in major units."""
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow(["month", "currency", "opening", "added", "recognised", "closing"])
    for each in report.months:
        amounts = (each.opening, each.added, each.recognised, each.closing)
        writer.writerow([f"{each.first:%Y-%m}", each.opening.currency, *(amount.major for amount in amounts)])
    return sheet.getvalue()
