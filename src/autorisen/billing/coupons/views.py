"""Coupons as the machine interface shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from autorisen.billing.coupons.describe_coupon import coupon_words
from autorisen.billing.coupons.model import Redemption
from autorisen.kit.money import plain


class CouponView(BaseModel):
    """A coupon that a customer has.

    It takes off `percent` (a share: 0.2 is 20 %) or, in the customer's currency, `amount_minor` cents: of the whole
    invoice (`all`) or of its `fees`. `uses_left` counts invoices; null is for ever. With `plans`, only while the
    customer is on one of them.
    """

    id: str
    coupon: str
    version: int
    name: str
    code: str
    words: str
    percent: str | None
    amount_minor: int | None
    on: Literal["all", "fees"]
    duration: Literal["once", "repeating", "forever"]
    plans: list[str]
    used: int
    uses_left: int | None
    redeemed_at: datetime


def coupon_view(redemption: Redemption, currency: str) -> CouponView:
    coupon = redemption.coupon
    amount = coupon.amount_in(currency)
    return CouponView(
        id=redemption.public_id,
        coupon=coupon.key,
        version=coupon.version,
        name=coupon.name,
        code=redemption.code,
        words=coupon_words(coupon, currency),
        percent=None if coupon.percent is None else plain(coupon.percent),
        amount_minor=None if amount is None else amount.minor,
        on=coupon.scope,
        duration=coupon.duration,
        plans=list(coupon.plans),
        used=redemption.used,
        uses_left=redemption.uses_left,
        redeemed_at=redemption.redeemed_at,
    )
