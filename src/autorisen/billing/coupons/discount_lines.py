"""What coupons take off an invoice: one line each, after the charges and before credits pay. Pure.

The order, stated once: usage is rated (allowance, model, minimum, cap), fees and corrections are added, coupons take
off in the order in which they were redeemed, and what is left contains the tax; credits of the wallet pay of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from autorisen.billing.coupons.describe_coupon import coupon_words
from autorisen.billing.coupons.model import Redemption
from autorisen.billing.model import Draft, Line, LineKind, sum_of
from autorisen.billing.tax import discount_tax
from autorisen.kit.money import Money

# What a coupon on fees is about.
FEE_KINDS = frozenset({LineKind.FLAT_FEE, LineKind.ADDON, LineKind.PRORATION_CREDIT})


def with_discounts(draft: Draft, redemptions: Sequence[Redemption], plan_key: str) -> Draft:
    """The draft with a line for each coupon that takes something off; the total never falls below zero."""
    lines = draft.lines
    for each in redemptions:
        if each.applies_to(plan_key, draft.currency):
            line = _line(lines, each, draft.currency)
            lines = (*lines, line) if line is not None else lines
    return replace(draft, lines=lines)


def _line(lines: Sequence[Line], redemption: Redemption, currency: str) -> Line | None:
    coupon = redemption.coupon
    total = sum_of((line.amount for line in lines), currency).minor
    scoped = [line for line in lines if coupon.scope == "all" or line.kind in FEE_KINDS]
    base = min(sum(line.amount.minor for line in scoped), total)
    if base <= 0:
        return None
    off = min(_off(redemption, currency, base), base)
    if not off:
        return None
    times = f", {redemption.used + 1} of {coupon.invoices}" if coupon.duration == "repeating" else ""
    return Line(
        kind=LineKind.DISCOUNT,
        description=f"{coupon.name} ({redemption.code}): {coupon_words(coupon, currency)}{times}",
        quantity=Decimal(1),
        included=Decimal(0),
        unit_amount=Decimal(-off),
        unit_label="coupon",
        amount=Money(-off, currency),
        tax=discount_tax(lines, Money(-off, currency)),
        period_start=min(line.period_start for line in scoped),
        period_end=max(line.period_end for line in scoped),
        redemption_id=redemption.id,
    )


def _off(redemption: Redemption, currency: str, base: int) -> int:
    amount = redemption.coupon.amount_in(currency)
    if amount is not None:
        return amount.minor
    return _half_up(base * Fraction(redemption.coupon.percent or 0))


def fee_discount(fee_minor: int, fees_minor: int, charges_minor: int, *, on_fees: int, on_all: int) -> int:
    """How much of an invoice's discounts fell on its fee: what was not paid for it is never credited.

    A discount falls on what it is about in proportion: `on_fees` on the fees, `on_all` on all charges.
    """
    share = Fraction(0)
    if fees_minor:
        share += Fraction(on_fees * fee_minor, fees_minor)
    if charges_minor:
        share += Fraction(on_all * fee_minor, charges_minor)
    return min(_half_up(share), fee_minor)


def _half_up(amount: Fraction) -> int:
    return (amount + Fraction(1, 2)).__floor__()
