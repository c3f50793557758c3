"""Rating: what a quantity costs under a price. Pure, exact, and rounded once per line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal, Inexact, InvalidOperation
from fractions import Fraction

from autorisen.catalog.cells import Used
from autorisen.catalog.model import UsagePrice
from autorisen.catalog.price_models import (
    ZERO,
    Graduated,
    Package,
    Part,
    PartKind,
    Percentage,
    PerUnit,
    PriceModel,
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
    return _rate(price, price.model, Used(quantity, events), _Terms.of(price, months, share))


def rate_cells(
    price: UsagePrice, used: Sequence[Used], *, months: int = 1, share: Fraction = WHOLE_PERIOD
) -> tuple[Rated, ...]:
    """The cost of what each cell of a price took and, last, of the rest: see `cells.split`. Otherwise like `rate`.

    The cells draw on the one allowance in their order, the rest last. The cap is of all of them together: who comes
    late pays what it leaves. The rest is filled up to the minimum, as far as the others do not reach it.
    """
    terms, found = _Terms.of(price, months, share), []
    models = [*(each.model for each in price.cells), price.model]
    for place, (model, use) in enumerate(zip(models, used, strict=True), start=1):
        _require(use.quantity, use.events, months, share)
        rated = _rate(price, model, use, terms if place == len(models) else replace(terms, minimum=None))
        found.append(rated)
        left = _EXACT.subtract(terms.allowance, rated.included)
        terms = replace(terms, allowance=left, billed=terms.billed + rated.amount.minor)
    return tuple(found)


@dataclass(frozen=True)
class _Terms:
    """What holds for a whole period, less what earlier cells used of it. `billed` is what they cost, in cents."""

    months: int
    allowance: Decimal
    minimum: int | None
    cap: int | None
    billed: int = 0

    @classmethod
    def of(cls, price: UsagePrice, months: int, share: Fraction) -> _Terms:
        minimum = None if price.minimum is None else _half_up(price.minimum.minor * months * share)
        cap = None if price.cap is None else price.cap.minor * months
        return cls(months, _EXACT.multiply(price.included, months), minimum, cap)


def _rate(price: UsagePrice, model: PriceModel, used: Used, terms: _Terms) -> Rated:
    included = min(used.quantity, terms.allowance)
    billable = _EXACT.subtract(used.quantity, included) if price.overage_allowed else ZERO
    pieces = list(_pieces(price, model, billable, used.events, terms.months)) if price.overage_allowed else []
    parts = _limited(price.currency, _rounded(pieces, price.currency), terms)
    amount = sum((part.amount for part in parts), start=Money.zero(price.currency))
    is_plain = isinstance(model, PerUnit) and len(parts) < 2
    return Rated(
        used.quantity,
        included,
        billable,
        _unit_amount(model, pieces),
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


def _pieces(price: UsagePrice, model: PriceModel, billable: Decimal, events: int, months: int) -> Iterator[_Piece]:
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


def _limited(currency: str, parts: list[Part], terms: _Terms) -> list[Part]:
    """The parts, and what the minimum adds to them or the cap takes off."""
    amount = terms.billed + sum(part.amount.minor for part in parts)
    limits = []
    if terms.minimum is not None:
        limits.append((PartKind.MINIMUM, terms.minimum, max(terms.minimum - amount, 0)))
    if terms.cap is not None:
        limits.append((PartKind.CAP, terms.cap, min(terms.cap - amount, 0)))
    return parts + [
        Part(kind, _ONE, Decimal(limit), Money(difference, currency))
        for kind, limit, difference in limits
        if difference
    ]


def _half_up(amount: Fraction) -> int:
    """A fraction of zero or more, rounded half up."""
    return (amount + Fraction(1, 2)).__floor__()


def _unit_amount(model: PriceModel, pieces: list[_Piece]) -> Decimal:
    match model:
        case PerUnit(unit_amount):
            return unit_amount
        case Volume() if pieces:
            return pieces[0].unit_amount
    return ZERO
