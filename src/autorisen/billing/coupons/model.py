"""Redeemed coupons. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from autorisen import catalog
from autorisen.catalog import Coupon
from autorisen.kit.ids import public_id


@dataclass(frozen=True)
class Redemption:
    """A coupon that a customer has: its terms as they were redeemed, and on how many invoices it was used."""

    id: UUID
    customer_id: UUID
    coupon: Coupon
    code: str
    used: int
    redeemed_at: datetime

    @property
    def public_id(self) -> str:
        return public_id("red", self.id)

    @property
    def uses_left(self) -> int | None:
        """On how many more invoices it takes something off; None for ever."""
        return None if self.coupon.invoices == catalog.FOR_EVER else self.coupon.invoices - self.used

    @property
    def is_spent(self) -> bool:
        return self.uses_left == 0

    def applies_to(self, plan_key: str, currency: str) -> bool:
        """Whether it takes something off the next invoice of a customer on that plan."""
        is_for_plan = not self.coupon.plans or plan_key in self.coupon.plans
        return not self.is_spent and is_for_plan and self.coupon.is_sold_in(currency)
