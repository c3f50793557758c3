"""Coupons as the catalog file offers them: what they take off, for how long, and the codes that give them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from autorisen.kit.money import Money, plain

Duration = Literal["once", "repeating", "forever"]
# What is discounted: the whole invoice, or only fees and not the usage.
DiscountScope = Literal["all", "fees"]

DURATIONS: tuple[Duration, ...] = ("once", "repeating", "forever")
SCOPES: tuple[DiscountScope, ...] = ("all", "fees")
# More invoices than a customer will ever have.
FOR_EVER = 2**31 - 1


@dataclass(frozen=True)
class CouponCode:
    """What a customer types. Without a limit it may be redeemed by any number of customers at any time."""

    code: str
    max_redemptions: int | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True)
class Coupon:
    """One immutable version of a coupon: a share (0.2 is 20 %) or an amount per currency off so many invoices.

    Empty `plans` or `currencies` are all of them. A retired coupon can't be redeemed; who has it keeps it.
    """

    id: UUID
    key: str
    version: int
    name: str
    percent: Decimal | None
    amounts: tuple[Money, ...]
    duration: Duration
    invoices: int
    scope: DiscountScope
    plans: tuple[str, ...]
    currencies: tuple[str, ...]
    first_time: bool
    one_per_customer: bool
    codes: tuple[CouponCode, ...]
    retired: bool = False

    def amount_in(self, currency: str) -> Money | None:
        """The amount that it takes off in that currency; None for a share, and where it has none."""
        return next((amount for amount in self.amounts if amount.currency == currency), None)

    def is_sold_in(self, currency: str) -> bool:
        if self.percent is None:
            return self.amount_in(currency) is not None
        return not self.currencies or currency in self.currencies


def coupon_terms(coupon: Coupon) -> dict[str, Any]:
    """The terms as JSON, in the order in which people read them."""
    return {
        "name": coupon.name,
        "percent": None if coupon.percent is None else plain(coupon.percent),
        "amounts": {amount.currency: amount.minor for amount in coupon.amounts},
        "duration": coupon.duration,
        "invoices": coupon.invoices,
        "scope": coupon.scope,
        "plans": list(coupon.plans),
        "currencies": list(coupon.currencies),
        "first_time": coupon.first_time,
        "one_per_customer": coupon.one_per_customer,
        "codes": {
            each.code: {
                "max_redemptions": each.max_redemptions,
                "valid_from": _instant(each.valid_from),
                "valid_until": _instant(each.valid_until),
            }
            for each in coupon.codes
        },
    }


def coupon_of(row: Mapping[str, Any]) -> Coupon:
    """The coupon of a stored version."""
    terms = row["terms"]
    return Coupon(
        id=row["id"],
        key=row["coupon_key"],
        version=row["version"],
        name=terms["name"],
        percent=None if terms["percent"] is None else Decimal(terms["percent"]),
        amounts=tuple(Money(minor, currency) for currency, minor in terms["amounts"].items()),
        duration=terms["duration"],
        invoices=terms["invoices"],
        scope=terms["scope"],
        plans=tuple(terms["plans"]),
        currencies=tuple(terms["currencies"]),
        first_time=terms["first_time"],
        one_per_customer=terms["one_per_customer"],
        codes=tuple(
            CouponCode(code, limits["max_redemptions"], _time(limits["valid_from"]), _time(limits["valid_until"]))
            for code, limits in sorted(terms["codes"].items())
        ),
        retired=row["retired"],
    )


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
