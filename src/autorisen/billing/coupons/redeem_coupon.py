"""A customer redeems a code: from then on the coupon takes something off their invoices."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from autorisen import accounts, catalog
from autorisen.billing import store as invoices
from autorisen.billing.coupons import store
from autorisen.billing.coupons.errors import (
    CouponForNewCustomers,
    CouponKeyTaken,
    CouponNotForCurrency,
    CouponNotValid,
    CouponRedeemed,
    CouponUnknown,
    CouponUsedUp,
)
from autorisen.billing.coupons.model import Redemption
from autorisen.catalog import Coupon, CouponCode
from autorisen.kit.database import Tx
from autorisen.kit.unit import Unit


async def find_code(tx: Tx, text: str) -> tuple[Coupon, CouponCode]:
    """The coupon that a typed code gives, whoever types it in whatever case. Raises `CouponUnknown`."""
    wanted = _as_written(text)
    for coupon in await catalog.newest_coupons(tx):
        for code in coupon.codes:
            if code.code == wanted and not coupon.retired:
                return coupon, code
    raise CouponUnknown


def _as_written(text: str) -> str:
    """A typed code as the catalog writes it."""
    return text.strip().upper()


def require_valid(code: CouponCode, now: datetime) -> None:
    """Raises `CouponNotValid` before the code's first instant, and from its end on."""
    if code.valid_from is not None and now < code.valid_from:
        raise CouponNotValid(f"it is valid from {code.valid_from:%d %B %Y} on")
    if code.valid_until is not None and code.valid_until <= now:
        raise CouponNotValid(f"it was valid until {code.valid_until:%d %B %Y}")


async def redeem_coupon(unit: Unit, *, customer_id: UUID, text: str, actor: str, key: str | None = None) -> Redemption:
    """Give a customer the coupon of a code, as far as its limits allow; once for each `key`.

    The same key again gives what it redeemed, whatever became of the code. Raises `CouponKeyTaken`, `CouponUnknown`,
    `CouponNotValid`, `CouponUsedUp`, `CouponRedeemed`, `CouponNotForCurrency` and `CouponForNewCustomers`.
    """
    known = None if key is None else await store.redemption_by_key(unit.tx, customer_id, key)
    if known is not None:
        if known.code != _as_written(text):
            raise CouponKeyTaken(f"{known.code} was redeemed with it")
        return known
    coupon, code = await find_code(unit.tx, text)
    require_valid(code, unit.now)
    customer = await accounts.customer(unit.tx, customer_id)
    if not coupon.is_sold_in(customer.currency):
        raise CouponNotForCurrency(f"it takes nothing off invoices in {customer.currency}")
    if coupon.first_time and await invoices.list_invoices(unit.tx, customer_id=customer_id, limit=1):
        raise CouponForNewCustomers("it is for customers who have no invoice yet")
    number = await store.take_number(unit.tx, code.code)
    if code.max_redemptions is not None and code.max_redemptions < number:
        raise CouponUsedUp(f"{code.max_redemptions:,} customers have redeemed it, and no more can")
    id = unit.ids.new()
    values = {
        "id": id,
        "customer_id": customer_id,
        "coupon_version_id": coupon.id,
        "coupon_key": coupon.key,
        "code": code.code,
        "number": number,
        "number_max": code.max_redemptions,
        "uses_max": coupon.invoices,
        "one_per_customer": coupon.one_per_customer,
        "scope": coupon.scope,
        "redeemed_at": unit.now,
        "key": key,
    }
    if not await store.insert_redemption(unit.tx, values):
        raise CouponRedeemed("each customer can have it once")
    await accounts.record_audit(
        unit, actor=actor, action="coupon.redeemed", target=customer.public_id, detail={"code": code.code}
    )
    return Redemption(id, customer_id, coupon, code.code, 0, unit.now)
