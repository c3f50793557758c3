"""Apply a catalog file: plans to the catalog, meters to metering, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from autorisen import catalog, metering
from autorisen.kit.database import Tx
from autorisen.kit.unit import Unit


@dataclass(frozen=True)
class CatalogChanges:
    """What an apply would change or has changed. Plans change from the effective date on, meters and coupons at once.

    `refusal` says why the plans would not be changed at all; refused meters say so themselves.
    """

    plans: list[catalog.Change]
    meters: list[metering.MeterChange]
    coupons: list[catalog.Change]
    refusal: str = ""

    def __bool__(self) -> bool:
        return bool(self.plans or self.meters or self.coupons)


async def plan_catalog(tx: Tx, file: catalog.CatalogFile, now: datetime) -> CatalogChanges:
    """What applying the file now would do, and what of it would be refused. Changes nothing."""
    newest = await catalog.newest_plans(tx)
    plans = catalog.plan_changes(newest, file)
    refusal = ""
    try:
        catalog.require_order(newest, plans, file.effective_from or now, now)
    except catalog.EffectiveDatePassed as early:
        refusal = early.detail
    priced = await catalog.priced_meters(tx)
    meters = await metering.plan_meters(tx, metering.load_meters(file.meters), priced=priced)
    coupons = catalog.coupon_changes(await catalog.newest_coupons(tx), file.coupons)
    return CatalogChanges(plans, meters, coupons, refusal)


async def apply_catalog_text(unit: Unit, text: str) -> CatalogChanges:
    """Make a catalog file what is sold and measured. Applied twice, nothing changes twice.

    Raises what `catalog.apply_catalog` and `metering.apply_meters` raise, and then changes nothing.
    """
    file = catalog.load_catalog(text)
    definitions = metering.load_meters(file.meters)
    await catalog.lock_catalog(unit.tx)
    # Asked before the new versions are there: a meter that was never priced may change while it is priced first.
    priced = await catalog.priced_meters(unit.tx)
    plans = await catalog.apply_catalog(unit, file)
    meters = await metering.apply_meters(unit, definitions, priced=priced)
    return CatalogChanges(plans, meters, await catalog.apply_coupons(unit, file))
