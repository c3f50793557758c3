"""Rating: what a quantity costs under a price. Pure, exact, and rounded once per line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation
from fractions import Fraction

from autorisen.catalog.model import UsagePrice
from autorisen.catalog.price_models import (
    ZERO,
    Graduated,
    Package,
    Part,
    PartKind,
    Percentage,
    PerUnit,
    Volume,
)
from autorisen.kit.money import EXPONENTS, Money, round_half_up

# Wide enough for any stored numeric; a product that would lose a digit raises instead of rounding in silence.
_EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])
_ONE = Decimal(1)
WHOLE_PERIOD = Fraction(1)


@dataclass(frozen=True)
class Rated:
    """One rated quantity. `included + billable` is the quantity, unless overage is refused: then `billable` is 0.

    `parts` explains the amount and sums to it; it is empty for so many units at one price, which needs no words.
    `unit_amount` is 0 where the units have no one price.
    """

    quantity: Decimal
    included: Decimal
    billable: Decimal
    unit_amount: Decimal
    amount: Money
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class _Piece:
    """A part before it has its piece of the rounded line."""

    kind: PartKind
    quantity: Decimal
    unit_amount: Decimal
    above: Decimal | None = None
    up_to: Decimal | None = None
    size: Decimal | None = None

    @property
    def exact(self) -> Decimal:
        return _EXACT.multiply(self.quantity, self.unit_amount)


def rate(
    price: UsagePrice, quantity: Decimal, *, events: int = 0, months: int = 1, share: Fraction = WHOLE_PERIOD
) -> Rated:
    """The cost of a quantity, made of so many events, used in a period of so many months.

    The allowance is free; what is beyond is priced by the model. A period of a year pools twelve months: allowance,
    bounds of tiers, their fees, minimum and cap. `share` is the part of the planned period that was served, and only
    the minimum shrinks with it. The amount is rounded half up, once. Raises ValueError for a negative or non-finite
    quantity, negative events, a period shorter than a month, and a share outside of 0 to 1.
    """
    _require(quantity, events, months, share)
    included = min(quantity, _EXACT.multiply(price.included, months))
    billable = _EXACT.subtract(quantity, included) if price.overage_allowed else ZERO
    pieces = list(_pieces(price, billable, events, months)) if price.overage_allowed else []
    parts = _limited(price, _rounded(pieces, price.currency), months, share)
    amount = sum((part.amount for part in parts), start=Money.zero(price.currency))
    is_plain = isinstance(price.model, PerUnit) and len(parts) < 2
    return Rated(
        quantity,
        included,
        billable,
        _unit_amount(price, pieces),
        amount,
        () if is_plain else tuple(part for part in parts if part.quantity),
    )


def _require(quantity: Decimal, events: int, months: int, share: Fraction) -> None:
    if not quantity.is_finite() or quantity < 0:
        raise ValueError(f"a quantity is a finite number of zero or more, not {quantity}")
    if events < 0:
        raise ValueError(f"a number of events is zero or more, not {events}")
    if months < 1:
        raise ValueError(f"a period lasts one month or more, not {months}")
    if not 0 <= share <= 1:
        raise ValueError(f"a share of a period is from 0 to 1, not {share}")


def _pieces(price: UsagePrice, billable: Decimal, events: int, months: int) -> Iterator[_Piece]:
    model = price.model
    match model:
        case PerUnit():
            yield _Piece(PartKind.UNITS, billable, model.unit_amount)
        case Package():
            whole, rest = _EXACT.divmod(billable, model.size)
            yield _Piece(PartKind.PACKAGES, _EXACT.add(whole, _ONE) if rest else whole, model.amount, size=model.size)
        case Percentage():
            minor_units = Decimal(10 ** EXPONENTS[price.currency])
            yield _Piece(PartKind.SHARE, billable, _EXACT.multiply(model.rate, minor_units))
            if model.fee:
                yield _Piece(PartKind.EVENT_FEE, Decimal(events), model.fee)
        case _:
            yield from _tier_pieces(model, billable, months)


def _tier_pieces(model: Graduated | Volume, billable: Decimal, months: int) -> Iterator[_Piece]:
    """The parts of the tiers that were reached; no use reaches none, so it costs no fee."""
    above = ZERO
    for tier in model.tiers:
        top = None if tier.up_to is None else _EXACT.multiply(tier.up_to, months)
        ends_here = top is None or billable <= top
        if billable > above and (ends_here or isinstance(model, Graduated)):
            reached = billable if top is None else min(billable, top)
            units = _EXACT.subtract(reached, above) if isinstance(model, Graduated) else billable
            yield _Piece(PartKind.UNITS, units, tier.unit_amount, above, top)
            if tier.fee:
                yield _Piece(PartKind.TIER_FEE, Decimal(months), tier.fee, above, top)
        above = billable if top is None else top


def _rounded(pieces: list[_Piece], currency: str) -> list[Part]:
    """Each piece with its share of the sum, which is rounded once: the running total is rounded, and the steps kept."""
    parts, exact, before = [], ZERO, 0
    for piece in pieces:
        exact = _EXACT.add(exact, piece.exact)
        after = round_half_up(exact)
        amount = Money(after - before, currency)
        parts.append(Part(piece.kind, piece.quantity, piece.unit_amount, amount, piece.above, piece.up_to, piece.size))
        before = after
    return parts


def _limited(price: UsagePrice, parts: list[Part], months: int, share: Fraction) -> list[Part]:
    """The parts, and what the minimum adds to them or the cap takes off."""
    amount = sum(part.amount.minor for part in parts)
    limits = []
    if price.minimum is not None:
        minimum = _half_up(price.minimum.minor * months * share)
        limits.append((PartKind.MINIMUM, minimum, max(minimum - amount, 0)))
    if price.cap is not None:
        cap = price.cap.minor * months
        limits.append((PartKind.CAP, cap, min(cap - amount, 0)))
    return parts + [
        Part(kind, _ONE, Decimal(limit), Money(difference, price.currency))
        for kind, limit, difference in limits
        if difference
    ]


def _half_up(amount: Fraction) -> int:
    """A fraction of zero or more, rounded half up."""
    return (amount + Fraction(1, 2)).__floor__()


def _unit_amount(price: UsagePrice, pieces: list[_Piece]) -> Decimal:
    match price.model:
        case PerUnit(unit_amount):
            return unit_amount
        case Volume() if pieces:
            return pieces[0].unit_amount
    return ZERO
