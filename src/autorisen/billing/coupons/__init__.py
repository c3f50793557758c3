"""Coupons: codes that customers redeem, and what they take off invoices.

Owns the tables `coupon_codes`, `redemptions` and `coupon_uses` of the schema `billing`. A code is never redeemed more
often than its limit, and a coupon never used on more invoices than it may, by constraint.

This is the door; the rest of billing enters by it.
"""

from autorisen.billing.coupons.describe_coupon import coupon_words
from autorisen.billing.coupons.discount_lines import with_discounts
from autorisen.billing.coupons.errors import (
    CouponCoversAll,
    CouponForNewCustomers,
    CouponKeyTaken,
    CouponNotForCurrency,
    CouponNotValid,
    CouponRedeemed,
    CouponUnknown,
    CouponUsedUp,
)
from autorisen.billing.coupons.model import Redemption
from autorisen.billing.coupons.redeem_coupon import find_code, redeem_coupon
from autorisen.billing.coupons.store import (
    code_counts,
    fee_discount_of,
    redemption,
    redemptions_of,
    redemptions_of_many,
)
from autorisen.billing.coupons.use_coupons import CouponUse, spent_coupon, use_coupons, uses_of

__all__ = [
    "CouponCoversAll",
    "CouponForNewCustomers",
    "CouponKeyTaken",
    "CouponNotForCurrency",
    "CouponNotValid",
    "CouponRedeemed",
    "CouponUnknown",
    "CouponUse",
    "CouponUsedUp",
    "Redemption",
    "code_counts",
    "coupon_words",
    "fee_discount_of",
    "find_code",
    "redeem_coupon",
    "redemption",
    "redemptions_of",
    "redemptions_of_many",
    "spent_coupon",
    "use_coupons",
    "uses_of",
    "with_discounts",
]
