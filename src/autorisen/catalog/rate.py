"""Rating: what a quantity costs under a price. Pure, exact, and rounded once per line."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation

from autorisen.catalog.model import UsagePrice
from autorisen.kit.money import Money, round_half_up

# Wide enough for any stored numeric; a product that would lose a digit raises instead of rounding in silence.
_EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])


@dataclass(frozen=True)
class Rated:
    """One rated quantity. `included + billable` is the quantity, unless overage is refused: then `billable` is 0."""

    quantity: Decimal
    included: Decimal
    billable: Decimal
    unit_amount: Decimal
    amount: Money


def rate(price: UsagePrice, quantity: Decimal, *, months: int = 1) -> Rated:
    """The cost of a quantity used in a period of so many months: free up to the allowance, then per unit.

    A period of a year pools twelve monthly allowances. The amount is rounded half up, once. Raises ValueError for a
    negative or non-finite quantity and for a period shorter than a month.
    """
    if not quantity.is_finite() or quantity < 0:
        raise ValueError(f"a quantity is a finite number of zero or more, not {quantity}")
    if months < 1:
        raise ValueError(f"a period lasts one month or more, not {months}")
    allowance = _EXACT.multiply(price.included, months)
    included = min(quantity, allowance)
    billable = _EXACT.subtract(quantity, included) if price.overage_allowed else Decimal(0)
    amount = Money(round_half_up(_EXACT.multiply(billable, price.unit_amount)), price.currency)
    return Rated(quantity, included, billable, price.unit_amount, amount)
