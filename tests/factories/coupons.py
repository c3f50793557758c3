"""Coupons for tests: as a catalog file offers them, and as a customer has them."""

from __future__ import annotations

from uuid import UUID

from autorisen.billing.coupons import Redemption
from autorisen.catalog import Coupon, load_catalog, shipped_catalog
from tests.factories.billing import START


def coupon_text(
    terms: str = 'percent = "20"\nduration = "once"', codes: str = '{ code = "LAUNCH" }', key: str = "launch"
) -> str:
    """A [[coupon]] table."""
    return f'\n[[coupon]]\nkey = "{key}"\nname = "Launch offer"\n{terms}\ncode = [{codes}]\n'


def catalog_with(*coupons: str) -> str:
    """The shipped catalog with these coupons."""
    return shipped_catalog() + "".join(coupons)


def coupon_of(terms: str) -> Coupon:
    [coupon] = load_catalog(catalog_with(coupon_text(terms))).coupons
    return coupon


def redemption_of(terms: str, *, used: int = 0, id: int = 7) -> Redemption:
    """A coupon of these terms in a customer's hands."""
    return Redemption(UUID(int=id), UUID(int=1), coupon_of(terms), "LAUNCH", used, START)
