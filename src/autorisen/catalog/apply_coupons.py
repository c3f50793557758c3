"""Apply the coupons of a catalog file: new immutable versions for what changed, at once."""

from __future__ import annotations

from dataclasses import replace

from autorisen.catalog import store_coupons
from autorisen.catalog.coupon_changes import coupon_changes, next_versions
from autorisen.catalog.model import CatalogFile
from autorisen.catalog.plan_changes import Change
from autorisen.catalog.store import lock_catalog
from autorisen.kit.unit import Unit


async def apply_coupons(unit: Unit, catalog_file: CatalogFile) -> list[Change]:
    """Make the file's coupons what can be redeemed. Applied twice, nothing changes twice."""
    await lock_catalog(unit.tx)
    newest = await store_coupons.newest_coupons(unit.tx)
    changes = coupon_changes(newest, catalog_file.coupons)
    for coupon in next_versions(newest, catalog_file.coupons, changes):
        await store_coupons.insert_coupon(unit.tx, replace(coupon, id=unit.ids.new()), unit.now)
    return changes
