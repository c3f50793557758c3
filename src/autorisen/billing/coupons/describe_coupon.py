"""Coupons in words, as pages and documents show them. Pure."""

from __future__ import annotations

from decimal import Decimal

from autorisen.catalog import Coupon
from autorisen.kit.money import plain
from autorisen.ui.formats import money


def coupon_words(coupon: Coupon, currency: str) -> str:
    """What it takes off, as people read it: `20 % off fees, for 3 invoices`."""
    amount = coupon.amount_in(currency)
    off = money(amount) if amount is not None else f"{plain((coupon.percent or Decimal(0)) * 100)} %"
    what = " fees" if coupon.scope == "fees" else ""
    times = {"once": "once", "repeating": f"for {coupon.invoices} invoices", "forever": "for ever"}[coupon.duration]
    return f"{off} off{what}, {times}"
