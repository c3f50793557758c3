"""A stretch of days, what happened in it, and the balance after each line. Pure."""

import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from autorisen.kit.money import Money
from autorisen.kit.problems import FieldError, InvalidInput
from autorisen.ledger.model import StatementLine

LINES_MAX = 5_000


class StatementTooLong(InvalidInput):
    """More lines than one answer takes."""

    code, title = "statement_too_long", "Too many lines for one statement"


@dataclass(frozen=True)
class Days:
    """Whole days of a time zone, the first and the last included."""

    first: date
    last: date
    time_zone: str

    @property
    def start_at(self) -> datetime:
        return datetime.combine(self.first, time(), ZoneInfo(self.time_zone)).astimezone(UTC)

    @property
    def end_at(self) -> datetime:
        """The instant after the last day."""
        return datetime.combine(self.last + timedelta(days=1), time(), ZoneInfo(self.time_zone)).astimezone(UTC)


@dataclass(frozen=True)
class Movement:
    """What one transaction changed on the accounts that are asked about, in one currency."""

    occurred_at: datetime
    reference: str
    description: str
    amount: Money


@dataclass(frozen=True)
class CurrencyStatement:
    """The balance before, the lines, and the balance after, in one currency. Positive is a debit: it is owed to us."""

    currency: str
    opening: Money
    lines: tuple[StatementLine, ...]
    closing: Money

    @property
    def debits(self) -> Money:
        return Money(sum(max(line.amount.minor, 0) for line in self.lines), self.currency)

    @property
    def credits(self) -> Money:
        """What was credited, as a positive amount."""
        return Money(sum(max(-line.amount.minor, 0) for line in self.lines), self.currency)


def days_of(first: str, last: str, *, now: datetime, time_zone: str) -> Days:
    """The days that were asked for; up to today, and from a year before on, where nothing is said.

    Raises `InvalidInput`, which names the field.
    """
    today = now.astimezone(ZoneInfo(time_zone)).date()
    until = _day(last, "to") if last else today
    since = _day(first, "from") if first else _a_year_before(until)
    if since > until:
        raise InvalidInput(errors=[FieldError("query/from", "must not be after the last day")])
    return Days(since, until, time_zone)


def _day(text: str, name: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(errors=[FieldError(f"query/{name}", "must be a date like 2026-03-01")]) from None
    if not date(1900, 1, 1) <= found <= date(9000, 1, 1):
        raise InvalidInput(errors=[FieldError(f"query/{name}", "must be between 1900 and 9000")])
    return found


def _a_year_before(day: date) -> date:
    return max(day.replace(day=1) - timedelta(days=365), date(1900, 1, 1)).replace(day=1)


def statements(opening: Mapping[str, Money], movements: Sequence[Movement]) -> tuple[CurrencyStatement, ...]:
    """One statement a currency: what was there before, and the running balance line by line.

    Raises `StatementTooLong` for more than LINES_MAX movements.
    """
    if len(movements) > LINES_MAX:
        raise StatementTooLong(
            f"there are more than {LINES_MAX:,} lines; ask for fewer days",
            errors=[FieldError("query/from", f"must leave at most {LINES_MAX:,} lines")],
        )
    by_currency: defaultdict[str, list[Movement]] = defaultdict(list)
    for each in movements:
        by_currency[each.amount.currency].append(each)
    found = []
    for currency in sorted(opening.keys() | by_currency.keys()):
        balance = before = opening.get(currency, Money.zero(currency))
        lines = []
        for each in by_currency[currency]:
            balance = balance + each.amount
            lines.append(StatementLine(each.occurred_at, each.reference, each.description, each.amount, balance))
        found.append(CurrencyStatement(currency, before, tuple(lines), balance))
    return tuple(found)


def statement_table(days: Days, found: Sequence[CurrencyStatement]) -> str:
    """The statements as CSV (RFC 4180); amounts in major units, a debit positive."""
    zone = ZoneInfo(days.time_zone)
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow(["date", "description", "reference", "currency", "amount", "balance"])
    for each in found:
        writer.writerow([days.first, "Opening balance", "", each.currency, "", each.opening.major])
        for line in each.lines:
            day = line.occurred_at.astimezone(zone).date()
            writer.writerow(
                [day, line.description, line.reference, each.currency, line.amount.major, line.balance.major]
            )
        writer.writerow([days.last, "Closing balance", "", each.currency, "", each.closing.major])
    return sheet.getvalue()
