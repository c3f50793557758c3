"""What was billed of closed periods, against what should have been. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from autorisen import metering
from autorisen.billing.model import Closing, LineKind
from autorisen.catalog import Cell
from autorisen.kit.ids import public_id
from autorisen.metering import CheckName, Discrepancy, Kind


@dataclass(frozen=True)
class Rating:
    """One stored rating of a closed period."""

    id: UUID
    meter: str
    revision: int
    quantity: Decimal
    events: int
    amount_minor: int
    rated_at: datetime
    cell: Cell | None = None

    @property
    def name(self) -> str:
        return self.meter if self.cell is None else f"{self.meter}: {self.cell.name}"


@dataclass(frozen=True)
class BilledLine:
    """One line of an invoice that bills a rating."""

    rated_usage_id: UUID
    invoice: str
    kind: LineKind
    quantity: Decimal
    amount_minor: int


@dataclass(frozen=True)
class Billed:
    """A closed period with all that was rated of it, and the lines that bill it."""

    closing: Closing
    ratings: list[Rating] = field(default_factory=list)
    lines: list[BilledLine] = field(default_factory=list)


@dataclass(frozen=True)
class InvoiceSum:
    """An invoice whose lines do not add up to its total."""

    invoice: str
    total_minor: int
    lines_minor: int


def newest(ratings: Sequence[Rating]) -> dict[tuple[str, Cell | None], Rating]:
    """The rating of each meter, or of each cell of it, that holds."""
    return {(each.meter, each.cell): each for each in sorted(ratings, key=lambda rating: rating.revision)}


def whole_meters(ratings: Sequence[Rating]) -> dict[str, Rating]:
    """The rating of each meter that holds; of cells their sum, as of the last one that was rated."""
    found: dict[str, Rating] = {}
    for each in newest(ratings).values():
        before = found.get(each.meter)
        found[each.meter] = each if before is None else _together(before, each)
    return found


def _together(one: Rating, other: Rating) -> Rating:
    last = max(one, other, key=lambda rating: rating.rated_at)
    return replace(last, quantity=one.quantity + other.quantity, events=one.events + other.events, cell=None)


def place_of(closing: Closing, meter: str) -> dict[str, str]:
    return {
        "customer": public_id("cus", closing.customer_id),
        "period": f"{closing.period_start.isoformat()} to {closing.period_end.isoformat()}",
        "meter": meter,
    }


def compare_amounts(billed: Billed, due: Mapping[UUID, int], priced: Sequence[str]) -> list[Discrepancy]:
    """Ratings against what their quantities cost (`due`, by rating); each of the `priced` meters must have one."""
    closing, ratings = billed.closing, billed.ratings
    found = [
        Discrepancy(CheckName.RATED_USAGE, Kind.RATING_MISSING, place_of(closing, meter), "a rating", "nothing")
        for meter in priced
        if all(rating.meter != meter for rating in ratings)
    ]
    for rating in ratings:
        amount = due[rating.id]
        if amount != rating.amount_minor:
            place = place_of(closing, rating.name) | {"revision": str(rating.revision)}
            expected, there = _minor(amount, closing), _minor(rating.amount_minor, closing)
            found.append(Discrepancy(CheckName.RATED_USAGE, Kind.RATED_AMOUNT, place, expected, there))
    return found


def compare_quantity(
    closing: Closing, rating: Rating, counted: metering.Quantity, events: Sequence[str]
) -> Discrepancy:
    """A rating that is not what was counted when it was made. `events` are the first of those that are counted."""
    place = place_of(closing, rating.name) | {"revision": str(rating.revision)}
    return Discrepancy(
        CheckName.RATED_USAGE,
        Kind.RATED_QUANTITY,
        place,
        f"{counted.quantity:f} of {counted.events} events",
        f"{rating.quantity:f} of {rating.events} events",
        tuple(events),
        counted.events,
    )


def compare_lines(billed: Billed) -> list[Discrepancy]:
    """Each rating, or what it changes against the one before, against the line that bills it."""
    closing, ratings, lines = billed.closing, billed.ratings, billed.lines
    found: list[Discrepancy] = []
    before: dict[str, Rating] = {}
    for rating in sorted(ratings, key=lambda each: (each.name, each.revision)):
        earlier = before.get(rating.name)
        before[rating.name] = rating
        amount = rating.amount_minor - (earlier.amount_minor if earlier else 0)
        quantity = rating.quantity - (earlier.quantity if earlier else 0)
        place = place_of(closing, rating.name) | {"revision": str(rating.revision)}
        mine = [line for line in lines if line.rated_usage_id == rating.id]
        # Usage inside the allowance is on the invoice, at zero; corrections are when they change the amount.
        is_first = earlier is None and rating.rated_at <= closing.closed_at
        is_shown = is_first and quantity and closing.invoice_id is not None
        if not mine and (amount or is_shown):
            found.append(_line(Kind.LINE_MISSING, place, _minor(amount, closing), "no line"))
        if len(mine) > 1:
            named = ", ".join(sorted(line.invoice for line in mine))
            found.append(_line(Kind.LINE_DOUBLED, place | {"invoice": named}, "1 line", f"{len(mine)} lines"))
        for line in mine:
            there = place | {"invoice": line.invoice}
            if line.quantity != quantity:
                found.append(_line(Kind.LINE_QUANTITY, there, f"{quantity:f}", f"{line.quantity:f}"))
            if line.amount_minor != amount:
                wanted, is_there = _minor(amount, closing), _minor(line.amount_minor, closing)
                found.append(_line(Kind.LINE_AMOUNT, there, wanted, is_there))
    return found


def compare_sum(each: InvoiceSum) -> Discrepancy:
    place = {"invoice": each.invoice}
    expected, found = f"lines of {each.lines_minor} minor units", f"a total of {each.total_minor} minor units"
    return _line(Kind.INVOICE_TOTAL, place, expected, found)


def _line(kind: Kind, place: Mapping[str, str], expected: str, found: str) -> Discrepancy:
    return Discrepancy(CheckName.INVOICE_LINES, kind, place, expected, found)


def _minor(amount: int, closing: Closing) -> str:
    return f"{amount} minor units of {closing.currency}"
